// SPDX-License-Identifier: Apache-2.0
//
// Which program follows which: the two arrays of programs, and the tail calls into them.

#ifndef PARSER_DISPATCH_H
#define PARSER_DISPATCH_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "state.h"

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

enum { ETHERTYPE_LEAST = 0x0600, ETHERTYPE_QINQ_OLD = 0x9100, ETHERTYPE_BRIDGED = 0x6558 };

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

#endif
