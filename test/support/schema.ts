import Ajv2020 from "ajv/dist/2020.js";
import schema from "../../src/contract/update.schema.json" with { type: "json" };

const ajv = new Ajv2020.default({ allErrors: true, strict: false });
const validate = ajv.compile(strict(schema) as object);
const validateOpen = ajv.compile({ ...schema, $id: "open" });

/** What the schema, closed to additions, has against a value: our own documents have nothing that it does not tell. */
export function schemaErrors(value: unknown): string[] {
  return errorsOf(validate, value);
}

/** What the schema as it is shipped has against a value. */
export function shippedSchemaErrors(value: unknown): string[] {
  return errorsOf(validateOpen, value);
}

/** A shipped schema without its openness: no property but those it tells, open sets closed, this version only. */
export function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== "object" || node === null) return node;
  const own = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strict(value)]));
  if (own["properties"] !== undefined && own["additionalProperties"] === undefined) own["additionalProperties"] = false;
  const [known, any] = Array.isArray(own["anyOf"]) ? own["anyOf"] : [];
  if (known?.enum !== undefined && JSON.stringify(any) === '{"type":"string"}') own["anyOf"] = [known];
  const version = (own["properties"] as { schemaVersion?: { const?: unknown; examples?: unknown[] } })?.schemaVersion;
  if (version?.examples !== undefined) version.const = version.examples[0];
  return own;
}

function errorsOf(check: typeof validate, value: unknown): string[] {
  return check(value) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
