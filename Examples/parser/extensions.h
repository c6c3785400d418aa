// SPDX-License-Identifier: Apache-2.0
//
// The extension headers of IPv6, and the authentication header that IPv4 has too.

#ifndef PARSER_EXTENSIONS_H
#define PARSER_EXTENSIONS_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>

#include "dispatch.h"
#include "options.h"
#include "state.h"

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

#endif
