// XDP programs on the subjects that verifiers are tested by: bounds, null tests, spills, loops,
// functions, buffers. The verdict of Linux 6.18 is the first word of a program's name.

#include "subjects.h"

SEC("xdp") int accept_mask(struct xdp_md *context) {
  return table[random() & 31];
}

SEC("xdp") int refuse_mask(struct xdp_md *context) {
  return table[random() & 63];
}

SEC("xdp") int accept_signed_bound(struct xdp_md *context) {
  s32 index = random();
  if (index < 0 || index > 31) return 0;
  return table[index];
}

SEC("xdp") int refuse_signed_bound(struct xdp_md *context) {
  s32 index = random();
  if (index > 31) return 0;
  KEEP(index);
  return table[index];
}

SEC("xdp") int accept_shifted(struct xdp_md *context) {
  u64 index = random();
  return table[(index >> 3 & 7) + (index & 15)];
}

SEC("xdp") int accept_modulo(struct xdp_md *context) {
  return table[random() % 32];
}

SEC("xdp") int refuse_modulo(struct xdp_md *context) {
  return table[random() % 33];
}

SEC("xdp") int accept_byte_index(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 1 > end) return 0;
  return table[*data >> 3];
}

SEC("xdp") int accept_null(struct xdp_md *context) {
  u32 key = 1;
  u64 *value = lookup(&hash, &key);
  return value ? *value : 0;
}

SEC("xdp") int refuse_null_once(struct xdp_md *context) {
  u32 key = 1;
  u64 *value = lookup(&hash, &key);
  key = 2;
  u64 *other = lookup(&hash, &key);
  if (value) return *(volatile u64 *)other;
  return 0;
}

SEC("xdp") int accept_null_spilled(struct xdp_md *context) {
  u32 key = 1;
  u64 *volatile value = lookup(&hash, &key);
  u64 *copy = value;
  if (!copy) return 0;
  random();
  return *copy;
}

SEC("xdp") int accept_percpu(struct xdp_md *context) {
  u32 key = 1;
  u64 *value = lookup_percpu(&percpu, &key, cpu());
  if (!value) return 0;
  *value += 1;
  return 0;
}

SEC("xdp") int accept_percpu_array(struct xdp_md *context) {
  for (u32 index = 0; index < 4; index++) {
  u32 key = index;
  u64 *value = lookup(&percpu, &key);
  if (value) *value += index;
  }
  return 0;
}

SEC("xdp") int accept_nested_loops(struct xdp_md *context) {
  u64 sum = 0;
  for (int row = 0; row < 10; row++)
  for (int column = 0; column < row; column++)
  sum += (row ^ column) & random();
  return sum;
}

SEC("xdp") int accept_break(struct xdp_md *context) {
  u64 sum = 0;
#pragma clang loop unroll(disable)
  for (int index = 0; index < 100; index++) {
  if (random() == 5) break;
  sum += index;
  }
  return sum;
}

SEC("xdp") int accept_loop_to_constant(struct xdp_md *context) {
  u64 sum = 0;
#pragma clang loop unroll(disable)
  for (u32 index = 0; index < limit && index < 32; index++) sum += table[index];
  return sum;
}

SEC("xdp") int accept_loop_to_unknown(struct xdp_md *context) {
  u64 sum = 0;
  u32 count = random() & 31;
#pragma clang loop unroll(disable)
  for (u32 index = 0; index < count; index++) sum += table[index];
  return sum;
}

SEC("xdp") int refuse_loop_to_unknown(struct xdp_md *context) {
  u64 sum = 0;
  u32 count = random() & 63;
#pragma clang loop unroll(disable)
  for (u32 index = 0; index < count; index++) sum += table[index];
  return sum;
}

SEC("xdp") int accept_options(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  u32 offset = 20;
#pragma clang loop unroll(disable)
  for (int index = 0; index < 10; index++) {
  if (offset > 60) break;
  u8 *option = data + offset;
  if (option + 2 > end) return 1;
  if (option[0] == 0) break;
  offset += option[0] == 1 ? 1 : option[1] & 15;
  }
  return offset;
}

