/** What this project uses of elfy 1.0.0, which ships no types. */
declare module "elfy" {
  /** e_* fields as elfy reads them; 64-bit ones are doubles. */
  export interface Header {
    class: "32" | "64";
    endian: "lsb" | "msb";
    version: number;
    entry: number;
    phoff: number;
    shoff: number;
    flags: number;
    ehsize: number;
    phentsize: number;
    phnum: number;
    shentsize: number;
    shnum: number;
    shstrndx: number;
  }

  /** One section header as elfy reads it; `name` is an offset until `resolveBody` makes it a string. */
  export interface RawSection {
    name: number;
    off: number;
    size: number;
    link: number;
    info: number;
  }

  export interface Body {
    programs: readonly unknown[];
    sections: readonly RawSection[];
  }

  class Parser {
    execute(file: Buffer): Header & { readonly body: Body };
    protected parseHeader(file: Buffer): Header;
    protected parsePrograms(file: Buffer, header: Header): readonly unknown[];
    protected parseSections(file: Buffer, header: Header): readonly RawSection[];
    protected mapFlags(value: number, names: Readonly<Record<number, string>>): Readonly<Record<string, true>>;
    protected resolveBody(body: Body, header: Header): Body;
    protected readUInt16(bytes: Buffer, offset: number): number;
    protected readUInt32(bytes: Buffer, offset: number): number;
  }

  const elfy: { readonly Parser: typeof Parser };
  export default elfy;
}
