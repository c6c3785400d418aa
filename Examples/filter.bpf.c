// SPDX-License-Identifier: Apache-2.0
//
// A socket filter, the oldest use of BPF: its result is how many bytes of the packet a socket
// gets to see. It keeps the headers of TCP to or from one port, and nothing else.
//
// It reads the packet in both ways there are: the legacy load instruction (LD_ABS, LD_IND),
// which ends the program with 0 when the packet is too short, and the helper that came after.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/// clang's names for the legacy loads; the result is in host byte order.
unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");

/// Where IP starts: 0 on raw IP sockets, on packet sockets of type SOCK_DGRAM and in Linux's
/// test runs, which all leave the link's header out; 14 on packet sockets of type SOCK_RAW.
enum { NETWORK = 0 };

const volatile __u16 port = 80;
/// Packets that were let through, and all.
__u64 kept, seen;

SEC("socket")
int keep_port(struct __sk_buff *skb)
{
	__be16 ports[2];

	__sync_fetch_and_add(&seen, 1);
	if (skb->protocol != bpf_htons(ETH_P_IP) || load_byte(skb, NETWORK + 9) != IPPROTO_TCP)
		return 0;
	// A later fragment has no ports.
	if (load_half(skb, NETWORK + 6) & 0x1fff)
		return 0;

	__u32 transport = NETWORK + (load_byte(skb, NETWORK) & 15) * 4;

	if (bpf_skb_load_bytes(skb, transport, ports, sizeof(ports)))
		return 0;
	if (ports[0] != bpf_htons(port) && ports[1] != bpf_htons(port))
		return 0;
	__sync_fetch_and_add(&kept, 1);
	// The data offset, in the upper four bits, counts words of four bytes.
	return transport + (load_byte(skb, transport + 12) >> 4) * 4;
}

char LICENSE[] SEC("license") = "Apache-2.0";
