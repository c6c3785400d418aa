// SPDX-License-Identifier: Apache-2.0
//
// What the layers of the parser share: the state that travels with a packet, the maps, and the
// one way in which every layer lets go of a packet.

#ifndef PARSER_STATE_H
#define PARSER_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/// Slots of `layers`, and rows of `layer_counters`. The first part is reached by a constant
/// index. The slots of ARP and MPLS are declared and left empty: a tail call into them misses,
/// falls through, and the packet passes. Fill one to extend the parser without touching it.
enum layer {
	LAYER_ETHERNET,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_MPLS,
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_VXLAN,
	LAYER_SLOTS,

	// Reached through `protocols`, by the number that the packet carries.
	LAYER_IPV6_OPTIONS = LAYER_SLOTS,
	LAYER_IPV6_ROUTING,
	LAYER_IPV6_FRAGMENT,
	LAYER_AUTHENTICATION,
	LAYER_IP_IN_IP,
	LAYER_GRE,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_ICMP,
	LAYER_ICMPV6,
	LAYER_ENTRY,
	LAYER_COUNT,
};

/// Why a packet left the parser: rows of `outcomes`. From OUTCOME_TRUNCATED on it is malformed.
enum outcome {
	OUTCOME_PARSED,        // the last header was read
	OUTCOME_FRAGMENT,      // a later fragment: there is no header of a further layer in it
	OUTCOME_NO_LAYER,      // the tail call missed: no program in the slot, or the hops are used up
	OUTCOME_REPLIED,       // an echo request, turned into its reply

	OUTCOME_TRUNCATED,     // a header does not fit into what is left
	OUTCOME_BAD_VERSION,   // the version field is not the one of the layer
	OUTCOME_BAD_HEADER,    // a header's own length is too small
	OUTCOME_BAD_LENGTH,    // a length field promises more, or less, than there can be
	OUTCOME_BAD_CHECKSUM,  // of the IPv4 header
	OUTCOME_BAD_OPTION,    // an option that runs over its header, or too many of them
	OUTCOME_BAD_FRAGMENT,  // not a multiple of eight bytes, or ends beyond 65,535
	OUTCOME_BAD_ORDER,     // an extension header where it must not be
	OUTCOME_BAD_FLAGS,     // flags that the layer must not, or must, carry
	OUTCOME_COUNT,
};

/// One direction of one conversation. IPv4 addresses use the first four bytes.
struct flow_key {
	__u8 source[16];
	__u8 destination[16];
	__be16 source_port;       // ICMP: type and code
	__be16 destination_port;  // ICMP: identifier of an echo
	__u8 protocol;
	__u8 version;             // 4 or 6
	__u8 depth;               // how many tunnels it is inside of
	__u8 unused;
};

struct flow {
	__u64 packets;
	__u64 bytes;      // of the IP packet, headers included
	__u64 tcp_flags;  // every flag seen so far
};

struct layer_counter {
	__u64 packets;
	__u64 bytes;   // from this layer's header to the end of the packet
	__u64 missed;  // the tail call out of this layer fell through
	__u64 dropped;
};

/// What one layer leaves for the next. Offsets are bytes from the start of the frame.
struct parse_state {
	__u32 offset;    // where the next header starts
	__u32 end;       // where the packet ends, which may be before the frame does: padding
	__u32 network;   // where the innermost IP header starts
	__u32 option;    // where the next option starts, while a layer walks them
	__u16 next;      // the EtherType or protocol that the layer before announced
	__u8 hops;       // layers visited
	__u8 depth;      // tunnels entered
	__u8 fragment;   // a first fragment: lengths of the layers above speak of the whole
	__u8 extended;   // there are options or extension headers
	__u16 unused;
	struct flow_key flow;
};

/// The kernel's verifier wants a bound on every offset into a packet; no frame is longer.
#define MAXIMUM_OFFSET 0x3fff
/// Options of one header that are looked at before the packet counts as malformed.
#define MAXIMUM_OPTIONS 40
#define MAXIMUM_HOPS 34

