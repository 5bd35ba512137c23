import Ajv2020 from "ajv/dist/2020.js";
import schema from "../../src/contract/update.schema.json" with { type: "json" };

const ajv = new Ajv2020.default({ allErrors: true, strict: false });
const validate = ajv.compile(schema);

/** What the schema has against a value; empty when it is valid. */
export function schemaErrors(value: unknown): string[] {
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
