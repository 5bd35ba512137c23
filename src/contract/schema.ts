import { z } from "zod";
import { updateComparison } from "./comparison.ts";
import { updateDescription } from "./description.ts";
import { kexecPlan } from "./kexec.ts";
import { matchResult } from "./match.ts";
import type { DocumentName } from "./names/documents.ts";

interface Document {
  readonly type: z.ZodType;
  /** The part of the schema's `$id` behind `urn:elfsplice:`. */
  readonly id: string;
  readonly title: string;
}

/** Every document that the program prints as JSON, by the name under which `elfsplice schema --of` knows it. */
const DOCUMENTS: Readonly<Record<DocumentName, Document>> = {
  update: { type: updateDescription, id: "update:1.0", title: "elfsplice update description" },
  match: { type: matchResult, id: "match:1.0", title: "elfsplice result of run-pre matching" },
  compare: { type: updateComparison, id: "compare:1.0", title: "elfsplice comparison of two updates" },
  kexec: { type: kexecPlan, id: "kexec:1.0", title: "elfsplice plan for kexec" },
};

/** The JSON Schema (2020-12) of a document, made from the same source as its types. */
export function makeSchema(name: DocumentName): object {
  const { type, id, title } = DOCUMENTS[name];
  return openSchema(type, `urn:elfsplice:${id}`, title);
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
