// SPDX-License-Identifier: Apache-2.0
//
// Headers with a whole packet behind them. All lead back to the layers below.

#ifndef PARSER_TUNNELS_H
#define PARSER_TUNNELS_H

#include <linux/in.h>
#include <linux/in6.h>

#include "dispatch.h"
#include "state.h"

struct gre_header {
	__be16 flags_and_version;
	__be16 ethertype;
};

struct vxlan_header {
	__u8 flags;
	__u8 reserved[3];
	__be32 network_identifier;
};

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000 };
enum { GRE_VERSION = 0x0007, VXLAN_HAS_IDENTIFIER = 0x08 };

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

#endif
