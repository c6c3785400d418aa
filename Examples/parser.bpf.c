// SPDX-License-Identifier: Apache-2.0
//
// A packet parser in layers. Every layer is a program of its own: it reads its header, leaves
// what the next one needs in the state of this CPU, and tail-calls it. Layers of the link and
// tunnels are slots of `layers`, at constant indexes; what IP carries is looked up in
// `protocols` by the protocol number of the packet, a variable index. A call that misses falls
// through, and the packet passes: the parser drops only what is malformed.
//
// Tunnels lead back to the layers below, so packets nest until the 33 hops are used up.

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "parser.h"

int ethernet(struct xdp_md *ctx);
int vlan(struct xdp_md *ctx);
int ipv4(struct xdp_md *ctx);
int ipv6(struct xdp_md *ctx);
int ipv6_options(struct xdp_md *ctx);
int ipv6_routing(struct xdp_md *ctx);
int ipv6_fragment(struct xdp_md *ctx);
int authentication(struct xdp_md *ctx);
int ip_in_ip(struct xdp_md *ctx);
int gre(struct xdp_md *ctx);
int vxlan(struct xdp_md *ctx);
int tcp(struct xdp_md *ctx);
int udp(struct xdp_md *ctx);
int icmp(struct xdp_md *ctx);
int icmpv6(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, LAYER_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} layers SEC(".maps") = {
	.values = {
		[LAYER_ETHERNET] = (void *)&ethernet,
		[LAYER_VLAN] = (void *)&vlan,
		[LAYER_IPV4] = (void *)&ipv4,
		[LAYER_IPV6] = (void *)&ipv6,
		[LAYER_VXLAN] = (void *)&vxlan,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} protocols SEC(".maps") = {
	.values = {
		[IPPROTO_HOPOPTS] = (void *)&ipv6_options,
		[IPPROTO_ICMP] = (void *)&icmp,
		[IPPROTO_IPIP] = (void *)&ip_in_ip,
		[IPPROTO_TCP] = (void *)&tcp,
		[IPPROTO_UDP] = (void *)&udp,
		[IPPROTO_IPV6] = (void *)&ip_in_ip,
		[IPPROTO_ROUTING] = (void *)&ipv6_routing,
		[IPPROTO_FRAGMENT] = (void *)&ipv6_fragment,
		[IPPROTO_GRE] = (void *)&gre,
		[IPPROTO_AH] = (void *)&authentication,
		[IPPROTO_ICMPV6] = (void *)&icmpv6,
		[IPPROTO_DSTOPTS] = (void *)&ipv6_options,
	},
};

struct vlan_tag {
	__be16 control;
	__be16 ethertype;
};

struct extension {
	__u8 next;
	__u8 length;
	__u8 routing_type;
	__u8 segments_left;
};

struct fragment_extension {
	__u8 next;
	__u8 reserved;
	__be16 offset_and_flags;
	__be32 identification;
};

struct gre_header {
	__be16 flags_and_version;
	__be16 ethertype;
};

struct vxlan_header {
	__u8 flags;
	__u8 reserved[3];
	__be32 network_identifier;
};

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 identifier;
	__be16 sequence;
};

enum { IP_MORE_FRAGMENTS = 0x2000, IP_FRAGMENT_OFFSET = 0x1fff };
enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000 };
enum { GRE_VERSION = 0x0007, VXLAN_HAS_IDENTIFIER = 0x08 };
enum { ETHERTYPE_LEAST = 0x0600, ETHERTYPE_QINQ_OLD = 0x9100, ETHERTYPE_BRIDGED = 0x6558 };
enum { ECHO_REPLY = 0, ECHO_REQUEST = 8, ECHO_REQUEST_V6 = 128, ECHO_REPLY_V6 = 129 };

