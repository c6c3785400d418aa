// Sections that mean nothing to a loader, beside one that does.
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))

SEC("my/own/section")
int mine(void *context) {
  return 1;
}

SEC("xdp_drop")
int drop(struct xdp_md *context) {
  return XDP_DROP;
}

SEC("xdp.frags")
int frags(struct xdp_md *context) {
  return XDP_PASS;
}

SEC("fentry.s/vfs_read")
int sleeper(void *context) {
  return 0;
}

SEC("?tc")
int optional(void *context) {
  return 0;
}

// A section that only some other tool reads.
unsigned int SEC("features") _features = 3;
