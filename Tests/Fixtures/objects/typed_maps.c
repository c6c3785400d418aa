// Every attribute that a map defined by types can have.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
  __u32 source, destination;
  __u16 ports[2];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __type(key, struct flow);
  __type(value, __u64);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(key_size, 4);
  __uint(value_size, 16);
  __uint(max_entries, 7);
  __uint(map_flags, BPF_F_NUMA_NODE);
  __uint(numa_node, 0);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
  __type(value, __u32);
  __uint(max_entries, 100);
  __uint(map_extra, 3);
} bloom SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
  __type(value, struct flow);
} ring SEC(".maps");

static struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __type(key, __u32);
  __type(value, __u64);
  __uint(max_entries, 3);
} hidden SEC(".maps");

SEC("xdp")
int count(struct xdp_md *context) {
  __u32 key = 2;
  __u64 *value = bpf_map_lookup_elem(&hidden, &key);
  struct flow flow = {};
  __u64 one = 1;
  if (value) *value += 1;
  bpf_map_update_elem(&flows, &flow, &one, BPF_ANY);
  bpf_map_lookup_elem(&counters, &key);
  bpf_perf_event_output(context, &events, BPF_F_CURRENT_CPU, &one, sizeof one);
  bpf_map_peek_elem(&bloom, &key);
  bpf_ringbuf_output(&ring, &flow, sizeof flow, 0);
  return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
