// A packet of 64 bytes parsed down to its ports, as an XDP program.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("xdp") int empty(struct xdp_md *context) { return XDP_PASS; }

SEC("xdp") int parse64(struct xdp_md *context) {
  void *data = (void *)(long)context->data;
  void *end = (void *)(long)context->data_end;
  struct ethhdr *ethernet = data;
  if ((void *)(ethernet + 1) > end) return XDP_DROP;
  if (ethernet->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct iphdr *ip = (void *)(ethernet + 1);
  if ((void *)(ip + 1) > end) return XDP_DROP;
  if (ip->version != 4 || ip->ihl < 5) return XDP_DROP;
  if (ip->ttl <= 1) return XDP_DROP;
  if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP) return XDP_PASS;
  struct udphdr *ports = (void *)ip + ip->ihl * 4;
  if ((void *)(ports + 1) > end) return XDP_DROP;
  if (ports->dest == bpf_htons(9)) return XDP_DROP;
  return ports->source == ports->dest ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
