import { createHash } from "node:crypto";
import type { UpdateDescription } from "../contract/description.ts";
import { type Explanation, readExplanations } from "../findings/explanations.ts";
import { renderJson } from "../report/json.ts";
import { VERSION } from "../version.ts";
import { findingPlaces, type Place } from "./places.ts";

const LEVELS = { error: "error", warning: "warning", note: "note" } as const;

/** Findings as SARIF 2.1.0 (OASIS): each code is a rule with help, each finding a result, at its source line where one is known. */
export function renderSarif(description: UpdateDescription): string {
  const placeOf = findingPlaces(description);
  const explanations = readExplanations();
  const { findings } = description;
  const codes = [...new Set(findings.map(({ code }) => code))];
  const indexOf = new Map(codes.map((code, index) => [code, index]));
  const levelOf = new Map(findings.map(({ code, severity }) => [code, LEVELS[severity]]));
  return renderJson({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "elfsplice",
            version: VERSION,
            semanticVersion: VERSION,
            rules: codes.map((code) => ruleOf(code, levelOf.get(code) ?? "warning", explanations.get(code))),
          },
        },
        automationDetails: { id: `elfsplice/${description.id}` },
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => {
          const { code, severity, message, where, suppressed } = finding;
          const place = placeOf(finding);
          const name = where.label ?? where.name;
          const print = createHash("sha256").update([code, name, where.section].join("\0")).digest("hex");
          return {
            ruleId: code,
            ruleIndex: indexOf.get(code),
            level: LEVELS[severity],
            message: { text: message },
            locations: [
              {
                ...(place === undefined ? {} : { physicalLocation: physical(place) }),
                ...(name === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: name, kind: "function" }] }),
              },
            ],
            partialFingerprints: { "elfsplice/v1": print },
            ...(suppressed === undefined ? {} : { suppressions: [{ kind: "external", justification: suppressed }] }),
          };
        }),
      },
    ],
  });
}

function ruleOf(code: string, level: string, text: Explanation | undefined): object {
  if (text === undefined) return { id: code, defaultConfiguration: { level } };
  const help = `${text.meaning}\n\nWhat to do: ${text.todo}`;
  return {
    id: code,
    shortDescription: { text: text.title },
    fullDescription: { text: text.meaning },
    help: { text: help, markdown: help },
    defaultConfiguration: { level },
  };
}

function physical({ file, line }: Place): object {
  const path = file.replace(/^\.?\/+/, "");
  return {
    artifactLocation: { uri: path.split("/").map(encodeURIComponent).join("/") },
    ...(line === undefined ? {} : { region: { startLine: line } }),
  };
}
