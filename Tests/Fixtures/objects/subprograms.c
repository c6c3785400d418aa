// Static and global subprograms: in the same section, in .text, in another section; callbacks.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline int deepest(int value) {
  asm volatile("" : "+r"(value));
  return value * 3;
}

__noinline int shared(int value) {
  asm volatile("" : "+r"(value));
  return deepest(value) + 1;
}

// A global subprogram that nothing calls is no program.
__noinline int unused(int value) {
  return value ^ 5;
}

static int each(__u32 index, void *argument) {
  *(int *)argument += index;
  return 0;
}

static __noinline SEC("xdp") int same_section(int value) {
  asm volatile("" : "+r"(value));
  return value + 7;
}

static __noinline SEC("helpers") int other_section(int value) {
  asm volatile("" : "+r"(value));
  return value + shared(value);
}

SEC("xdp")
int one(struct xdp_md *context) {
  return same_section(shared(context->ingress_ifindex));
}

SEC("xdp")
int two(struct xdp_md *context) {
  int total = 0;
  bpf_loop(10, each, &total, 0);
  return other_section(total);
}

SEC("tc")
int three(struct __sk_buff *context) {
  return context->len;
}

// Static programs: nobody calls them.
static SEC("tc") __attribute__((used)) int four(struct __sk_buff *context) {
  return shared(context->mark);
}

char _license[] SEC("license") = "GPL";
