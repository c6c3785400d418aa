// Programs on the subjects that verifiers are tested by: bounds, null tests, spills, loops, functions,
// buffers, locks, contexts. The verdict of Linux 6.18 is the first word of a program's name.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define KEEP(buffer) __asm__ volatile("" : : "r"(buffer) : "memory")
#define HELPER(number, result, name, ...) static result (*const name)(__VA_ARGS__) = (void *)number

HELPER(1, void *, lookup, void *map, const void *key);
HELPER(5, u64, now, void);
HELPER(7, u32, random, void);
HELPER(8, u32, cpu, void);
HELPER(12, long, tail_call, void *context, void *map, u32 index);
HELPER(14, u64, pid, void);
HELPER(16, long, comm, void *to, u32 size);
HELPER(25, long, output, void *context, void *map, u64 flags, void *data, u64 size);
HELPER(26, long, load_bytes, void *skb, u32 offset, void *to, u32 size);
HELPER(28, s64, csum, void *from, u32 from_size, void *to, u32 to_size, u32 seed);
HELPER(35, u64, task, void);
HELPER(51, long, redirect_map, void *map, u64 key, u64 flags);
HELPER(54, long, adjust_meta, void *context, int delta);
HELPER(65, long, adjust_tail, void *context, int delta);
HELPER(67, long, stack, void *context, void *to, u32 size, u64 flags);
HELPER(69, long, fib_lookup, void *context, void *parameters, int size, u32 flags);
HELPER(84, void *, lookup_tcp, void *context, void *tuple, u32 size, u64 netns, u64 flags);
HELPER(86, long, release, void *socket);
HELPER(87, long, push, void *map, const void *value, u64 flags);
HELPER(88, long, pop, void *map, void *value);
HELPER(93, void, lock, void *lock);
HELPER(94, void, unlock, void *lock);
HELPER(101, long, sysctl_name, void *context, char *to, u64 size, u64 flags);
HELPER(105, long, to_number, const char *text, u64 size, u64 flags, s64 *result);
HELPER(115, long, read_text, void *to, u32 size, const void *from);
HELPER(130, long, ring_output, void *ring, void *data, u64 size, u64 flags);
HELPER(131, void *, reserve, void *ring, u64 size, u64 flags);
HELPER(132, void, submit, void *data, u64 flags);
HELPER(133, void, discard, void *data, u64 flags);
HELPER(164, long, each, void *map, void *function, void *data, u64 flags);
HELPER(169, long, timer_init, void *timer, void *map, u64 flags);
HELPER(170, long, timer_call, void *timer, void *function);
HELPER(171, long, timer_start, void *timer, u64 nanoseconds, u64 flags);
HELPER(181, long, loop, u32 count, void *function, void *data, u64 flags);
HELPER(195, void *, lookup_percpu, void *map, const void *key, u32 cpu);

struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct __sk_buff { u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci,
  vlan_proto, priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end; };
struct bpf_sock_addr { u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol; };
struct bpf_sock_ops { u32 op, args[4], family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4],
  remote_port, local_port; };
struct bpf_sysctl { u32 write, file_pos; };
struct bpf_sockopt { u64 sk, optval, optval_end; s32 level, optname, optlen, retval; };
struct sk_msg_md { u64 data, data_end; u32 family; };
struct bpf_cgroup_dev_ctx { u32 access_type, major, minor; };
struct pt_regs { u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di; };
struct bpf_timer { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_spin_lock { u32 value; };

#define MAP(name, kind, key_type, value_type, entries) \
  struct { __uint(type, kind); __uint(max_entries, entries); __type(key, key_type); \
    __type(value, value_type); } name SEC(".maps")

struct pair { u64 first, second; };
struct locked { struct bpf_spin_lock lock; u32 padding; u64 count; };
struct timed { u64 count; struct bpf_timer timer; };
MAP(hash, 1, u32, u64, 128);
MAP(array, 2, u32, struct pair, 16);
MAP(percpu, 6, u32, u64, 4);
MAP(locks, 1, u32, struct locked, 16);
MAP(timers, 2, u32, struct timed, 4);
struct { __uint(type, 3); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 4); } tails SEC(".maps");
struct { __uint(type, 4); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
struct { __uint(type, 14); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 4); } devices SEC(".maps");
struct { __uint(type, 22); __uint(max_entries, 4); __type(value, u64); } queue SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, u32); __type(value, u64); };
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, u32); __type(value, u32);
  struct inner *values[]; } outer SEC(".maps");

u64 table[32];
const volatile u32 limit = 8;
u32 filled;

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

SEC("tc") int accept_lock(struct __sk_buff *context) {
  u32 key = 1;
  struct locked *value = lookup(&locks, &key);
  if (!value) return 0;
  lock(&value->lock);
  value->count++;
  unlock(&value->lock);
  return 0;
}

SEC("tc") int refuse_lock(struct __sk_buff *context) {
  u32 key = 1;
  struct locked *value = lookup(&locks, &key);
  if (!value) return 0;
  lock(&value->lock);
  if (value->count++ > 5) return 1;
  unlock(&value->lock);
  return 0;
}

static int fire(void *map, u32 *key, struct timed *value) {
  value->count++;
  return 0;
}

