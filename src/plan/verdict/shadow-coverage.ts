import type { LayoutChange, Shadow } from "../../contract/layouts.ts";
import type { Finding } from "../../findings/findings.ts";

/** How far shadow variables carry what an update does to data. */
export interface ShadowCoverage {
  /**
   * `not-needed`: no layout stands in the way and no shadow variable is used; `covered`: post uses shadow variables, and no
   * layout stands in the way; `plannable`: each member that stands in the way can become a shadow variable, which a person
   * has to write; `not-coverable`: a layout changes in a way that no shadow variable carries.
   */
  readonly status: "not-needed" | "covered" | "plannable" | "not-coverable";
  /** Indices of the findings that decide. */
  readonly because: readonly number[];
}

type Findings = readonly Pick<Finding, "code" | "where">[];

/** Findings that say that shadow variables are used wrongly. */
const MISUSE: ReadonlySet<string> = new Set(["shadow-two-sizes", "shadow-pointer-size"]);

/** Judges shadow variables as a way for an update, by its layouts, its plans and its findings. */
export function shadowCoverage(
  layouts: readonly LayoutChange[],
  shadow: Shadow | undefined,
  findings: Findings,
): ShadowCoverage {
  const misuse = findings.flatMap(({ code }, index) => (MISUSE.has(code) ? [index] : []));
  const changed = findings.flatMap(({ code, where }, index) =>
    code === "struct-layout-changed" ? [{ index, where }] : [],
  );
  const because = [...changed.map(({ index }) => index), ...misuse].sort((a, b) => a - b);
  if (changed.length === 0) {
    const isUsed = (shadow?.uses.length ?? 0) > 0;
    return { status: misuse.length > 0 ? "plannable" : isUsed ? "covered" : "not-needed", because };
  }
  const planned = new Set(shadow?.plans.map(({ parent, object, member }) => `${object}\0${parent}\0${member}`));
  const byKey = new Map(layouts.map((layout) => [`${layout.object}\0${nameOf(layout)}`, layout]));
  const carried = new Map<string, boolean>();

  /** Whether everything that happens to a type follows from members that are planned, in it or in what it holds. */
  function isCarried(key: string): boolean {
    const known = carried.get(key);
    if (known !== undefined) return known;
    // A type that is asked for while it is being judged holds itself: debug information that does so is wrong.
    carried.set(key, false);
    const layout = byKey.get(key);
    if (layout === undefined) return false;
    const { members, object, pre, post, because: causes } = layout;
    const isOwnOk = members.every(({ member, what, pre: from, post: to }) => {
      if (what.includes("added")) return isPlanned(planned, key, member);
      if (what.includes("resized") && !(causes.length > 0 && from?.type === to?.type)) return false;
      return !what.includes("removed") && !what.includes("retyped");
    });
    const result =
      isOwnOk &&
      pre?.align === post?.align &&
      causes.every((cause) => isCarried(`${object}\0${cause.replace("typedef ", "")}`));
    carried.set(key, result);
    return result;
  }
  const isAll = changed.every(({ where }) =>
    isCarried(`${where.object ?? 0}\0${(where.name ?? "").replace("typedef ", "")}`),
  );
  return { status: isAll ? "plannable" : "not-coverable", because };
}

function nameOf({ kind, name, scope }: LayoutChange): string {
  return `${kind === "typedef" ? "" : `${kind} `}${name}${scope === undefined ? "" : ` in ${scope}`}`;
}

/** Planned itself, or within a member that is. */
function isPlanned(planned: ReadonlySet<string>, key: string, member: string): boolean {
  const parts = member.replaceAll("[]", "").split(".");
  return (
    parts.some((_, i) => planned.has(`${key}\0${parts.slice(0, i + 1).join(".")}`)) || planned.has(`${key}\0${member}`)
  );
}
