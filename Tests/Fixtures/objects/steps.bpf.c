// A chain for the tests of the command line: the first byte of the packet says which slot of
// `steps` comes next, and each slot ends in a way of its own.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NUMBER(name, value) int(*name)[value]

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static long (*const tail_call)(void *context, void *array, u32 index) = (void *)12;

enum { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX };

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

int mark(struct xdp_md *context);
int again(struct xdp_md *context);

struct {
  NUMBER(type, 3);
  NUMBER(max_entries, 4);
  NUMBER(key_size, sizeof(u32));
  int (*values[])(struct xdp_md *);
} steps SECTION(".maps") = {.values = {[0] = mark, [1] = again}};

struct {
  NUMBER(type, 6);
  NUMBER(max_entries, 1);
  u32 (*key);
  u64 (*value);
} visits SECTION(".maps");

const volatile u32 answer = 42;
volatile u64 total;

SECTION("xdp") int start(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u32 zero = 0;
  u64 *visit = lookup(&visits, &zero);
  if (visit)
    *visit += 1;
  total += 1;
  if (data + 14 > (u8 *)(long)context->data_end)
    return XDP_ABORTED;
  tail_call(context, &steps, data[0]);
  return XDP_DROP;
}

// Slot 0.
SECTION("xdp") int mark(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  if (data + 14 > (u8 *)(long)context->data_end)
    return XDP_ABORTED;
  data[1] = 0xaa;
  return XDP_PASS;
}

// Slot 1: until the hops are used up.
SECTION("xdp") int again(struct xdp_md *context) {
  tail_call(context, &steps, 1);
  return XDP_TX;
}

// In no slot, and calls one that is empty.
SECTION("xdp") int spare(struct xdp_md *context) {
  tail_call(context, &steps, 3);
  return XDP_DROP;
}

char terms[] SECTION("license") = "GPL";
