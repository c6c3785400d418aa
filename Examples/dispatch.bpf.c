// SPDX-License-Identifier: Apache-2.0
//
// The smallest dispatcher that is still of use: a TC classifier that picks a class for a packet
// and jumps to the program of that class, through an index that only the packet decides.
//
// The slot of ARP is empty and other protocols lie beyond the end of the array: both calls
// miss, fall through, and are counted here.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum class { CLASS_IPV4, CLASS_IPV6, CLASS_BULK, CLASS_ARP, CLASS_COUNT, CLASS_NONE = 1000 };

int ipv4(struct __sk_buff *skb), ipv6(struct __sk_buff *skb), bulk(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} classes SEC(".maps") = {
	.values = { (void *)&ipv4, (void *)&ipv6, (void *)&bulk },
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} bytes SEC(".maps");

const volatile __u32 bulk_length = 1000;  // from here on a packet is bulk
__u32 bulk_priority = 7;                  // given to bulk, may be changed while it runs
__u64 unclassified;                       // calls that missed

static __noinline int count(__u32 class, __u32 length)
{
	__u64 *seen = bpf_map_lookup_elem(&packets, &class);
	__u64 *sum = bpf_map_lookup_elem(&bytes, &class);

	if (!seen || !sum)
		return 1;
	__sync_fetch_and_add(seen, 1);
	*sum += length;
	return 0;
}

/// A mark that someone set before wins; otherwise the protocol decides.
static __noinline __u32 class_of(struct __sk_buff *skb)
{
	if (skb->mark)
		return skb->mark;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return CLASS_IPV4;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return CLASS_IPV6;
	return skb->protocol == bpf_htons(ETH_P_ARP) ? CLASS_ARP : CLASS_NONE;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &classes, class_of(skb));
	__sync_fetch_and_add(&unclassified, 1);
	return TC_ACT_UNSPEC;
}

/// Long packets change class on the way: the mark makes the second call choose another slot.
SEC("tc")
int ipv4(struct __sk_buff *skb)
{
	count(CLASS_IPV4, skb->len);
	if (skb->len >= bulk_length) {
		skb->mark = CLASS_BULK;
		bpf_tail_call(skb, &classes, class_of(skb));
	}
	return TC_ACT_OK;
}

SEC("tc")
int ipv6(struct __sk_buff *skb)
{
	count(CLASS_IPV6, skb->len);
	return TC_ACT_OK;
}

SEC("tc")
int bulk(struct __sk_buff *skb)
{
	count(CLASS_BULK, skb->len);
	skb->priority = bulk_priority;
	return TC_ACT_PIPE;
}

char LICENSE[] SEC("license") = "Apache-2.0";
