// SPDX-License-Identifier: Apache-2.0
//
// TCP and UDP.

#ifndef PARSER_TRANSPORT_H
#define PARSER_TRANSPORT_H

#include <linux/tcp.h>
#include <linux/udp.h>

#include "dispatch.h"
#include "options.h"
#include "state.h"

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

#endif
