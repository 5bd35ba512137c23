import { z } from "zod";

/*
 * The parts of the update description that say how data changes its shape, and which shadow variables could carry that to a
 * running system.
 */

const count = z.int().min(0);
const hex64 = z.string().regex(/^-?0x[0-9a-f]+$/);

const placeFields = {
  type: z.string().describe("as C has it, without the name"),
  offset: count
    .optional()
    .describe("bytes from the start of the outermost struct; of a bit field, to its storage unit"),
  size: count.optional().describe("bytes; of a bit field, those of its type"),
  bitOffset: count.optional().describe("bits from offset, in the order of memory"),
  bitSize: count.optional(),
};
const memberPlace = z.strictObject(placeFields).meta({ id: "memberPlace" });

/** A member with what lies in it, if its type is an anonymous struct or union. */
export interface MemberDescription {
  readonly name: string;
  readonly type: string;
  readonly offset?: number | undefined;
  readonly size?: number | undefined;
  readonly bitOffset?: number | undefined;
  readonly bitSize?: number | undefined;
  readonly members?: MemberDescription[] | undefined;
}

const memberLayout: z.ZodType<MemberDescription> = z
  .strictObject({
    name: z.string().describe("empty for anonymous structs and unions"),
    ...placeFields,
    members: z
      .array(z.lazy(() => memberLayout))
      .optional()
      .describe("of an anonymous struct or union"),
  })
  .meta({ id: "memberLayout" });

const enumerator = z.strictObject({ name: z.string(), value: hex64 });

const typeLayout = z.strictObject({
  unit: z.string().optional().describe("source file of the unit that defines it"),
  size: count.optional().describe("bytes"),
  align: count.optional().describe("explicit alignment in bytes"),
  target: z.string().optional().describe("what a typedef stands for"),
  members: z.array(memberLayout).optional().describe("left out where only types in it changed"),
  values: z.array(enumerator).optional(),
});

const memberChange = z.strictObject({
  member: z.string().describe("path from the struct: in.flags, slots[].key"),
  what: z.array(z.enum(["added", "removed", "moved", "resized", "retyped", "renamed"])),
  renamedTo: z.string().optional(),
  pre: memberPlace.optional(),
  post: memberPlace.optional(),
});

const enumeratorChange = z.strictObject({
  name: z.string(),
  what: z.enum(["added", "removed", "changed"]),
  pre: hex64.optional(),
  post: hex64.optional(),
});

const touch = z.strictObject({
  function: z.string().describe("label where the function is a span, else its name"),
  how: z
    .enum(["parameter", "local", "returns", "inlined", "member"])
    .describe("inlined: by a function whose body it contains; member: by a struct that holds or points to one"),
  by: z.enum(["value", "pointer"]),
  via: z.string().optional().describe("name of the parameter or variable, of the inlined function, or struct.member"),
});

export const layoutChange = z.strictObject({
  name: z.string(),
  kind: z.enum(["struct", "class", "union", "enum", "typedef"]),
  scope: z.string().optional().describe("the function in which it is declared"),
  object: count.describe("index into objects"),
  status: z.enum(["changed", "new", "removed"]).describe("as the debug information of the two objects tells"),
  source: z.enum(["DWARF", "BTF"]),
  pre: typeLayout.optional(),
  post: typeLayout.optional(),
  members: z.array(memberChange),
  enumerators: z.array(enumeratorChange),
  because: z.array(z.string()).describe("types in it, by value, that changed"),
  own: z.boolean().describe("false when nothing but the types in it made the difference"),
  touchedBy: z.array(touch).describe("functions of both objects, as far as debug information tells; sorted"),
  variables: z.array(z.string()).describe("variables of the old object that are of this type or hold one"),
  alive: z
    .enum(["variable", "heap", "stack", "nowhere"])
    .describe("where objects of the old shape may live; heap: the old code has pointers to it"),
});

const evidence = z.strictObject({
  function: z.string(),
  kind: z
    .enum(["size", "type"])
    .describe("size: the call has the size of the parent; type: the function has a pointer to the parent"),
  callee: z.string(),
  offset: count.describe("of the call, from the function's symbol"),
  size: count.optional(),
});

const shadowPlan = z.strictObject({
  parent: z.string().describe("struct sta_info"),
  id: count.describe("a number that the old and the new code of this object do not use yet"),
  member: z.string(),
  type: z.string(),
  size: count.describe("bytes of the member itself, never of a pointer to it"),
  object: count,
  constructorNeeded: z.boolean(),
  constructorBecause: z.string(),
  lifecycle: z.enum(["with-parent", "get-or-alloc", "flag"]),
  lifecycleBecause: z.string(),
  allocatedIn: z.array(z.string()),
  freedIn: z.array(z.string()),
  evidence: z.array(evidence),
});

const shadowUse = z.strictObject({
  api: z.string(),
  function: z.string(),
  object: count,
  offset: count.describe("of the call, from the function's symbol"),
  id: hex64.optional().describe("left out where the code does not tell"),
  size: count.optional(),
});

export const shadow = z.strictObject({ plans: z.array(shadowPlan), uses: z.array(shadowUse) });

export type LayoutChange = z.infer<typeof layoutChange>;
export type TypeDescription = z.infer<typeof typeLayout>;
export type ShadowPlan = z.infer<typeof shadowPlan>;
export type ShadowUse = z.infer<typeof shadowUse>;
export type Shadow = z.infer<typeof shadow>;
