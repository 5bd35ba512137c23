import { nameReader } from "../elf/names.ts";
import type { ElfObject } from "../elf/object.ts";
import { UnsupportedError } from "../errors.ts";
import { hex } from "../hex.ts";
import { Cursor, type Fail } from "./cursor.ts";
import {
  type FunctionNode,
  type FunctionUse,
  type TypeGraph,
  type TypeKind,
  type TypeNode,
  type VariableNode,
  VOID,
} from "./graph.ts";
import type { DebugSections } from "./sections.ts";

/** BTF_KIND_*. Linux: Documentation/bpf/btf.rst, include/uapi/linux/btf.h. */
const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

const MAGIC = 0xeb9f;
const HEADER_SIZE = 24;
/** Id 0 is void. */
const VOID_ID = 0;

/** Places of the type and the string section, from the end of the header. */
interface Header {
  readonly types: Uint8Array;
  readonly strings: Uint8Array;
}

/** struct btf_header, checked. Its byte order is that of the object. */
function readHeader(object: ElfObject, bytes: Uint8Array, fail: Fail): Header {
  const cursor = new Cursor(bytes, object.data, fail);
  const magic = cursor.u16();
  if (magic !== MAGIC) fail("has not the magic number of BTF", 0, hex(magic));
  const version = cursor.u8();
  if (version !== 1)
    throw new UnsupportedError(
      { file: object.file, member: object.member, section: ".BTF" },
      `version ${version} of BTF; only version 1 is known`,
    );
  cursor.u8();
  const size = cursor.u32();
  if (size < HEADER_SIZE || size > bytes.length) fail("header has a length that cannot be", 4, size);
  const [typeOffset, typeSize, stringOffset, stringSize] = [cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()];
  const part = (offset: number, length: number, what: string): Uint8Array => {
    if (size + offset + length > bytes.length) fail(`${what} lie outside the section`, size + offset, length);
    return bytes.subarray(size + offset, size + offset + length);
  };
  if (typeOffset % 4 !== 0) fail("types are not aligned", 8, typeOffset);
  return { types: part(typeOffset, typeSize, "types"), strings: part(stringOffset, stringSize, "strings") };
}

/** The fixed part of a type's record. Linux: struct btf_type. */
interface TypeRecord {
  readonly id: number;
  readonly name: string;
  /** vlen: how many entries follow. */
  readonly count: number;
  readonly kind: number;
  /** kind_flag. */
  readonly flag: boolean;
  readonly sizeOrType: number;
}

/** Reads what follows the fixed part of a record. */
type RecordReader = (reader: BtfReader, record: TypeRecord) => void;

const referenceTo =
  (kind: TypeKind): RecordReader =>
  (reader, record) =>
    reader.add(record, kind, "", { type: typeOf(record.sizeOrType) });

const aggregate =
  (kind: "struct" | "union"): RecordReader =>
  (reader, { flag, count, ...record }) => {
    const { members } = reader.add(record, kind, kind, { size: record.sizeOrType, members: [] });
    for (let i = 0; i < count; i++) {
      const name = reader.name();
      const type = reader.type();
      const offset = reader.cursor.u32();
      const bitSize = flag ? offset >>> 24 : 0;
      const bits = flag ? offset & 0xffffff : offset;
      members.push({ name, type, bits, bitSize: bitSize === 0 ? undefined : bitSize });
    }
  };

/** The flag says that values are signed; without it those of 32 bits were taken as signed before Linux 6.0. */
const enumeration =
  (bits: 32 | 64): RecordReader =>
  (reader, { flag, count, ...record }) => {
    const { values } = reader.add(record, "enum", "enum", { size: record.sizeOrType, values: [] });
    for (let i = 0; i < count; i++) {
      const name = reader.name();
      const low = reader.cursor.u32();
      const value = BigInt(low) + (bits === 64 ? BigInt(reader.cursor.u32()) << 32n : 0n);
      values.push({ name, value: flag || bits === 32 ? BigInt.asIntN(bits, value) : value });
    }
  };

const READERS: ReadonlyMap<number, RecordReader> = new Map<number, RecordReader>([
  [
    KIND.INT,
    (reader, record) => {
      const node = reader.add(record, "base", "", { size: record.sizeOrType });
      reader.intBits.set(node, reader.cursor.u32());
    },
  ],
  [KIND.FLOAT, (reader, record) => reader.add(record, "base", "", { size: record.sizeOrType })],
  [KIND.PTR, referenceTo("pointer")],
  [KIND.CONST, referenceTo("const")],
  [KIND.VOLATILE, referenceTo("volatile")],
  [KIND.RESTRICT, referenceTo("restrict")],
  [KIND.TYPE_TAG, referenceTo("transparent")],
  [KIND.TYPEDEF, referenceTo("typedef")],
  [KIND.FWD, (reader, record) => reader.add(record, "forward", record.flag ? "union" : "struct")],
  [
    KIND.ARRAY,
    (reader, record) => {
      const element = reader.type();
      reader.type();
      reader.add(record, "array", "", { type: element, counts: [reader.cursor.u32()] });
    },
  ],
  [KIND.STRUCT, aggregate("struct")],
  [KIND.UNION, aggregate("union")],
  [KIND.ENUM, enumeration(32)],
  [KIND.ENUM64, enumeration(64)],
  [
    KIND.FUNC_PROTO,
    (reader, record) => {
      const { parameters } = reader.add(record, "function", "", { type: typeOf(record.sizeOrType), parameters: [] });
      const names: string[] = [];
      for (let i = 0; i < record.count; i++) {
        names.push(reader.name());
        parameters.push(reader.type());
      }
      reader.parameterNames.set(record.id, names);
    },
  ],
  [KIND.FUNC, (reader, { name, sizeOrType }) => reader.functions.push({ name, prototype: sizeOrType })],
  [
    KIND.VAR,
    (reader, { name, sizeOrType }) =>
      reader.variables.push({ name, type: typeOf(sizeOrType), isDefined: reader.cursor.u32() !== VAR_GLOBAL_EXTERN }),
  ],
  [KIND.DATASEC, (reader, { count }) => reader.cursor.take(12 * count)],
  [KIND.DECL_TAG, (reader) => reader.cursor.u32()],
]);

