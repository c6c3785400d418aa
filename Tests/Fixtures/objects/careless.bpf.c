// One program that reads past the end of the packet without asking: no verifier lets it pass, and
// a checked run stops it.

typedef unsigned char u8;
typedef unsigned int u32;

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

__attribute__((section("xdp"), used)) int careless(struct xdp_md *context) {
  volatile u8 *data = (u8 *)(long)context->data;
  if (data[0] == 0)
    return 2;
  return data[100000];
}
