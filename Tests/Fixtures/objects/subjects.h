// What the programs of subjects.bpf.c and subjects-types.bpf.c have in common.


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
  vlan_proto, priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data,
  data_end; };
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

#define WORDS(name, kind) \
  struct { __uint(type, kind); __uint(max_entries, 4); __uint(key_size, 4); \
    __uint(value_size, 4); } name SEC(".maps")

struct pair { u64 first, second; };
struct locked { struct bpf_spin_lock lock; u32 padding; u64 count; };
struct timed { u64 count; struct bpf_timer timer; };
MAP(hash, 1, u32, u64, 128);
MAP(array, 2, u32, struct pair, 16);
MAP(percpu, 6, u32, u64, 4);
MAP(locks, 1, u32, struct locked, 16);
MAP(timers, 2, u32, struct timed, 4);
WORDS(tails, 3);
WORDS(perf, 4);
WORDS(devices, 14);
struct { __uint(type, 22); __uint(max_entries, 4); __type(value, u64); } queue SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, u32); __type(value, u64); };
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, u32); __type(value, u32);
  struct inner *values[]; } outer SEC(".maps");

u64 table[32];
const volatile u32 limit = 8;
u32 filled;

char license_text[] SEC("license") = "GPL";