/// What follows is announced by an EtherType. Each case is a call site with a constant slot.
static __always_inline int to_ethertype(struct xdp_md *ctx, struct parse_state *state,
					enum layer from, __be16 ethertype)
{
	state->next = bpf_ntohs(ethertype);
	switch (state->next) {
	case ETH_P_IP:
		bpf_tail_call_static(ctx, &layers, LAYER_IPV4);
		break;
	case ETH_P_IPV6:
		bpf_tail_call_static(ctx, &layers, LAYER_IPV6);
		break;
	case ETH_P_8021Q:
	case ETH_P_8021AD:
	case ETHERTYPE_QINQ_OLD:
		bpf_tail_call_static(ctx, &layers, LAYER_VLAN);
		break;
	case ETH_P_ARP:
		bpf_tail_call_static(ctx, &layers, LAYER_ARP);
		break;
	case ETH_P_MPLS_UC:
		bpf_tail_call_static(ctx, &layers, LAYER_MPLS);
		break;
	default:
		// Below, it is the length of an 802.3 frame and says nothing about what follows.
		if (state->next < ETHERTYPE_LEAST)
			state->next = 0;
	}
	return leave(state, from, OUTCOME_NO_LAYER);
}

/// What follows is announced by an IP protocol number. One call site, any of 256 slots.
static __always_inline int to_protocol(struct xdp_md *ctx, struct parse_state *state,
				       enum layer from, __u8 protocol)
{
	state->next = protocol;
	state->flow.protocol = protocol;
	bpf_tail_call(ctx, &protocols, protocol);
	return leave(state, from, OUTCOME_NO_LAYER);
}

/// The byte of an option that the walk has come to, as many bytes as asked for; else NULL.
///
/// The walk keeps its place in the state, which is memory: the verifier knows nothing of what it
/// loads from there, so one turn of the loop looks to it like the next and is checked once.
/// In a register the place would have another range on every path, too many to follow.
static __always_inline __u8 *option_at(struct xdp_md *ctx, struct parse_state *state, __u32 size)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u32 place = *(volatile __u32 *)&state->option;

	if (place > MAXIMUM_OFFSET)
		return NULL;

	__u8 *option = (void *)(long)ctx->data + place;

	barrier_var(data_end);
	return (void *)(option + size) > data_end ? NULL : option;
}

/// Walks options of a kind and a length, the form that IPv4 and TCP share, from the option in
/// the state to the offset `end`.
static __noinline int options_are_sound(struct xdp_md *ctx, struct parse_state *state, __u32 end)
{
	for (int count = 0; count < MAXIMUM_OPTIONS && state->option < end; count++) {
		__u8 *option = option_at(ctx, state, 1);

		if (!option)
			return false;
		if (option[0] == 0)
			return true;
		if (option[0] == 1) {
			state->option += 1;
			continue;
		}
		option = option_at(ctx, state, 2);
		if (!option || option[1] < 2)
			return false;
		state->option += option[1];
	}
	return state->option == end;
}

/// The same for the options of IPv6, where one byte of padding has no length and there is no end.
static __noinline int ipv6_options_are_sound(struct xdp_md *ctx, struct parse_state *state,
					     __u32 end)
{
	for (int count = 0; count < MAXIMUM_OPTIONS && state->option < end; count++) {
		__u8 *option = option_at(ctx, state, 1);

		if (!option)
			return false;
		if (option[0] == 0) {
			state->option += 1;
			continue;
		}
		option = option_at(ctx, state, 2);
		if (!option)
			return false;
		state->option += 2 + option[1];
	}
	return state->option == end;
}

