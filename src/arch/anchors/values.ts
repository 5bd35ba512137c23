import type { AnchorBase, AnchoredUse, AnchoredUses } from "./uses.ts";

/** A place in a section, as a register holds it. */
interface Place {
  readonly section: number;
  readonly place: number;
  /** Loaded by a relocation, not reached from another place by a distance: then its own comparison may be spared. */
  readonly isBase: boolean;
}

/** More places than that in one register are kept apart no longer. */
const MOST = 4;

/**
 * What a register can hold, as numbers: 0 is anything else; a positive number is one place for certain; a negative
 * one is any of some places, or somewhere behind them, or anything else.
 */
export class AnchorValues {
  readonly #places: Place[] = [];
  readonly #idOf = new Map<string, number>();
  readonly #blends: (readonly number[])[] = [];
  readonly #blendOf = new Map<string, number>();
  readonly #joined = new Map<number, number>();
  readonly #uses = new Map<number, AnchoredUse>();
  readonly #escaped = new Set<number>();
  readonly #reachedFrom = new Set<number>();
  readonly #left = new Set<number>();
  readonly #second = new Set<number>();
  /** Places reached from others whose address is not only compared. */
  readonly #pointed = new Set<number>();

  base({ section, place }: AnchorBase): number {
    return this.#intern({ section, place, isBase: true });
  }

  /** A place at a distance from a certain one; of an uncertain one nothing more is known than before. */
  add(value: number, distance: number): number {
    if (value <= 0) return value;
    const from = this.#place(value);
    return this.#intern({ section: from.section, place: from.place + distance, isBase: false });
  }

  join(a: number, b: number): number {
    if (a === b) return a;
    const key = a * 2 ** 26 + b;
    const known = this.#joined.get(key);
    if (known !== undefined) return known;
    const made = this.blend(a, b);
    this.#joined.set(key, made);
    return made;
  }

  /** Somewhere behind either of two values. */
  blend(a: number, b: number): number {
    const members = [...new Set([...this.#members(a), ...this.#members(b)])].sort((x, y) => x - y);
    if (members.length === 0) return 0;
    // Beyond that all are values that are meant by themselves; what stays is a mark that something is uncertain.
    if (members.length > MOST) for (const member of members.splice(MOST)) this.#escaped.add(member);
    const key = members.join();
    const known = this.#blendOf.get(key);
    if (known !== undefined) return known;
    this.#blends.push(members);
    const made = -this.#blends.length;
    this.#blendOf.set(key, made);
    return made;
  }

  /** The value leaves: the thing it points to is meant. */
  escape(value: number): void {
    for (const member of this.#members(value)) this.#escaped.add(member);
  }

  /** Two values are compared: where each may be an address behind the other, the one is a limit. */
  compare(a: number, b: number): void {
    for (const [value, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (value <= 0 || other >= 0 || this.#place(value).isBase) this.escape(value);
    }
  }

  /** The value leaves, unless it was left over by accesses through it. */
  escapeIfDirect(value: number): void {
    for (const member of this.#members(value)) this.#left.add(member);
  }

  /** The value stands where the second half of a result would. */
  escapeAsSecondResult(value: number): void {
    for (const member of this.#members(value)) this.#second.add(member);
  }

  /** An instruction reaches a place at a distance from the value; `mask` are its bits that hold the distance. */
  use(value: number, offset: number, distance: number, mask: number, isAddress: boolean): void {
    for (const member of this.#members(value)) {
      const { section, place } = this.#place(member);
      this.#reachedFrom.add(member);
      if (!isAddress) this.#pointed.add(member);
      if (value < 0) this.#escaped.add(member);
      if (value < 0 && this.#members(value).length > 1) continue;
      const kind = isAddress ? "address" : "access";
      this.#uses.set(offset, { offset, section, place: place + distance, mask: value < 0 ? 0 : mask, kind });
    }
  }

  result(isOpaque: boolean): AnchoredUses {
    for (const member of [...this.#left, ...this.#second]) {
      if (!this.#reachedFrom.has(member)) this.#escaped.add(member);
    }
    const meant = this.#keysOf(this.#escaped);
    const left = this.#keysOf(this.#left);
    const uses = [...this.#uses.values()].map((use) => this.#withEnd(use)).sort((a, b) => a.offset - b.offset);
    return {
      uses: isOpaque ? uses.map((use) => ({ ...use, mask: 0, kind: use.kind === "end" ? "address" : use.kind })) : uses,
      meant: (section, place) => {
        const key = placeKey(section, place);
        return isOpaque || meant.has(key) ? "yes" : left.has(key) ? "perhaps" : "no";
      },
    };
  }

  #withEnd(use: AnchoredUse): AnchoredUse {
    if (use.kind !== "address" || use.mask === 0) return use;
    const id = this.#intern({ section: use.section, place: use.place, isBase: false });
    const isPointed = [this.#escaped, this.#left, this.#second, this.#pointed].some((set) => set.has(id));
    return isPointed ? use : { ...use, kind: "end" };
  }

  #keysOf(ids: ReadonlySet<number>): Set<string> {
    const keys = new Set<string>();
    for (const id of ids) {
      const { section, place, isBase } = this.#place(id);
      if (isBase) keys.add(placeKey(section, place));
    }
    return keys;
  }

  #members(value: number): readonly number[] {
    return value === 0 ? [] : value > 0 ? [value] : (this.#blends[-value - 1] as readonly number[]);
  }

  #place(id: number): Place {
    return this.#places[id - 1] as Place;
  }

  #intern(place: Place): number {
    const key = `${placeKey(place.section, place.place)} ${place.isBase}`;
    const known = this.#idOf.get(key);
    if (known !== undefined) return known;
    this.#places.push(place);
    this.#idOf.set(key, this.#places.length);
    return this.#places.length;
  }
}

function placeKey(section: number, place: number): string {
  return `${section} ${place}`;
}