/// Per CPU, because packets are parsed on all CPUs at once, each to its end.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parse_state);
} state_of_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAYER_COUNT);
	__type(key, __u32);
	__type(value, struct layer_counter);
} layer_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OUTCOME_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} outcomes SEC(".maps");

/// How many packets took how many tail calls.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAXIMUM_HOPS);
	__type(key, __u32);
	__type(value, __u64);
} hops SEC(".maps");

/// What no layer was there for: the layer that asked in the upper 16 bits, the EtherType or
/// protocol that it asked for in the lower ones.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} unknown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/// Set before loading to change what the parser does.
const volatile __u16 vxlan_port = 4789;
const volatile bool reply_to_echo = true;

/// Flows that found no room in `flows`.
__u64 flows_lost;

static __always_inline void add(__u64 *counter, __u64 amount)
{
	__sync_fetch_and_add(counter, amount);
}

/// Finds the state and counts the visit. Every layer starts with it.
static __noinline struct parse_state *arrive(enum layer layer)
{
	__u32 key = 0;
	struct parse_state *state = bpf_map_lookup_elem(&state_of_cpu, &key);

	key = layer;
	struct layer_counter *counter = bpf_map_lookup_elem(&layer_counters, &key);

	if (!state || !counter)
		return NULL;
	add(&counter->packets, 1);
	if (state->end > state->offset)
		add(&counter->bytes, state->end - state->offset);
	state->hops++;
	return state;
}

/// Lets go of the packet: counts why, and says what becomes of it.
static __noinline int leave(struct parse_state *state, enum layer layer, enum outcome outcome)
{
	__u32 key = outcome;
	__u64 one = 1;
	__u64 *count = bpf_map_lookup_elem(&outcomes, &key);

	if (count)
		add(count, 1);

	key = state->hops;
	count = bpf_map_lookup_elem(&hops, &key);
	if (count)
		add(count, 1);

	key = layer;
	struct layer_counter *counter = bpf_map_lookup_elem(&layer_counters, &key);

	if (counter && outcome == OUTCOME_NO_LAYER)
		add(&counter->missed, 1);
	if (counter && outcome >= OUTCOME_TRUNCATED)
		add(&counter->dropped, 1);

	if (outcome == OUTCOME_NO_LAYER) {
		key = (__u32)layer << 16 | state->next;
		count = bpf_map_lookup_elem(&unknown, &key);
		if (count)
			add(count, 1);
		else
			bpf_map_update_elem(&unknown, &key, &one, BPF_NOEXIST);
	}

	if (outcome == OUTCOME_REPLIED)
		return XDP_TX;
	return outcome >= OUTCOME_TRUNCATED ? XDP_DROP : XDP_PASS;
}

/// Adds the packet to its flow. Called once per IP header that leads to a transport layer, so a
/// tunnelled packet is in the table once for every level.
static __noinline int record_flow(struct parse_state *state, __u32 ports, __u8 tcp_flags)
{
	state->flow.source_port = ports & 0xffff;
	state->flow.destination_port = ports >> 16;
	state->flow.depth = state->depth;

	struct flow *known = bpf_map_lookup_elem(&flows, &state->flow);
	__u64 bytes = state->end - state->network;

	if (known) {
		add(&known->packets, 1);
		add(&known->bytes, bytes);
		known->tcp_flags |= tcp_flags;
		return 0;
	}

	struct flow flow = { .packets = 1, .bytes = bytes, .tcp_flags = tcp_flags };

	if (bpf_map_update_elem(&flows, &state->flow, &flow, BPF_ANY))
		add(&flows_lost, 1);
	return 0;
}

/// The next `size` bytes, or NULL when the frame or the packet in it ends before.
static __always_inline void *header(struct xdp_md *ctx, struct parse_state *state, __u32 size)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 offset = state->offset;

	if (offset > MAXIMUM_OFFSET || offset + size > state->end)
		return NULL;

	void *start = data + offset;

	if (start + size > data_end)
		return NULL;
	return start;
}

#endif
