// The compute programs as socket filters: they work on a global block, not on the packet.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "programs.h"

struct block block;

#define PROGRAM(name) \
  SEC("socket") int name(struct __sk_buff *context) { \
    u64 result = program_##name(&block); \
    return (u32)(result ^ (result >> 32)); \
  }

FOR_EACH_PROGRAM(PROGRAM)

// Nothing at all.
SEC("socket") int empty(struct __sk_buff *context) { return 0; }

char _license[] SEC("license") = "GPL";