SEC("xdp") int accept_metadata(struct xdp_md *context) {
  if (adjust_meta(context, -8)) return 1;
  u8 *meta = (u8 *)(long)context->data_meta;
  u8 *data = (u8 *)(long)context->data;
  if (meta + 8 > data) return 1;
  *(u64 *)meta = now();
  return 2;
}

SEC("xdp") int refuse_metadata(struct xdp_md *context) {
  u8 *meta = (u8 *)(long)context->data_meta;
  u8 *data = (u8 *)(long)context->data;
  if (meta + 4 > data) return 1;
  *(volatile u64 *)meta = now();
  return 2;
}

SEC("xdp") int accept_tail_moved(struct xdp_md *context) {
  adjust_tail(context, -4);
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 14 > end) return 1;
  return data[13];
}

SEC("xdp") int accept_variable_header(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 34 > end) return 1;
  u32 length = (data[14] & 15) * 4;
  u8 *next = data + 14 + length;
  if (next + 4 > end) return 1;
  return next[3];
}

SEC("xdp") int refuse_variable_header(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 34 > end) return 1;
  u32 length = (data[14] & 15) * 4;
  u8 *next = data + 14 + length;
  if (next + 4 > end) return 1;
  return *(volatile u8 *)(next + 4);
}

SEC("xdp") int accept_ring(struct xdp_md *context) {
  struct pair *event = reserve(&ring, sizeof(*event), 0);
  if (!event) return 0;
  event->first = now();
  event->second = random() ? 1 : 0;
  if (event->first & 1) discard(event, 0);
  else submit(event, 0);
  return 0;
}

SEC("xdp") int refuse_ring_after_submit(struct xdp_md *context) {
  struct pair *event = reserve(&ring, sizeof(*event), 0);
  if (!event) return 0;
  submit(event, 0);
  *(volatile u64 *)event = 1;
  return 0;
}

SEC("xdp") int accept_ring_output(struct xdp_md *context) {
  u8 buffer[32] = {};
  u32 size = random() & 31;
  ring_output(&ring, buffer, size, 0);
  return 0;
}

SEC("xdp") int refuse_ring_output(struct xdp_md *context) {
  u8 buffer[32] = {};
  u32 size = random() & 63;
  KEEP(buffer);
  ring_output(&ring, buffer, size, 0);
  return 0;
}

SEC("xdp") int accept_atomics(struct xdp_md *context) {
  u32 key = 3;
  struct pair *pair = lookup(&array, &key);
  if (!pair) return 0;
  __sync_fetch_and_add(&pair->first, 1);
  u64 old = __sync_lock_test_and_set(&pair->second, 5);
  return __sync_val_compare_and_swap(&pair->first, old, 7);
}

SEC("xdp") int accept_map_in_map(struct xdp_md *context) {
  u32 key = 1;
  void *map = lookup(&outer, &key);
  if (!map) return 0;
  u64 *value = lookup(map, &key);
  return value ? *value : 0;
}

SEC("xdp") int refuse_map_in_map(struct xdp_md *context) {
  u32 key = 1;
  void *map = lookup(&outer, &key);
  u64 *value = lookup(map, &key);
  return value ? *value : 0;
}

SEC("xdp") int accept_queue(struct xdp_md *context) {
  u64 value = now();
  push(&queue, &value, 0);
  if (pop(&queue, &value)) return 0;
  return value;
}

SEC("xdp") int accept_redirect(struct xdp_md *context) {
  return redirect_map(&devices, random() & 3, 2);
}

SEC("xdp") int accept_csum(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 40 > end) return 1;
  return csum(0, 0, data, 40, 0);
}

SEC("xdp") int refuse_csum(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 36 > end) return 1;
  return csum(0, 0, data, 40, 0);
}

static NOINLINE u64 inner_sum(struct pair *pair) {
  pair->first += pair->second;
  return pair->first & 7;
}

