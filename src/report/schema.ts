import { z } from "zod";
import { updateDescription } from "../plan/description.ts";

/** The JSON Schema (2020-12) of the update description, made from the same source as its types. */
export function makeSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(updateDescription, { target: "draft-2020-12", reused: "inline" });
  return { $schema, $id: "urn:elfsplice:update:1.0", title: "elfsplice update description", ...schema };
}