SEC("tc") int accept_timer(struct __sk_buff *context) {
  u32 key = 1;
  struct timed *value = lookup(&timers, &key);
  if (!value) return 0;
  timer_init(&value->timer, &timers, 1);
  timer_call(&value->timer, fire);
  timer_start(&value->timer, 1000, 0);
  return 0;
}

SEC("tc") int accept_load_bytes(struct __sk_buff *context) {
  u8 buffer[16];
  u32 size = (context->len & 15) + 1;
  if (load_bytes(context, 0, buffer, size)) return 0;
  KEEP(buffer);
  return buffer[0];
}

SEC("tc") int refuse_load_bytes(struct __sk_buff *context) {
  u8 buffer[16];
  if (load_bytes(context, 0, buffer, context->len)) return 0;
  KEEP(buffer);
  return buffer[0];
}

SEC("tc") int accept_socket(struct __sk_buff *context) {
  u32 tuple[3] = {1, 2, 3};
  void *socket = lookup_tcp(context, tuple, sizeof(tuple), -1, 0);
  if (socket) release(socket);
  return 0;
}

SEC("tc") int refuse_socket(struct __sk_buff *context) {
  u32 tuple[3] = {1, 2, 3};
  void *socket = lookup_tcp(context, tuple, sizeof(tuple), -1, 0);
  if (socket && random()) release(socket);
  return 0;
}

SEC("tc") int accept_fields(struct __sk_buff *context) {
  context->mark = context->hash;
  context->cb[2] = *((u8 *)&context->protocol);
  context->tc_classid = 5;
  return *((u16 *)&context->ifindex);
}

SEC("tc") int refuse_fields(struct __sk_buff *context) {
  *(volatile u32 *)&context->len = 5;
  return 0;
}

SEC("socket") int refuse_packet_in_filter(struct __sk_buff *context) {
  return *(volatile u32 *)&context->data;
}

SEC("cgroup/connect4") int accept_connect(struct bpf_sock_addr *context) {
  context->user_ip4 = 0x0100007f;
  context->user_port = 80;
  return 1;
}

SEC("cgroup/connect4") int refuse_connect(struct bpf_sock_addr *context) {
  return context->user_ip6[0] == 1;
}

SEC("cgroup/connect6") int accept_connect6(struct bpf_sock_addr *context) {
  context->user_ip6[3] = 5;
  return context->user_ip6[0] == 1;
}

SEC("sockops") int accept_sockops(struct bpf_sock_ops *context) {
  if (context->op != 3) return 0;
  return context->remote_port == 5;
}

SEC("cgroup/sysctl") int accept_sysctl(struct bpf_sysctl *context) {
  char name[32];
  long size = sysctl_name(context, name, sizeof(name), 1);
  if (size < 4 || context->write) return 0;
  context->file_pos = 0;
  return name[0] == 110;
}

SEC("cgroup/sysctl") int accept_number(struct bpf_sysctl *context) {
  char text[8] = "123";
  s64 number = 0;
  if (to_number(text, sizeof(text), 0, &number) < 0) return 0;
  return number == 123;
}

SEC("cgroup/setsockopt") int accept_sockopt(struct bpf_sockopt *context) {
  u8 *value = (u8 *)(long)context->optval;
  u8 *end = (u8 *)(long)context->optval_end;
  if (value + 4 > end) return 0;
  value[0] = 1;
  context->optlen = 4;
  return 1;
}

SEC("cgroup/setsockopt") int refuse_sockopt(struct bpf_sockopt *context) {
  u8 *value = (u8 *)(long)context->optval;
  value[0] = 1;
  return 1;
}

SEC("cgroup/dev") int accept_device(struct bpf_cgroup_dev_ctx *context) {
  return context->major == 1 && (u16)context->access_type == 2;
}

SEC("sk_msg") int accept_message(struct sk_msg_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 8 > end) return 0;
  data[0] = 5;
  return 1;
}

SEC("kprobe") int accept_probe(struct pt_regs *context) {
  struct { u64 id; char name[16]; } event = {};
  event.id = pid();
  comm(event.name, sizeof(event.name));
  output(context, &perf, 0xffffffff, &event, sizeof(event));
  return 0;
}

SEC("kprobe") int accept_read_text(struct pt_regs *context) {
  char text[64];
  long size = read_text(text, sizeof(text), (void *)context->di);
  if (size <= 0) return 0;
  return text[(size - 1) & 63];
}

SEC("kprobe") int refuse_read_text(struct pt_regs *context) {
  char text[64];
  long size = read_text(text, sizeof(text), (void *)context->di);
  KEEP(text);
  return text[size];
}

SEC("kprobe") int refuse_task(struct pt_regs *context) {
  return *(volatile u64 *)task();
}

SEC("kprobe") int accept_stack(struct pt_regs *context) {
  u64 frames[16];
  long size = stack(context, frames, sizeof(frames), 0);
  KEEP(frames);
  if (size <= 0) return 0;
  output(context, &perf, 0xffffffff, frames, size);
  return 0;
}

SEC("tracepoint") int accept_tracepoint(u64 *context) {
  return context[1] + context[3];
}

SEC("tracepoint") int refuse_tracepoint(u64 *context) {
  return ((volatile u64 *)context)[2000];
}

SEC("raw_tp") int accept_raw(u64 *context) {
  return context[0] + context[11];
}

SEC("raw_tp") int refuse_raw(u64 *context) {
  return ((volatile u64 *)context)[12];
}

char license_text[] SEC("license") = "GPL";
