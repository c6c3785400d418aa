// For the tests of the command line: programs that tell user space about every packet and send some
// of them elsewhere. The first byte of the packet says what is done.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NUMBER(name, value) int(*name)[value]

static long (*const perf_event_output)(void *, void *, u64, void *, u64) = (void *)25;
static long (*const clone_redirect)(void *, u32, u64) = (void *)13;
static long (*const redirect)(u32, u64) = (void *)23;
static long (*const redirect_map)(void *, u64, u64) = (void *)51;
static void *(*const ringbuf_reserve)(void *, u64, u64) = (void *)131;
static void (*const ringbuf_submit)(void *, u64) = (void *)132;

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct __sk_buff {
  u32 len, unread[18], data, data_end;
};

struct {
  NUMBER(type, 27);
  NUMBER(max_entries, 65536);
} ring SECTION(".maps");

struct {
  NUMBER(type, 4);
  NUMBER(key_size, 4);
  NUMBER(value_size, 4);
} samples SECTION(".maps");

struct {
  NUMBER(type, 14);
  NUMBER(max_entries, 4);
  NUMBER(key_size, 4);
  NUMBER(value_size, 4);
} devices SECTION(".maps");

SECTION("xdp") int tell(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  if (data + 14 > (u8 *)(long)context->data_end)
    return 0;
  u8 kind = data[0];
  u32 *record = ringbuf_reserve(&ring, 4, 0);
  if (record) {
    *record = 0x01020300 + kind;
    ringbuf_submit(record, 0);
  }
  u8 byte = kind;
  perf_event_output(context, &samples, 0xffffffffULL | 2ULL << 32, &byte, 1);
  if (kind == 1)
    return redirect(7, 0);
  if (kind == 2)
    return redirect_map(&devices, 0, 8);
  return redirect_map(&devices, kind, 2);
}

SECTION("tc") int copy(struct __sk_buff *context) {
  clone_redirect(context, 1, 0);
  return 2;
}

char license_text[] SECTION("license") = "GPL";