/** enum btf_func_linkage and the linkage of variables: BTF_VAR_GLOBAL_EXTERN. */
const VAR_GLOBAL_EXTERN = 2;

function typeOf(id: number): number {
  return id === VOID_ID ? VOID : id;
}

/** Goes through the type section; what it finds lies in its fields. */
class BtfReader {
  readonly cursor: Cursor;
  readonly nodes = new Map<number, TypeNode>();
  readonly functions: { readonly name: string; readonly prototype: number }[] = [];
  readonly parameterNames = new Map<number, readonly string[]>();
  readonly variables: VariableNode[] = [];
  /** BTF_INT_*: encoding, offset and bits of the integer. */
  readonly intBits = new Map<TypeNode, number>();
  readonly #nameAt: (offset: number) => string;
  readonly #fail: Fail;

  constructor(object: ElfObject, { types, strings }: Header, fail: Fail) {
    this.cursor = new Cursor(types, object.data, fail);
    this.#nameAt = nameReader(strings, (problem, offset) => fail(problem, offset));
    this.#fail = fail;
  }

  read(): void {
    const { cursor } = this;
    for (let id = 1; cursor.at < cursor.bytes.length; id++) {
      const at = cursor.at;
      const name = this.name();
      const info = cursor.u32();
      const kind = (info >>> 24) & 0x1f;
      const read = READERS.get(kind);
      const record = { id, name, count: info & 0xffff, kind, flag: info >>> 31 === 1, sizeOrType: cursor.u32() };
      // How long its record is, is not known: nothing behind it can be read.
      if (read === undefined) this.#fail("type has an unknown kind", at, kind);
      else read(this, record);
    }
    placeBitFields(this.nodes, this.intBits);
  }

  /** Reads the offset of a name, and the name. */
  name(): string {
    return this.#nameAt(this.cursor.u32());
  }

  /** Reads the id of a type. */
  type(): number {
    return typeOf(this.cursor.u32());
  }

  add(
    { id, name }: Pick<TypeRecord, "id" | "name">,
    kind: TypeKind,
    keyword: string,
    more: Partial<TypeNode> = {},
  ): TypeNode {
    const node: TypeNode = {
      kind,
      keyword,
      name,
      scope: "",
      size: undefined,
      align: undefined,
      type: VOID,
      members: [],
      values: [],
      counts: [],
      parameters: [],
      unit: "",
      ...more,
    };
    this.nodes.set(id, node);
    return node;
  }

  /** Functions with the uses that their prototypes tell. */
  finishFunctions(): FunctionNode[] {
    return this.functions.map(({ name, prototype }) => {
      const node = this.nodes.get(prototype);
      const names = this.parameterNames.get(prototype) ?? [];
      const uses: FunctionUse[] = (node?.parameters ?? []).map((type, i) => ({
        how: "parameter",
        type,
        name: names[i] ?? "",
      }));
      if (node !== undefined && node.type !== VOID) uses.push({ how: "returns", type: node.type, name: "" });
      return { name, code: undefined, uses, inlined: [] };
    });
  }
}

/** Types of the section `.BTF`. Throws FormatError where it contradicts itself, UnsupportedError for BTF that builds upon another file's. */
export function readBtf(sections: DebugSections): TypeGraph {
  const { object } = sections;
  const bytes = sections.only(".BTF")?.bytes ?? new Uint8Array(0);
  const fail: Fail = (problem, offset, value) => {
    throw object.error(problem, { section: ".BTF", offset }, value);
  };
  const header = readHeader(object, bytes, fail);
  // Split BTF goes on where its base ends, and so has no empty name of its own at 0.
  if (header.strings.length > 0 && header.strings[0] !== 0)
    throw new UnsupportedError(
      { file: object.file, member: object.member, section: ".BTF" },
      "split BTF, which builds upon the types of another file (vmlinux)",
    );
  const reader = new BtfReader(object, header, fail);
  reader.read();
  const { nodes, variables } = reader;
  const functions = reader.finishFunctions();
  return { source: "BTF", pointerSize: object.class / 8, nodes, functions, variables, warnings: [], producers: [] };
}

/** Without the flag of its struct a bit field's width is that of its type: an INT may be narrower than its bytes, and begin inside them. */
function placeBitFields(nodes: ReadonlyMap<number, TypeNode>, intBits: ReadonlyMap<TypeNode, number>): void {
  for (const { members } of nodes.values()) {
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      const type = nodes.get(member.type);
      const encoding = type === undefined ? undefined : intBits.get(type);
      if (member.bitSize !== undefined || encoding === undefined || member.bits === undefined) continue;
      const width = encoding & 0xff;
      if (width === (type?.size ?? 0) * 8) continue;
      members[i] = { ...member, bits: member.bits + ((encoding >>> 16) & 0xff), bitSize: width };
    }
  }
}
