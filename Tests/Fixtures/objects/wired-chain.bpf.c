// An XDP chain that is wired from the start: a program array with initial values, a tail call from
// a subprogram (which Linux only accepts with types, R2.9), and every kind of global data.

typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NUMBER(name, value) int(*name)[value]

static long (*const tail_call)(void *context, void *array, u32 index) = (void *)12;

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

int last(struct xdp_md *context);

struct {
  NUMBER(type, 3);
  NUMBER(max_entries, 4);
  NUMBER(key_size, sizeof(u32));
  int (*values[])(struct xdp_md *);
} chain SECTION(".maps") = {.values = {[2] = last}};

struct {
  NUMBER(type, 2);
  NUMBER(max_entries, 2);
  u32 (*key);
  u64 (*value);
} counts SECTION(".maps");

const volatile u32 target = 2;
volatile u32 step = 5;
volatile u64 runs;
volatile int missed = 7;

static __attribute__((noinline)) int hop(struct xdp_md *context) {
  tail_call(context, &chain, target);
  return missed;
}

SECTION("xdp") int first(struct xdp_md *context) {
  runs += step;
  // The target ends here, in the subprogram's caller.
  return hop(context) + 1;
}

SECTION("xdp") int last(struct xdp_md *context) {
  runs += 100;
  return 40;
}

char granted[] SECTION("license") = "GPL";
