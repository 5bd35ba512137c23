import { z } from "zod";
import { updateComparison } from "./comparison.ts";
import { updateDescription } from "./description.ts";
import { kexecPlan } from "./kexec.ts";
import { matchResult } from "./match.ts";

/** The JSON Schema (2020-12) of the update description, made from the same source as its types. */
export function makeSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(updateDescription, { target: "draft-2020-12", reused: "inline" });
  return { $schema, $id: "urn:elfsplice:update:1.0", title: "elfsplice update description", ...schema };
}

/** The JSON Schema (2020-12) of the result of run-pre matching. */
export function makeMatchSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(matchResult, { target: "draft-2020-12", reused: "inline" });
  return { $schema, $id: "urn:elfsplice:match:1.0", title: "elfsplice result of run-pre matching", ...schema };
}

/** The JSON Schema (2020-12) of the comparison of two update descriptions. */
export function makeCompareSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(updateComparison, { target: "draft-2020-12", reused: "inline" });
  return { $schema, $id: "urn:elfsplice:compare:1.0", title: "elfsplice comparison of two updates", ...schema };
}

/** The JSON Schema (2020-12) of the plan that loads a kernel. */
export function makeKexecSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(kexecPlan, { target: "draft-2020-12", reused: "inline" });
  return { $schema, $id: "urn:elfsplice:kexec:1.0", title: "elfsplice plan for kexec", ...schema };
}
