import { callArguments } from "../../arch/call-arguments.ts";
import type { ArgumentValue } from "../../arch/code.ts";
import { isCode } from "../../spans/section-kind.ts";
import type { Span, SpanTable } from "../../spans/span.ts";
import { isThumb } from "../../spans/thumb.ts";

/** What a function that a call names is known to do. */
type CallKind = "shadow" | "alloc" | "free";

/** One call to a function of interest. */
export interface KnownCall {
  readonly kind: CallKind;
  readonly callee: string;
  readonly caller: Span;
  /** Of the call's field, from the caller's symbol. */
  readonly offset: number;
  readonly arguments: readonly ArgumentValue[];
}

/** Allocators by name, with the argument that is the size; −1 where none is. Linux: include/linux/slab.h, vmalloc.h, mm.h. */
const ALLOCATORS: readonly (readonly [name: RegExp, size: number])[] = [
  [/^_*kmem_cache_alloc(_node)?_trace(_noprof)?$|^_*kmalloc(_node)?_(trace|cache)(_noprof)?$/, 2],
  [/^_*kmem_cache_z?alloc(_node|_lru|_bulk)?(_noprof)?$|^mempool_alloc(_noprof)?$/, -1],
  [/^_*k?v?(c|m)alloc_array(_noprof)?$|^_*kv?calloc(_node)?(_noprof)?$|^calloc$/, 1],
  [/^devm_k[mzc]?alloc$/, 1],
  [/^_*(k|kv|v)[mz]?alloc(_node|_large|_large_node|_track_caller|_node_track_caller|_user)?(_noprof)?$|^malloc$/, 0],
  [/^_*alloc_percpu(_gfp)?(_noprof)?$|^pcpu_alloc(_noprof)?$/, 0],
];

/** Functions that free, now or later. */
const FREERS =
  /^(_*(k|kv|v)free(_sensitive|_bulk|_rcu|_const|_atomic)?|kmem_cache_free(_bulk)?|kvfree_call_rcu|mempool_free|devm_kfree|free_percpu|free)$/;

/** Linux: kernel/livepatch/shadow.c. */
const SHADOW = /^klp_shadow_(alloc|get|get_or_alloc|free|free_all)$/;

/** The size argument of an allocator; undefined when the name is not an allocator's. */
export function sizeArgument(callee: string): number | undefined {
  return ALLOCATORS.find(([name]) => name.test(callee))?.[1];
}

function kindOf(callee: string): CallKind | undefined {
  if (SHADOW.test(callee)) return "shadow";
  if (FREERS.test(callee)) return "free";
  return sizeArgument(callee) === undefined ? undefined : "alloc";
}

/** All calls of an object to allocators, freers and the shadow API, in the order of the code. */
export function knownCalls(table: SpanTable): KnownCall[] {
  const kinds = new Map<string, CallKind | undefined>();
  const calls: KnownCall[] = [];
  for (const span of table.spans) {
    if (!isCode(span.kind)) continue;
    const known = span.relocations.flatMap(({ symbol, offset, howto }) => {
      if (symbol === undefined || symbol.section !== undefined || howto.role === "hint") return [];
      if (!kinds.has(symbol.name)) kinds.set(symbol.name, kindOf(symbol.name));
      const kind = kinds.get(symbol.name);
      return kind === undefined ? [] : [{ kind, callee: symbol.name, offset }];
    });
    if (known.length === 0) continue;
    const relocated = new Set(span.relocations.map(({ offset }) => offset));
    const fields = known.map(({ offset }) => offset);
    const constants = callArguments(table.arch, span.bytes, fields, relocated, isThumb(table.arch, span));
    for (const { kind, callee, offset } of known)
      calls.push({ kind, callee, caller: span, offset: offset - span.entry, arguments: constants.get(offset) ?? [] });
  }
  return calls;
}

/** Size that a call to the shadow API gives: the third argument, or the fourth behind the data to copy (before Linux 4.20). */
export function shadowSize({ arguments: [, , third, fourth] }: KnownCall): number | undefined {
  if (typeof third === "number" && third > 0) return third;
  const hasData = third === 0 || third === "address";
  return hasData && typeof fourth === "number" && fourth > 0 ? fourth : undefined;
}

/** Number of a shadow variable: the second argument; of `klp_shadow_free_all` the first. */
export function shadowId({ callee, arguments: [first, second] }: KnownCall): number | undefined {
  const id = callee === "klp_shadow_free_all" ? first : second;
  return typeof id === "number" ? id : undefined;
}
