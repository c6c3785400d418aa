// SPDX-License-Identifier: Apache-2.0
//
// The options that a header may carry, walked with a bound that the verifier can see.

#ifndef PARSER_OPTIONS_H
#define PARSER_OPTIONS_H

#include "state.h"

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

#endif
