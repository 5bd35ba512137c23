import { wrap } from "../context.ts";
import type { Rewrite } from "./rewrites.ts";

/** `jalr $t9` and `jr $t9`, and what they become, without the distance: `bal` and `b`. MIPS Architecture volume II. */
const FORMS: readonly { readonly pre: readonly number[]; readonly run: number }[] = [
  { pre: [0x0320f809], run: 0x04110000 },
  { pre: [0x03200008, 0x03200009], run: 0x10000000 },
];

const directBranch: Rewrite = {
  name: "jalr-branch",
  why: "a call through $t9 of a function that is near enough becomes a branch: R_MIPS_JALR tells the linker which function it is",
  source: "GNU ld, --relax and R_MIPS_JALR; MIPS ABI supplement",
  apply({ context, place, pre, run, fields }) {
    const hint = fields(0).find(({ howto }) => howto.name.startsWith("R_MIPS_JALR"));
    const form = FORMS.find((candidate) => candidate.pre.includes(pre(0)));
    if (hint === undefined || form === undefined || (run(0) & 0xffff0000) >>> 0 !== form.run) return undefined;
    // The distance counts instructions, from the one in the delay slot.
    const distance = BigInt(((run(0) << 16) >> 16) * 4 + 4);
    return { size: 4, meant: [[hint, wrap(context.arch, place + distance + hint.targetAddend)]] };
  },
};

export const mipsRewrites: readonly Rewrite[] = [directBranch];