/// The ones' complement sum of an IPv4 header, which is all ones when its checksum is right.
static __noinline int ipv4_header_sum(struct xdp_md *ctx, __u32 start, __u32 length)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	if (start > MAXIMUM_OFFSET)
		return 0;

	__u16 *word = data + start;

	for (__u32 index = 0; index < 30; index++) {
		if (index * 2 >= length)
			break;
		// Keeps clang from comparing against data_end + 1, arithmetic that Linux refuses.
		barrier_var(data_end);
		if ((void *)(word + index + 1) > data_end)
			return 0;
		sum += word[index];
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

// MARK: The link

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct parse_state *state = bpf_map_lookup_elem(&state_of_cpu, &key);

	if (!state)
		return XDP_PASS;
	__builtin_memset(state, 0, sizeof(*state));
	state->end = ctx->data_end - ctx->data;
	if (!arrive(LAYER_ENTRY))
		return XDP_PASS;

	// Entering is not a hop; the histogram counts tail calls.
	state->hops = 0;
	bpf_tail_call_static(ctx, &layers, LAYER_ETHERNET);
	return leave(state, LAYER_ENTRY, OUTCOME_NO_LAYER);
}

SEC("xdp")
int ethernet(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_ETHERNET);

	if (!state)
		return XDP_PASS;

	struct ethhdr *frame = header(ctx, state, sizeof(*frame));

	if (!frame)
		return leave(state, LAYER_ETHERNET, OUTCOME_TRUNCATED);
	state->offset += sizeof(*frame);
	return to_ethertype(ctx, state, LAYER_ETHERNET, frame->h_proto);
}

/// One tag. A second one (QinQ) is another hop into the same program.
SEC("xdp")
int vlan(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_VLAN);

	if (!state)
		return XDP_PASS;

	struct vlan_tag *tag = header(ctx, state, sizeof(*tag));

	if (!tag)
		return leave(state, LAYER_VLAN, OUTCOME_TRUNCATED);
	state->offset += sizeof(*tag);
	return to_ethertype(ctx, state, LAYER_VLAN, tag->ethertype);
}

// MARK: IPv4

/// A first fragment goes on to its protocol, a later one ends here.
static __always_inline int ipv4_payload(struct xdp_md *ctx, struct parse_state *state,
					__u16 fragment, __u8 protocol)
{
	__u32 payload = state->end - state->offset;
	__u32 position = (fragment & IP_FRAGMENT_OFFSET) * 8;

	if (position + payload > 0xffff)
		return leave(state, LAYER_IPV4, OUTCOME_BAD_FRAGMENT);
	if (fragment & IP_MORE_FRAGMENTS) {
		if (payload & 7)
			return leave(state, LAYER_IPV4, OUTCOME_BAD_FRAGMENT);
		state->fragment = 1;
	}
	if (position) {
		state->flow.protocol = protocol;
		record_flow(state, 0, 0);
		return leave(state, LAYER_IPV4, OUTCOME_FRAGMENT);
	}
	return to_protocol(ctx, state, LAYER_IPV4, protocol);
}

SEC("xdp")
int ipv4(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IPV4);

	if (!state)
		return XDP_PASS;

	struct iphdr *ip = header(ctx, state, sizeof(*ip));

	if (!ip)
		return leave(state, LAYER_IPV4, OUTCOME_TRUNCATED);
	if (ip->version != 4)
		return leave(state, LAYER_IPV4, OUTCOME_BAD_VERSION);

	__u32 header_length = ip->ihl * 4;
	__u32 total_length = bpf_ntohs(ip->tot_len);
	__u32 left = state->end - state->offset;
	__u16 fragment = bpf_ntohs(ip->frag_off);
	__u8 protocol = ip->protocol;

	if (header_length < sizeof(*ip))
		return leave(state, LAYER_IPV4, OUTCOME_BAD_HEADER);
	if (total_length < header_length || total_length > left)
		return leave(state, LAYER_IPV4, OUTCOME_BAD_LENGTH);
	if (ipv4_header_sum(ctx, state->offset, header_length) != 0xffff)
		return leave(state, LAYER_IPV4, OUTCOME_BAD_CHECKSUM);

	state->fragment = 0;
	state->extended = header_length > sizeof(*ip);
	state->option = state->offset + sizeof(*ip);
	if (!options_are_sound(ctx, state, state->offset + header_length))
		return leave(state, LAYER_IPV4, OUTCOME_BAD_OPTION);

	__builtin_memset(&state->flow, 0, sizeof(state->flow));
	__builtin_memcpy(state->flow.source, &ip->saddr, 4);
	__builtin_memcpy(state->flow.destination, &ip->daddr, 4);
	state->flow.version = 4;
	state->network = state->offset;
	state->end = state->offset + total_length;
	state->offset += header_length;
	return ipv4_payload(ctx, state, fragment, protocol);
}

