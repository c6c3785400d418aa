// SPDX-License-Identifier: Apache-2.0
//
// ICMP for both versions, and the replies to echo requests.

#ifndef PARSER_ICMP_H
#define PARSER_ICMP_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "dispatch.h"
#include "state.h"

struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 identifier;
	__be16 sequence;
};

enum { ECHO_REPLY = 0, ECHO_REQUEST = 8, ECHO_REQUEST_V6 = 128, ECHO_REPLY_V6 = 129 };

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

#endif
