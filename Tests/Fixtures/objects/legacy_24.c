// Map definitions of 24 bytes in a section "maps".
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;

struct bpf_map_def {
  unsigned int type, key_size, value_size, max_entries, map_flags;
  unsigned int inner_map_idx;
};

struct bpf_map_def SEC("maps") counts = {BPF_MAP_TYPE_HASH, 8, 24, 100, BPF_F_NO_PREALLOC};
struct bpf_map_def SEC("maps") events = {.type = BPF_MAP_TYPE_PERF_EVENT_ARRAY};
struct bpf_map_def SEC("maps") outer = {
    BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 0, 5, .inner_map_idx = 0};

SEC("socket")
int look(struct __sk_buff *context) {
  unsigned long key = 1;
  return bpf_map_lookup_elem(&counts, &key) != 0;
}

char _license[] SEC("license") = "GPL";
unsigned int _version SEC("version") = 0x050a00;
