// A program that the verifier rejects, in a slot from the start.

typedef unsigned char u8;
typedef unsigned int u32;

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

int bad(struct xdp_md *context);

struct {
  int (*type)[3];
  int (*key_size)[4];
  int (*max_entries)[1];
  int (*values[])(struct xdp_md *);
} slots __attribute__((section(".maps"), used)) = {.values = {bad}};

__attribute__((section("xdp/bad"), used)) int bad(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  return data[39] & 1;
}
