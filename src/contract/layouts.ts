import { z } from "zod";
import { count, hex64, objectIndex } from "./atoms.ts";

/*
 * The parts of the update description that say how data changes its shape, and which shadow variables could carry that to a
 * running system.
 */

const placeFields = {
  type: z.string().describe("as C has it, without the name"),
  offset: count
    .optional()
    .describe("bytes from the start of the outermost struct; of a bit field, to its storage unit"),
  size: count.optional().describe("bytes; of a bit field, those of its type"),
  bitOffset: count.optional().describe("bits from offset, in the order of memory"),
  bitSize: count.optional().describe("bits of a bit field"),
};
const memberPlace = z
  .strictObject(placeFields)
  .meta({ id: "memberPlace" })
  .describe("type and place of a member; left out on a side that has none");

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

const enumerator = z.strictObject({ name: z.string().describe("as C has it"), value: hex64 });

const typeLayout = z
  .strictObject({
    unit: z.string().optional().describe("source file of the unit that defines it"),
    size: count.optional().describe("bytes"),
    align: count.optional().describe("explicit alignment in bytes"),
    target: z.string().optional().describe("what a typedef stands for"),
    members: z.array(memberLayout).optional().describe("left out where only types in it changed"),
    values: z.array(enumerator).optional().describe("enumerators, by value"),
  })
  .describe("the type on one side; left out on a side that has none");

const memberChange = z.strictObject({
  member: z.string().describe("path from the struct: in.flags, slots[].key"),
  what: z.array(z.enum(["added", "removed", "moved", "resized", "retyped", "renamed"])).describe("what happened to it"),
  renamedTo: z.string().optional().describe("its name in post, where it is another one"),
  pre: memberPlace.optional(),
  post: memberPlace.optional(),
});

const enumeratorChange = z.strictObject({
  name: z.string().describe("as C has it"),
  what: z.enum(["added", "removed", "changed"]).describe("what happened to it"),
  pre: hex64.optional().describe("value in pre, in hexadecimal"),
  post: hex64.optional().describe("value in post, in hexadecimal"),
});

const touch = z.strictObject({
  function: z.string().describe("label where the function is a span, else its name"),
  how: z
    .enum(["parameter", "local", "returns", "inlined", "member"])
    .describe("inlined: by a function whose body it contains; member: by a struct that holds or points to one"),
  by: z.enum(["value", "pointer"]).describe("whether it has one or a pointer to one"),
  via: z.string().optional().describe("name of the parameter or variable, of the inlined function, or struct.member"),
});

export const layoutChange = z.strictObject({
  name: z.string().describe("without the keyword"),
  kind: z.enum(["struct", "class", "union", "enum", "typedef"]).describe("what kind of type it is"),
  scope: z.string().optional().describe("the function in which it is declared"),
  object: objectIndex,
  status: z.enum(["changed", "new", "removed"]).describe("as the debug information of the two objects tells"),
  source: z.enum(["DWARF", "BTF"]).describe("which debug information tells"),
  pre: typeLayout.optional(),
  post: typeLayout.optional(),
  members: z.array(memberChange).describe("members that differ"),
  enumerators: z.array(enumeratorChange).describe("enumerators that differ"),
  because: z.array(z.string()).describe("types in it, by value, that changed"),
  own: z.boolean().describe("false when nothing but the types in it made the difference"),
  touchedBy: z.array(touch).describe("functions of both objects, as far as debug information tells; sorted"),
  variables: z.array(z.string()).describe("variables of the old object that are of this type or hold one"),
  alive: z
    .enum(["variable", "heap", "stack", "nowhere"])
    .describe("where objects of the old shape may live; heap: the old code has pointers to it"),
});

const evidence = z.strictObject({
  function: z.string().describe("label of the function that allocates or frees"),
  kind: z
    .enum(["size", "type"])
    .describe("size: the call has the size of the parent; type: the function has a pointer to the parent"),
  callee: z.string().describe("the function that is called"),
  offset: count.describe("of the call, from the function's symbol"),
  size: count.optional().describe("bytes that the call asks for"),
});

const shadowPlan = z.strictObject({
  parent: z.string().describe("struct sta_info"),
  id: count.describe("a number that the old and the new code of this object do not use yet"),
  member: z.string().describe("the member that live objects lack"),
  type: z.string().describe("its type, as C has it"),
  size: count.describe("bytes of the member itself, never of a pointer to it"),
  object: objectIndex,
  constructorNeeded: z.boolean().describe("whether the shadow variable has to begin with another value than zeros"),
  constructorBecause: z.string().describe("why, in words"),
  lifecycle: z
    .enum(["with-parent", "get-or-alloc", "flag"])
    .describe("when it is attached: with its parent; at first use; or as a flag, whose being there means yes"),
  lifecycleBecause: z.string().describe("why, in words"),
  allocatedIn: z.array(z.string()).describe("labels of functions that allocate the parent"),
  freedIn: z.array(z.string()).describe("labels of functions that free the parent"),
  evidence: z.array(evidence).describe("what shows where the parent is allocated and freed"),
});

const shadowUse = z.strictObject({
  api: z.string().describe("the klp_shadow_* function that is called"),
  function: z.string().describe("label of the function that calls it"),
  object: objectIndex,
  offset: count.describe("of the call, from the function's symbol"),
  id: hex64.optional().describe("number of the shadow variable; left out where the code does not tell"),
  size: count.optional().describe("bytes; left out where the code does not tell"),
});

export const shadow = z.strictObject({
  plans: z.array(shadowPlan).describe("one for each member that came to a struct whose objects may be alive"),
  uses: z.array(shadowUse).describe("calls of klp_shadow_* in new code"),
});

export type LayoutChange = z.infer<typeof layoutChange>;
export type TypeDescription = z.infer<typeof typeLayout>;
export type ShadowPlan = z.infer<typeof shadowPlan>;
export type ShadowUse = z.infer<typeof shadowUse>;
export type Shadow = z.infer<typeof shadow>;
