// The mistakes that verifiers refuse most, one a program: docs/verifier-messages.md shows what
// Linux and `switchyard verify` say of each. The notes say where the mistake is.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct bpf_sock_addr {
  u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol;
};

struct ethernet {
  u8 destination[6], source[6];
  u16 type;
};

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_tail_call)(void *context, void *map, u32 index) = (void *)12;
static long (*const bpf_skb_load_bytes)(void *skb, u32 offset, void *to, u32 size) = (void *)26;
static long (*const bpf_xdp_adjust_head)(void *context, int delta) = (void *)44;
static void *(*const bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;

struct {
  __uint(type, 2);
  __uint(max_entries, 256);
  __type(key, u32);
  __type(value, u64);
} counters SEC(".maps");

struct {
  __uint(type, 1);
  __uint(max_entries, 1024);
  __type(key, u32);
  __type(value, u64);
} flows SEC(".maps");

struct {
  __uint(type, 27);
  __uint(max_entries, 4096);
} events SEC(".maps");

// Keeps a buffer in memory.
#define KEEP(buffer) __asm__ volatile("" : : "r"(buffer) : "memory")

u32 weights[16];

// The Ethernet header was compared with the packet's end, the address behind it was not.
SEC("xdp") int packet_bounds(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + sizeof(struct ethernet) > end)
    return 1;
  u32 address = *(volatile u32 *)(data + sizeof(struct ethernet) + 12);
  return address == 0x0100007f ? 1 : 2;
}

// What a lookup in a hash finds may be nothing.
SEC("xdp") int null_check(struct xdp_md *context) {
  u32 key = context->rx_queue_index;
  u64 *count = bpf_map_lookup_elem(&flows, &key);
  *count += 1;
  return 2;
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wuninitialized"
// The variable is never set.
SEC("xdp") int uninitialized(struct xdp_md *context) {
  int verdict;
  return verdict;
}
#pragma clang diagnostic pop

// A byte of the packet is an index up to 255 into 16 elements.
SEC("xdp") int variable_index(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 1 > end)
    return 1;
  u32 index = *data;
  return weights[index];
}

// Nothing that the loop does brings its end nearer.
SEC("xdp") int endless_loop(struct xdp_md *context) {
  volatile struct xdp_md *live = context;
  while (live->rx_queue_index != 7) {
  }
  return 2;
}

// Without a payload, what was reserved is neither submitted nor discarded.
SEC("xdp") int reference_leak(struct xdp_md *context) {
  u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event)
    return 2;
  if (context->data == context->data_end)
    return 1;
  *event = context->ingress_ifindex;
  bpf_ringbuf_submit(event, 0);
  return 2;
}

// This helper is for programs that get a socket buffer.
SEC("xdp") int wrong_helper(struct xdp_md *context) {
  u16 type = 0;
  bpf_skb_load_bytes(context, 12, &type, sizeof(type));
  return type == 8 ? 2 : 1;
}

// XDP programs may not write any field of their context.
SEC("xdp") int context_write(struct xdp_md *context) {
  context->ingress_ifindex = 1;
  return 2;
}

static __attribute__((noinline)) int fill(struct xdp_md *context) {
  u8 scratch[256];
  scratch[0] = context->rx_queue_index;
  KEEP(scratch);
  return scratch[0];
}

// The two functions together take more than 512 bytes.
SEC("xdp") int stack_size(struct xdp_md *context) {
  u8 scratch[320];
  scratch[0] = context->rx_queue_index;
  KEEP(scratch);
  return fill(context) + scratch[0];
}

// An array of numbers is no array of programs.
SEC("xdp") int wrong_map(struct xdp_md *context) {
  bpf_tail_call(context, &counters, 0);
  return 2;
}

// The header's address is from before the packet moved.
SEC("xdp") int stale_pointer(struct xdp_md *context) {
  volatile u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + sizeof(struct ethernet) > end)
    return 1;
  bpf_xdp_adjust_head(context, -4);
  return data[12] == 8 ? 2 : 1;
}

// To connect may be allowed or not: there is no third answer.
SEC("cgroup/connect4") int return_value(struct bpf_sock_addr *context) {
  return context->user_port == 53 ? 2 : 1;
}

char license_text[] SEC("license") = "GPL";