SEC("xdp") int accept_subprogram(struct xdp_md *context) {
  struct pair pair = {random(), 2};
  return inner_sum(&pair) + pair.first;
}

static NOINLINE u64 *element(u32 index) { return index < 32 ? &table[index] : 0; }

SEC("xdp") int refuse_address_before_test(struct xdp_md *context) {
  u64 *place = element(random());
  return place ? *place : 0;
}

SEC("xdp") int refuse_subprogram_pointer(struct xdp_md *context) {
  return *(volatile u64 *)element(random());
}

NOINLINE int global_sum(struct pair *pair) {
  if (!pair) return 0;
  return pair->first + pair->second;
}

SEC("xdp") int accept_global_memory(struct xdp_md *context) {
  struct pair pair = {1, 2};
  return global_sum(&pair);
}

SEC("xdp") int refuse_global_memory(struct xdp_md *context) {
  u32 small = random();
  KEEP(&small);
  return global_sum((struct pair *)&small);
}

NOINLINE int queue_of(struct xdp_md *context) { return context->rx_queue_index; }

SEC("xdp") int accept_global_context(struct xdp_md *context) {
  return queue_of(context);
}

NOINLINE u32 global_index(u32 value) { return value & 7; }

SEC("xdp") int refuse_global_untested(struct xdp_md *context) {
  u32 key = 1;
  u64 *value = lookup(&hash, &key);
  if (!value) return 0;
  return table[global_index(*value)];
}

SEC("xdp") int refuse_result_before_test(struct xdp_md *context) {
  u32 index = global_index(random());
  if (index > 31) return 0;
  return table[index];
}

static NOINLINE int jump(struct xdp_md *context) {
  tail_call(context, &tails, 1);
  return 3;
}

SEC("xdp") int accept_tail_in_subprogram(struct xdp_md *context) {
  return jump(context) + 1;
}

SEC("xdp") int refuse_packet_after_subprogram(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 14 > end) return 1;
  jump(context);
  return *(volatile u8 *)data;
}

SEC("xdp") int accept_fib(struct xdp_md *context) {
  struct { u8 bytes[64]; } parameters = {};
  return fib_lookup(context, &parameters, sizeof(parameters), 0);
}

SEC("xdp") int accept_spilled_index(struct xdp_md *context) {
  volatile u32 index = random();
  u32 copy = index;
  if (copy >= 32) return 0;
  u32 other = now();
  KEEP(other);
  return table[copy];
}

SEC("xdp") int refuse_reread_index(struct xdp_md *context) {
  volatile u32 *live = &filled;
  if (*live >= 32) return 0;
  return table[*live];
}

static long count_up(u32 index, void *data) {
  *(u64 *)data += index;
  return index > 100;
}

SEC("xdp") int accept_callback(struct xdp_md *context) {
  u64 sum = 0;
  loop(random(), count_up, &sum, 0);
  return sum;
}

static long too_much(u32 index, void *data) { return index; }

SEC("xdp") int refuse_callback_result(struct xdp_md *context) {
  u64 sum = 0;
  loop(random(), too_much, &sum, 0);
  return sum;
}

static long advance(u32 round, void *data) {
  *(u64 *)data += 1;
  return 0;
}

SEC("xdp") int refuse_callback_index(struct xdp_md *context) {
  u64 index = 0;
  loop(40, advance, &index, 0);
  return table[index];
}

static long visit(void *map, u32 *key, u64 *value, void *data) {
  *(u64 *)data += *key + *value;
  return 0;
}

SEC("xdp") int accept_each(struct xdp_md *context) {
  u64 sum = 0;
  each(&hash, visit, &sum, 0);
  return sum;
}

static long spoil(void *map, u32 *key, u64 *value, void *data) {
  *key = 1;
  return 0;
}

SEC("xdp") int refuse_each_key(struct xdp_md *context) {
  u64 sum = 0;
  each(&hash, spoil, &sum, 0);
  return sum;
}