// MARK: IPv6 and its extension headers

SEC("xdp")
int ipv6(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IPV6);

	if (!state)
		return XDP_PASS;

	struct ipv6hdr *ip = header(ctx, state, sizeof(*ip));

	if (!ip)
		return leave(state, LAYER_IPV6, OUTCOME_TRUNCATED);
	if (ip->version != 6)
		return leave(state, LAYER_IPV6, OUTCOME_BAD_VERSION);

	__u32 payload = bpf_ntohs(ip->payload_len);

	state->network = state->offset;
	state->offset += sizeof(*ip);
	if (payload > state->end - state->offset)
		return leave(state, LAYER_IPV6, OUTCOME_BAD_LENGTH);
	// A length of zero before hop-by-hop options is a jumbogram, which lasts to the frame's end.
	if (payload != 0 || ip->nexthdr != IPPROTO_HOPOPTS)
		state->end = state->offset + payload;

	state->fragment = 0;
	state->extended = 0;
	__builtin_memset(&state->flow, 0, sizeof(state->flow));
	__builtin_memcpy(state->flow.source, &ip->saddr, 16);
	__builtin_memcpy(state->flow.destination, &ip->daddr, 16);
	state->flow.version = 6;
	return to_protocol(ctx, state, LAYER_IPV6, ip->nexthdr);
}

/// Hop-by-hop and destination options.
SEC("xdp")
int ipv6_options(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IPV6_OPTIONS);

	if (!state)
		return XDP_PASS;
	if (state->flow.version != 6)
		return leave(state, LAYER_IPV6_OPTIONS, OUTCOME_NO_LAYER);
	if (state->next == IPPROTO_HOPOPTS &&
	    state->offset != state->network + sizeof(struct ipv6hdr))
		return leave(state, LAYER_IPV6_OPTIONS, OUTCOME_BAD_ORDER);

	struct extension *extension = header(ctx, state, 8);

	if (!extension)
		return leave(state, LAYER_IPV6_OPTIONS, OUTCOME_TRUNCATED);

	__u32 length = extension->length * 8 + 8;
	__u8 next = extension->next;

	if (length > state->end - state->offset)
		return leave(state, LAYER_IPV6_OPTIONS, OUTCOME_BAD_LENGTH);
	state->option = state->offset + 2;
	if (!ipv6_options_are_sound(ctx, state, state->offset + length))
		return leave(state, LAYER_IPV6_OPTIONS, OUTCOME_BAD_OPTION);
	state->extended = 1;
	state->offset += length;
	return to_protocol(ctx, state, LAYER_IPV6_OPTIONS, next);
}

SEC("xdp")
int ipv6_routing(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IPV6_ROUTING);

	if (!state)
		return XDP_PASS;
	if (state->flow.version != 6)
		return leave(state, LAYER_IPV6_ROUTING, OUTCOME_NO_LAYER);

	struct extension *extension = header(ctx, state, 8);

	if (!extension)
		return leave(state, LAYER_IPV6_ROUTING, OUTCOME_TRUNCATED);

	__u32 length = extension->length * 8 + 8;

	if (length > state->end - state->offset)
		return leave(state, LAYER_IPV6_ROUTING, OUTCOME_BAD_LENGTH);
	// RFC 5095: a source route of type 0 that is not used up must not be followed.
	if (extension->routing_type == 0 && extension->segments_left != 0)
		return leave(state, LAYER_IPV6_ROUTING, OUTCOME_BAD_FLAGS);
	state->extended = 1;
	state->offset += length;
	return to_protocol(ctx, state, LAYER_IPV6_ROUTING, extension->next);
}

