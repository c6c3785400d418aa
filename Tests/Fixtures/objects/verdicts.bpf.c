// One program that the verifier accepts, and one that forgets to ask where the packet ends.

typedef unsigned char u8;
typedef unsigned int u32;

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

__attribute__((section("xdp/good"), used)) int good(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 40 > end)
    return 2;
  return data[39] & 1;
}

__attribute__((section("xdp/bad"), used)) int bad(struct xdp_md *context) {
  u8 *data = (u8 *)(long)context->data;
  return data[39] & 1;
}
