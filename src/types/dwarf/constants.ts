/** DW_TAG_*: the tags that types, functions and variables have. DWARF 5 section 7.5.3. */
export const TAG = {
  array_type: 0x01,
  class_type: 0x02,
  enumeration_type: 0x04,
  formal_parameter: 0x05,
  member: 0x0d,
  pointer_type: 0x0f,
  reference_type: 0x10,
  compile_unit: 0x11,
  string_type: 0x12,
  structure_type: 0x13,
  subroutine_type: 0x15,
  typedef: 0x16,
  union_type: 0x17,
  unspecified_parameters: 0x18,
  inheritance: 0x1c,
  inlined_subroutine: 0x1d,
  ptr_to_member_type: 0x1f,
  subrange_type: 0x21,
  base_type: 0x24,
  const_type: 0x26,
  enumerator: 0x28,
  subprogram: 0x2e,
  variable: 0x34,
  volatile_type: 0x35,
  restrict_type: 0x37,
  namespace: 0x39,
  unspecified_type: 0x3b,
  partial_unit: 0x3c,
  type_unit: 0x41,
  rvalue_reference_type: 0x42,
  atomic_type: 0x47,
  skeleton_unit: 0x4a,
} as const;

/** DW_AT_*: the attributes that are read. DWARF 5 section 7.5.4. */
export const AT = {
  sibling: 0x01,
  location: 0x02,
  name: 0x03,
  byte_size: 0x0b,
  bit_offset: 0x0c,
  bit_size: 0x0d,
  low_pc: 0x11,
  language: 0x13,
  string_length: 0x19,
  const_value: 0x1c,
  lower_bound: 0x22,
  producer: 0x25,
  upper_bound: 0x2f,
  abstract_origin: 0x31,
  count: 0x37,
  data_member_location: 0x38,
  declaration: 0x3c,
  external: 0x3f,
  specification: 0x47,
  type: 0x49,
  ranges: 0x55,
  signature: 0x69,
  data_bit_offset: 0x6b,
  str_offsets_base: 0x72,
  addr_base: 0x73,
  dwo_name: 0x76,
  alignment: 0x88,
  GNU_dwo_name: 0x2130,
} as const;

/** DW_FORM_*. DWARF 5 section 7.5.6; the GNU forms are those of split DWARF 4 and of dwz. */
export const FORM = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  ref_addr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  ref_udata: 0x15,
  indirect: 0x16,
  sec_offset: 0x17,
  exprloc: 0x18,
  flag_present: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  ref_sup4: 0x1c,
  strp_sup: 0x1d,
  data16: 0x1e,
  line_strp: 0x1f,
  ref_sig8: 0x20,
  implicit_const: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
  ref_sup8: 0x24,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
  GNU_addr_index: 0x1f01,
  GNU_str_index: 0x1f02,
  GNU_ref_alt: 0x1f20,
  GNU_strp_alt: 0x1f21,
} as const;

/** DW_LANG_* of languages whose arrays begin at 1 where nothing else is said. DWARF 5 section 7.12, table 7.17. */
export const ONE_BASED_LANGUAGES: ReadonlySet<number> = new Set([
  0x03, // Ada83
  0x05, // Cobol74
  0x06, // Cobol85
  0x07, // Fortran77
  0x08, // Fortran90
  0x09, // Pascal83
  0x0a, // Modula2
  0x0d, // Ada95
  0x0e, // Fortran95
  0x0f, // PLI
  0x17, // Modula3
  0x1f, // Julia
  0x22, // Fortran03
  0x23, // Fortran08
]);

/** DW_UT_*. DWARF 5 section 7.5.1. */
export const UT = { compile: 1, type: 2, partial: 3, skeleton: 4, split_compile: 5, split_type: 6 } as const;

/** DW_OP_*: the operations in front of a constant or an address. DWARF 5 section 7.7.1. */
export const OP = {
  addr: 0x03,
  const1u: 0x08,
  const2u: 0x0a,
  constu: 0x10,
  plus_uconst: 0x23,
  addrx: 0xa1,
  GNU_addr_index: 0xfb,
} as const;

/** Attributes that tell where code lies and which source line it comes from. DWARF 5 section 7.5.4. */
export const SOURCE_AT = {
  sibling: 0x01,
  name: 0x03,
  stmt_list: 0x10,
  low_pc: 0x11,
  high_pc: 0x12,
  comp_dir: 0x1b,
  abstract_origin: 0x31,
  decl_file: 0x3a,
  decl_line: 0x3b,
  specification: 0x47,
  ranges: 0x55,
  call_file: 0x58,
  call_line: 0x59,
  str_offsets_base: 0x72,
  addr_base: 0x73,
  rnglists_base: 0x74,
} as const;

/** DW_RLE_*: the entries of a list of ranges. DWARF 5 section 7.25. */
export const RLE = {
  end_of_list: 0,
  base_addressx: 1,
  startx_endx: 2,
  startx_length: 3,
  offset_pair: 4,
  base_address: 5,
  start_end: 6,
  start_length: 7,
} as const;

/** DW_LNS_* and DW_LNE_*: the opcodes of line programs. DWARF 5 sections 7.22, tables 7.25 and 7.26. */
export const LNS = {
  extended: 0,
  copy: 1,
  advance_pc: 2,
  advance_line: 3,
  set_file: 4,
  set_column: 5,
  negate_stmt: 6,
  set_basic_block: 7,
  const_add_pc: 8,
  fixed_advance_pc: 9,
} as const;
export const LNE = { end_sequence: 1, set_address: 2, define_file: 3 } as const;

/** DW_LNCT_*: what the header of a line table says of a file. DWARF 5 section 7.22, table 7.27. */
export const LNCT = { path: 1, directory_index: 2 } as const;
