// SPDX-License-Identifier: Apache-2.0
//
// IPv4 and IPv6, without the latter's extension headers.

#ifndef PARSER_IP_H
#define PARSER_IP_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "dispatch.h"
#include "options.h"
#include "state.h"

enum { IP_MORE_FRAGMENTS = 0x2000, IP_FRAGMENT_OFFSET = 0x1fff };

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

#endif