SEC("xdp")
int ipv6_fragment(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IPV6_FRAGMENT);

	if (!state)
		return XDP_PASS;
	if (state->flow.version != 6)
		return leave(state, LAYER_IPV6_FRAGMENT, OUTCOME_NO_LAYER);

	struct fragment_extension *extension = header(ctx, state, sizeof(*extension));

	if (!extension)
		return leave(state, LAYER_IPV6_FRAGMENT, OUTCOME_TRUNCATED);
	state->extended = 1;
	state->offset += sizeof(*extension);

	__u32 payload = state->end - state->offset;
	__u16 offset_and_flags = bpf_ntohs(extension->offset_and_flags);
	__u32 position = offset_and_flags & 0xfff8;
	bool more = offset_and_flags & 1;

	if (position + payload > 0xffff || (more && payload & 7))
		return leave(state, LAYER_IPV6_FRAGMENT, OUTCOME_BAD_FRAGMENT);
	state->fragment = more;
	if (position) {
		state->flow.protocol = extension->next;
		record_flow(state, 0, 0);
		return leave(state, LAYER_IPV6_FRAGMENT, OUTCOME_FRAGMENT);
	}
	return to_protocol(ctx, state, LAYER_IPV6_FRAGMENT, extension->next);
}

/// The authentication header, in IPv4 and IPv6. Its length counts words of four bytes.
SEC("xdp")
int authentication(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_AUTHENTICATION);

	if (!state)
		return XDP_PASS;

	struct extension *extension = header(ctx, state, 12);

	if (!extension)
		return leave(state, LAYER_AUTHENTICATION, OUTCOME_TRUNCATED);

	__u32 length = extension->length * 4 + 8;

	if (length < 12)
		return leave(state, LAYER_AUTHENTICATION, OUTCOME_BAD_HEADER);
	if (length > state->end - state->offset)
		return leave(state, LAYER_AUTHENTICATION, OUTCOME_BAD_LENGTH);
	state->extended = 1;
	state->offset += length;
	return to_protocol(ctx, state, LAYER_AUTHENTICATION, extension->next);
}

// MARK: Tunnels

/// IP in IP, 6in4 and their like: the protocol number says which version is inside.
SEC("xdp")
int ip_in_ip(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_IP_IN_IP);

	if (!state)
		return XDP_PASS;
	if (state->fragment)
		return leave(state, LAYER_IP_IN_IP, OUTCOME_FRAGMENT);
	record_flow(state, 0, 0);
	state->depth++;
	if (state->next == IPPROTO_IPIP)
		bpf_tail_call_static(ctx, &layers, LAYER_IPV4);
	else
		bpf_tail_call_static(ctx, &layers, LAYER_IPV6);
	return leave(state, LAYER_IP_IN_IP, OUTCOME_NO_LAYER);
}

SEC("xdp")
int gre(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_GRE);

	if (!state)
		return XDP_PASS;

	struct gre_header *gre = header(ctx, state, sizeof(*gre));

	if (!gre)
		return leave(state, LAYER_GRE, OUTCOME_TRUNCATED);

	__u16 flags = bpf_ntohs(gre->flags_and_version);
	__be16 ethertype = gre->ethertype;
	__u32 length = sizeof(*gre);

	// Version 1 is PPTP's, and not a tunnel for the layers here.
	if (flags & GRE_VERSION)
		return leave(state, LAYER_GRE, OUTCOME_NO_LAYER);
	if (flags & GRE_ROUTING)
		return leave(state, LAYER_GRE, OUTCOME_BAD_FLAGS);
	if (flags & GRE_CHECKSUM)
		length += 4;
	if (flags & GRE_KEY)
		length += 4;
	if (flags & GRE_SEQUENCE)
		length += 4;
	if (length > state->end - state->offset)
		return leave(state, LAYER_GRE, OUTCOME_TRUNCATED);
	if (state->fragment)
		return leave(state, LAYER_GRE, OUTCOME_FRAGMENT);

	record_flow(state, 0, 0);
	state->depth++;
	state->offset += length;
	if (ethertype == bpf_htons(ETHERTYPE_BRIDGED)) {
		state->next = ETHERTYPE_BRIDGED;
		bpf_tail_call_static(ctx, &layers, LAYER_ETHERNET);
		return leave(state, LAYER_GRE, OUTCOME_NO_LAYER);
	}
	return to_ethertype(ctx, state, LAYER_GRE, ethertype);
}

