/** What a kernel says of itself in its core. Linux: Documentation/admin-guide/kdump/vmcoreinfo.rst. */
export interface VmcoreInfo {
  /** How far KASLR moved the kernel; undefined where the core does not say. */
  readonly kernelOffset: bigint | undefined;
  readonly buildId: string | undefined;
  /** `uname -r`. */
  readonly release: string | undefined;
  /** Address of a symbol where the kernel runs. */
  symbol(name: string): bigint | undefined;
  /** A number that the kernel was built or started with; they are signed, in decimal or after 0x. */
  number(name: string): bigint | undefined;
  /** Any other line's value, taken as hexadecimal. */
  hex(name: string): bigint | undefined;
}

/** Reads the lines `KEY=value` of the VMCOREINFO note. */
export function readVmcoreInfo(desc: Uint8Array): VmcoreInfo {
  const values = new Map<string, string>();
  for (const line of Buffer.from(desc).toString("latin1").split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).trim());
  }
  const hex = (name: string): bigint | undefined => {
    const text = values.get(name);
    return text !== undefined && /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
  };
  return {
    kernelOffset: hex("KERNELOFFSET"),
    buildId: /^[0-9a-f]{8,}$/.exec(values.get("BUILD-ID") ?? "")?.[0],
    release: values.get("OSRELEASE"),
    symbol: (name) => hex(`SYMBOL(${name})`),
    number(name) {
      const text = values.get(`NUMBER(${name})`);
      if (text === undefined || !/^(-?\d+|0x[0-9a-f]+)$/i.test(text)) return undefined;
      return BigInt(text);
    },
    hex,
  };
}
