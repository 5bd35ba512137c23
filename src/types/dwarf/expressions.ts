import { FORM, OP } from "./constants.ts";

/* The few expressions that say something before the program runs. DWARF 5 section 2.5. */

/** First byte behind the length of a block. */
function blockStart(bytes: Uint8Array, start: number, form: number): number {
  if (form === FORM.block1) return start + 1;
  if (form === FORM.block2) return start + 2;
  if (form === FORM.block4) return start + 4;
  let at = start;
  while ((bytes[at] as number) >= 0x80) at++;
  return at + 1;
}

/** Offset that an expression adds to the struct's address: `DW_OP_plus_uconst n` or a constant. DWARF 2 had nothing else. */
export function offsetIn(bytes: Uint8Array, start: number, end: number, form: number): number {
  const at = blockStart(bytes, start, form);
  const operation = bytes[at];
  if (operation === OP.const1u && end === at + 2) return bytes[at + 1] as number;
  if (operation !== OP.plus_uconst && operation !== OP.constu) return Number.NaN;
  let value = 0;
  let place = at + 1;
  for (let factor = 1; place < end; factor *= 0x80) {
    const byte = bytes[place++] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return place === end ? value : Number.NaN;
}

/** Whether an expression, or a block that holds one, gives an address that the linker knows. */
export function isFixedAddress(bytes: Uint8Array, start: number, end: number, form: number): boolean {
  if (form !== FORM.exprloc && form !== FORM.block1 && form !== FORM.block) return false;
  const at = blockStart(bytes, start, form);
  if (at >= end) return false;
  return bytes[at] === OP.addr || bytes[at] === OP.addrx || bytes[at] === OP.GNU_addr_index;
}