SEC("xdp")
int vxlan(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_VXLAN);

	if (!state)
		return XDP_PASS;

	struct vxlan_header *vxlan = header(ctx, state, sizeof(*vxlan));

	if (!vxlan)
		return leave(state, LAYER_VXLAN, OUTCOME_TRUNCATED);
	if (!(vxlan->flags & VXLAN_HAS_IDENTIFIER))
		return leave(state, LAYER_VXLAN, OUTCOME_BAD_FLAGS);
	state->depth++;
	state->offset += sizeof(*vxlan);
	bpf_tail_call_static(ctx, &layers, LAYER_ETHERNET);
	return leave(state, LAYER_VXLAN, OUTCOME_NO_LAYER);
}

// MARK: Transport

SEC("xdp")
int tcp(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_TCP);

	if (!state)
		return XDP_PASS;

	struct tcphdr *tcp = header(ctx, state, sizeof(*tcp));

	if (!tcp)
		return leave(state, LAYER_TCP, OUTCOME_TRUNCATED);

	__u32 length = tcp->doff * 4;
	__u32 ports = (__u32)tcp->dest << 16 | tcp->source;
	__u8 flags = ((__u8 *)tcp)[13];

	if (length < sizeof(*tcp))
		return leave(state, LAYER_TCP, OUTCOME_BAD_HEADER);
	if (length > state->end - state->offset)
		return leave(state, LAYER_TCP, OUTCOME_TRUNCATED);
	state->option = state->offset + sizeof(*tcp);
	if (!options_are_sound(ctx, state, state->offset + length))
		return leave(state, LAYER_TCP, OUTCOME_BAD_OPTION);
	record_flow(state, ports, flags);
	return leave(state, LAYER_TCP, OUTCOME_PARSED);
}

SEC("xdp")
int udp(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_UDP);

	if (!state)
		return XDP_PASS;

	struct udphdr *udp = header(ctx, state, sizeof(*udp));

	if (!udp)
		return leave(state, LAYER_UDP, OUTCOME_TRUNCATED);

	__u32 length = bpf_ntohs(udp->len);
	__u32 ports = (__u32)udp->dest << 16 | udp->source;
	bool tunnel = udp->dest == bpf_htons(vxlan_port);

	if (length < sizeof(*udp))
		return leave(state, LAYER_UDP, OUTCOME_BAD_LENGTH);
	if (length > state->end - state->offset && !state->fragment)
		return leave(state, LAYER_UDP, OUTCOME_BAD_LENGTH);
	record_flow(state, ports, 0);
	if (!tunnel || state->fragment)
		return leave(state, LAYER_UDP, OUTCOME_PARSED);

	state->next = vxlan_port;
	state->end = state->offset + length;
	state->offset += sizeof(*udp);
	bpf_tail_call_static(ctx, &layers, LAYER_VXLAN);
	return leave(state, LAYER_UDP, OUTCOME_NO_LAYER);
}

/// Whether an echo request may be answered from here: not out of a tunnel, whose outer headers
/// would have to be turned round too, and not with options, which may be a source route.
static __always_inline bool answers(struct parse_state *state)
{
	return reply_to_echo && state->depth == 0 && !state->fragment && !state->extended;
}

