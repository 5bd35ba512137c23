/** Sections of post by those of pre: the same name, the first to the first. */
export type SectionTwins = ReadonlyMap<number, number>;

/** For a symbol of pre the index of the symbol of post that stands for the same place; -1 where the place has to be looked at. */
export type TwinOf = (symbol: number) => number;
