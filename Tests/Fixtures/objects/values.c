// Program arrays and maps of maps that are filled from the start, and tags that ask for slots.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int first(struct xdp_md *context);
int second(struct xdp_md *context);
static int third(struct xdp_md *context);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __uint(key_size, sizeof(__u32));
  __array(values, int(void *));
} jmp SEC(".maps") = {
    .values = {[0] = (void *)&first, [2] = (void *)&third, [3] = (void *)&second},
};

struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 3);
  __type(key, __u32);
  __array(values, struct inner);
} outer SEC(".maps") = {
    .values = {[0] = &inner_b, [2] = &inner_a},
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
  __uint(max_entries, 8);
  __type(key, __u64);
  __array(values, struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u32);
  });
} tables SEC(".maps");

SEC("xdp")
int first(struct xdp_md *context) {
  bpf_tail_call(context, &jmp, 3);
  return XDP_DROP;
}

SEC("xdp")
int second(struct xdp_md *context) {
  __u32 key = 0;
  __u64 wide = 0;
  void *map = bpf_map_lookup_elem(&outer, &key);
  if (!map) map = bpf_map_lookup_elem(&tables, &wide);
  return map ? XDP_PASS : XDP_TX;
}

static SEC("xdp") int third(struct xdp_md *context) {
  return XDP_REDIRECT;
}

// What `.values` leave free can be asked for by the program itself.
__attribute__((btf_decl_tag("tail:jmp/1"))) SEC("xdp")
int tagged(struct xdp_md *context) {
  return XDP_ABORTED;
}

__attribute__((btf_decl_tag("tail:jmp/9"))) SEC("xdp")
int beyond(struct xdp_md *context) {
  return XDP_ABORTED;
}

__attribute__((btf_decl_tag("tail:jmp/0"))) SEC("xdp")
int late(struct xdp_md *context) {
  return XDP_ABORTED;
}

__attribute__((btf_decl_tag("tail:nothing/0"))) SEC("xdp")
int lost(struct xdp_md *context) {
  return XDP_ABORTED;
}

__attribute__((btf_decl_tag("tail:jmp"))) SEC("xdp")
int vague(struct xdp_md *context) {
  return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
