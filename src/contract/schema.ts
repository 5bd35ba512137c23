import { z } from "zod";
import { updateComparison } from "./comparison.ts";
import { updateDescription } from "./description.ts";
import { kexecPlan } from "./kexec.ts";
import { matchResult } from "./match.ts";

/** The JSON Schema (2020-12) of the update description, made from the same source as its types. */
export function makeSchema(): object {
  return openSchema(updateDescription, "urn:elfsplice:update:1.0", "elfsplice update description");
}

/** The JSON Schema (2020-12) of the result of run-pre matching. */
export function makeMatchSchema(): object {
  return openSchema(matchResult, "urn:elfsplice:match:1.0", "elfsplice result of run-pre matching");
}

/** The JSON Schema (2020-12) of the comparison of two update descriptions. */
export function makeCompareSchema(): object {
  return openSchema(updateComparison, "urn:elfsplice:compare:1.0", "elfsplice comparison of two updates");
}

/** The JSON Schema (2020-12) of the plan that loads a kernel. */
export function makeKexecSchema(): object {
  return openSchema(kexecPlan, "urn:elfsplice:kexec:1.0", "elfsplice plan for kexec");
}

/**
 * A schema that accepts documents of later minor versions, which add: it allows properties that it does not know, members
 * that it does not know of sets that are marked as open, and any minor version. What it knows is checked.
 */
function openSchema(type: z.ZodType, $id: string, title: string): object {
  const { $schema, ...schema } = z.toJSONSchema(type, {
    target: "draft-2020-12",
    reused: "inline",
    override: ({ jsonSchema }) => open(jsonSchema as Record<string, unknown>),
  });
  return { $schema, $id, title, ...schema };
}

function open(node: Record<string, unknown>): void {
  if (node["additionalProperties"] === false) delete node["additionalProperties"];
  if (node["open"] === true) {
    node["anyOf"] = [{ enum: node["enum"] }, { type: "string" }];
    for (const key of ["open", "enum", "type"]) delete node[key];
  }
  const version = (node["properties"] as { readonly schemaVersion?: Record<string, unknown> } | undefined)
    ?.schemaVersion;
  if (typeof version?.["const"] !== "string") return;
  const own = version["const"];
  version["examples"] = [own];
  version["pattern"] = `^${own.split(".")[0]}\\.\\d+$`;
  delete version["const"];
}
