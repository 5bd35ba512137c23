import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describePair, functionNames, rungStatus } from "../support/describe-pair.ts";
import { CORPUS, HAS_CORPUS, join, objectsBelow, relative } from "../support/paths.ts";

/**
 * Per object: the functions that change, from the source patch (truth.txt) with inlining resolved by hand: a static
 * function that the compiler inlined shows up as its callers. `+` marks new ones.
 */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "01-bounds-check/net/ipv4/raw.o": ["raw_setsockopt"],
  "03-refcount-leak/net/core/neighbour.o": ["+neigh_release", "neigh_add", "neigh_add_timer", "neigh_add_timer.cold"],
  "04-null-check/crypto/crc32c_generic.o": ["chksum_setkey"],
  "05-off-by-one/kernel/sysctl.o": ["proc_dostring"],
  "06-changed-constant/fs/eventpoll.o": ["do_epoll_ctl", "ep_loop_check_proc", "reverse_path_check_proc"],
  "07-error-path/ipc/shm.o": ["newseg"],
  "08-added-helper/kernel/sys.o": ["+rlimit_new_valid.isra.0", "do_prlimit"],
  "16-alternative-asm/arch/x86/mm/pat/set_memory.o": ["arch_invalidate_pmem", "clflush_cache_range", "cpa_flush"],
  "17-alternative-feature/arch/x86/kernel/process.o": ["__switch_to_xtra", "speculation_ctrl_update"],
  "21-pr-debug/net/ipv4/arp.o": ["arp_ioctl"],
  "28-line-shift/fs/splice.o": [],
  "34-big-object/kernel/sched/core.o": ["can_nice"],
  "36-inline-many/net/core/dev.o": [
    "__dev_queue_xmit",
    "__dev_queue_xmit.cold",
    "__skb_gso_segment",
    "dev_loopback_xmit",
    "dev_queue_xmit_nit",
    "dev_queue_xmit_nit.cold",
  ],
  "36-inline-many/net/core/filter.o": ["bpf_skb_change_head", "sk_skb_change_head"],
  "36-inline-many/net/core/skbuff.o": ["skb_eth_pop", "skb_eth_push", "skb_mpls_pop", "skb_mpls_push"],
  "36-inline-many/net/ethernet/eth.o": ["eth_type_trans"],
  "36-inline-many/net/ipv4/gre_offload.o": ["gre_gso_segment"],
  "36-inline-many/net/ipv4/ip_output.o": [],
  "36-inline-many/net/ipv4/tcp_ipv4.o": [],
  "36-inline-many/net/packet/af_packet.o": [
    "packet_parse_headers",
    "packet_sendmsg",
    "packet_sendmsg.cold",
    "packet_sendmsg_spkt",
    "virtio_net_hdr_to_skb.constprop.0",
  ],
  "37-function-moved/fs/eventfd.o": [],
  "41-constprop/net/ipv4/icmp.o": ["icmp_route_lookup.constprop.0", "icmp_route_lookup.constprop.0.cold"],
};

describe.skipIf(!HAS_CORPUS)(
  "Linux 6.1 objects before and after real patches (skipped where the corpus is absent)",
  () => {
    const folder = join(CORPUS, "kernel-pairs");
    const objects = HAS_CORPUS
      ? readdirSync(folder).flatMap((name) =>
          objectsBelow(join(folder, name, "pre")).map((path) => `${name}/${relative(join(folder, name, "pre"), path)}`),
        )
      : [];

    it("are all there", () => {
      expect(objects.sort()).toEqual(Object.keys(EXPECTED).sort());
    });

    it.each(objects)("%s", async (path) => {
      const [name = "", ...rest] = path.split("/");
      const file = rest.join("/");
      const update = await describePair(join(folder, name, "pre", file), join(folder, name, "post", file));
      const found = [
        ...functionNames(update, "changed"),
        ...functionNames(update, "new").map((added) => `+${added}`),
      ].sort();
      expect(found).toEqual([...(EXPECTED[path] ?? [])].sort());
      expect(functionNames(update, "deleted")).toEqual([]);
      expect(rungStatus(update, found.length === 0 ? "none" : "splice")).toBe("applicable");
    });
  },
);