/// Turns the Ethernet header round, unless it was sent to many.
static __always_inline bool swap_hardware_addresses(struct xdp_md *ctx)
{
	struct ethhdr *frame = (void *)(long)ctx->data;
	__u8 address[ETH_ALEN];

	// Clang knows that a checked IP header lies behind, and would drop the check for this one,
	// which the verifier wants to see all the same.
	barrier_var(frame);
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end || frame->h_dest[0] & 1)
		return false;
	__builtin_memcpy(address, frame->h_dest, ETH_ALEN);
	__builtin_memcpy(frame->h_dest, frame->h_source, ETH_ALEN);
	__builtin_memcpy(frame->h_source, address, ETH_ALEN);
	return true;
}

/// RFC 1624: the checksum after one 16-bit word changed, all in host byte order.
static __always_inline __u16 adjusted(__u16 checksum, __u16 before, __u16 after)
{
	__u32 sum = (__u16)~checksum + (__u32)(__u16)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void turn_into_reply(struct icmp_header *icmp, __u8 request, __u8 reply)
{
	icmp->type = reply;
	icmp->checksum = bpf_htons(adjusted(bpf_ntohs(icmp->checksum), request << 8 | icmp->code,
					    reply << 8 | icmp->code));
}

static __always_inline __u32 icmp_ports(struct icmp_header *icmp, bool echo)
{
	return icmp->type | icmp->code << 8 | (echo ? (__u32)icmp->identifier << 16 : 0);
}

SEC("xdp")
int icmp(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_ICMP);

	if (!state)
		return XDP_PASS;
	if (state->flow.version != 4)
		return leave(state, LAYER_ICMP, OUTCOME_NO_LAYER);

	struct icmp_header *icmp = header(ctx, state, sizeof(*icmp));

	if (!icmp)
		return leave(state, LAYER_ICMP, OUTCOME_TRUNCATED);

	bool request = icmp->type == ECHO_REQUEST;

	record_flow(state, icmp_ports(icmp, request || icmp->type == ECHO_REPLY), 0);
	if (!request || !answers(state))
		return leave(state, LAYER_ICMP, OUTCOME_PARSED);

	__u32 network = state->network;
	struct iphdr *ip = (void *)(long)ctx->data + network;

	if (network > MAXIMUM_OFFSET || (void *)(ip + 1) > (void *)(long)ctx->data_end ||
	    !swap_hardware_addresses(ctx))
		return leave(state, LAYER_ICMP, OUTCOME_PARSED);

	__be32 address = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = address;
	turn_into_reply(icmp, ECHO_REQUEST, ECHO_REPLY);
	return leave(state, LAYER_ICMP, OUTCOME_REPLIED);
}

SEC("xdp")
int icmpv6(struct xdp_md *ctx)
{
	struct parse_state *state = arrive(LAYER_ICMPV6);

	if (!state)
		return XDP_PASS;
	if (state->flow.version != 6)
		return leave(state, LAYER_ICMPV6, OUTCOME_NO_LAYER);

	struct icmp_header *icmp = header(ctx, state, sizeof(*icmp));

	if (!icmp)
		return leave(state, LAYER_ICMPV6, OUTCOME_TRUNCATED);

	bool request = icmp->type == ECHO_REQUEST_V6;

	record_flow(state, icmp_ports(icmp, request || icmp->type == ECHO_REPLY_V6), 0);
	if (!request || !answers(state))
		return leave(state, LAYER_ICMPV6, OUTCOME_PARSED);

	__u32 network = state->network;
	struct ipv6hdr *ip = (void *)(long)ctx->data + network;

	if (network > MAXIMUM_OFFSET || (void *)(ip + 1) > (void *)(long)ctx->data_end ||
	    !swap_hardware_addresses(ctx))
		return leave(state, LAYER_ICMPV6, OUTCOME_PARSED);

	struct in6_addr address = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = address;
	turn_into_reply(icmp, ECHO_REQUEST_V6, ECHO_REPLY_V6);
	return leave(state, LAYER_ICMPV6, OUTCOME_REPLIED);
}

char LICENSE[] SEC("license") = "Apache-2.0";
