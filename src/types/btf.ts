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

/** Functions are found when all types are read. */
interface FunctionDraft {
  readonly name: string;
  readonly prototype: number;
}

/** Types of the section `.BTF`. Throws FormatError where it contradicts itself, UnsupportedError for BTF that builds upon another file's. */
export function readBtf(sections: DebugSections): TypeGraph {
  const { object } = sections;
  const bytes = sections.only(".BTF")?.bytes ?? new Uint8Array(0);
  const fail: Fail = (problem, offset, value) => {
    throw object.error(problem, { section: ".BTF", offset }, value);
  };
  const { types, strings } = readHeader(object, bytes, fail);
  // Split BTF goes on where its base ends, and so has no empty name of its own at 0.
  if (strings.length > 0 && strings[0] !== 0)
    throw new UnsupportedError(
      { file: object.file, member: object.member, section: ".BTF" },
      "split BTF, which builds upon the types of another file (vmlinux)",
    );
  const nameAt = nameReader(strings, (problem, offset) => fail(problem, offset));
  const cursor = new Cursor(types, object.data, fail);
  const nodes = new Map<number, TypeNode>();
  const drafts: FunctionDraft[] = [];
  const parameterNames = new Map<number, readonly string[]>();
  const variables: VariableNode[] = [];
  const intBits = new Map<TypeNode, number>();

  const typeId = (): number => {
    const id = cursor.u32();
    return id === VOID_ID ? VOID : id;
  };

  for (let id = 1; cursor.at < types.length; id++) {
    const at = cursor.at;
    const name = nameAt(cursor.u32());
    const info = cursor.u32();
    const sizeOrType = cursor.u32();
    const count = info & 0xffff;
    const kind = (info >>> 24) & 0x1f;
    const flag = info >>> 31 === 1;
    const make = (type: TypeKind, keyword = "", more: Partial<TypeNode> = {}): TypeNode => {
      const node: TypeNode = {
        kind: type,
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
      nodes.set(id, node);
      return node;
    };
    const target = sizeOrType === VOID_ID ? VOID : sizeOrType;
    switch (kind) {
      case KIND.INT:
        intBits.set(make("base", "", { size: sizeOrType }), cursor.u32());
        break;
      case KIND.FLOAT:
        make("base", "", { size: sizeOrType });
        break;
      case KIND.PTR:
        make("pointer", "", { type: target });
        break;
      case KIND.CONST:
        make("const", "", { type: target });
        break;
      case KIND.VOLATILE:
        make("volatile", "", { type: target });
        break;
      case KIND.RESTRICT:
        make("restrict", "", { type: target });
        break;
      case KIND.TYPE_TAG:
        make("transparent", "", { type: target });
        break;
      case KIND.TYPEDEF:
        make("typedef", "", { type: target });
        break;
      case KIND.FWD:
        make("forward", flag ? "union" : "struct");
        break;
      case KIND.ARRAY: {
        const element = typeId();
        cursor.u32();
        make("array", "", { type: element, counts: [cursor.u32()] });
        break;
      }
      case KIND.STRUCT:
      case KIND.UNION: {
        const node =
          kind === KIND.STRUCT
            ? make("struct", "struct", { size: sizeOrType })
            : make("union", "union", { size: sizeOrType });
        for (let i = 0; i < count; i++) {
          const member = nameAt(cursor.u32());
          const type = typeId();
          const offset = cursor.u32();
          const bitSize = flag ? offset >>> 24 : 0;
          node.members.push({
            name: member,
            type,
            bits: flag ? offset & 0xffffff : offset,
            bitSize: bitSize === 0 ? undefined : bitSize,
          });
        }
        break;
      }
      case KIND.ENUM:
      case KIND.ENUM64: {
        const node = make("enum", "enum", { size: sizeOrType });
        for (let i = 0; i < count; i++) {
          const enumerator = nameAt(cursor.u32());
          const low = cursor.u32();
          const value = BigInt(low) + (kind === KIND.ENUM64 ? BigInt(cursor.u32()) << 32n : 0n);
          // The flag says that values are signed; without it those of 32 bits were taken as signed before Linux 6.0.
          const bits = kind === KIND.ENUM64 ? 64 : 32;
          node.values.push({
            name: enumerator,
            value: flag || kind === KIND.ENUM ? BigInt.asIntN(bits, value) : value,
          });
        }
        break;
      }
      case KIND.FUNC_PROTO: {
        const node = make("function", "", { type: target });
        const names: string[] = [];
        for (let i = 0; i < count; i++) {
          names.push(nameAt(cursor.u32()));
          node.parameters.push(typeId());
        }
        parameterNames.set(id, names);
        break;
      }
      case KIND.FUNC:
        drafts.push({ name, prototype: sizeOrType });
        break;
      case KIND.VAR:
        // 2 is BTF_VAR_GLOBAL_EXTERN.
        variables.push({ name, type: target, isDefined: cursor.u32() !== 2 });
        break;
      case KIND.DATASEC:
        cursor.take(12 * count);
        break;
      case KIND.DECL_TAG:
        cursor.u32();
        break;
      default:
        // How long its record is, is not known: nothing behind it can be read.
        fail("type has an unknown kind", at, kind);
    }
  }
  settleBitFields(nodes, intBits);

  const functions = drafts.map(({ name, prototype }): FunctionNode => {
    const node = nodes.get(prototype);
    const names = parameterNames.get(prototype) ?? [];
    const uses: FunctionUse[] = (node?.parameters ?? []).map((type, i) => ({
      how: "parameter",
      type,
      name: names[i] ?? "",
    }));
    if (node !== undefined && node.type !== VOID) uses.push({ how: "returns", type: node.type, name: "" });
    return { name, code: undefined, uses, inlined: [] };
  });
  return { source: "BTF", pointerSize: object.class / 8, nodes, functions, variables, warnings: [] };
}

/** Without the flag of its struct a bit field's width is that of its type: an INT may be narrower than its bytes, and begin inside them. */
function settleBitFields(nodes: ReadonlyMap<number, TypeNode>, intBits: ReadonlyMap<TypeNode, number>): void {
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
