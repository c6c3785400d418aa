// SPDX-License-Identifier: Apache-2.0
//
// Where a packet comes in, Ethernet and its tags.

#ifndef PARSER_LINK_H
#define PARSER_LINK_H

#include <linux/if_ether.h>

#include "dispatch.h"
#include "state.h"

struct vlan_tag {
	__be16 control;
	__be16 ethertype;
};

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

#endif
