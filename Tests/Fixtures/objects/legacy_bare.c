// A section per map and neither licence nor type information; the definition has 40 bytes.
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;

struct definition {
  unsigned int type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx, rest;
};

struct definition SEC("maps/table") table = {BPF_MAP_TYPE_LPM_TRIE, 8, 4, 64, 1, .pinning = 2};

SEC("kprobe/sys_read")
int probe(void *context) {
  unsigned long key = 0;
  return bpf_map_lookup_elem(&table, &key) != 0;
}

SEC("kprobe/7")
int seventh(void *context) {
  return 7;
}

SEC("socket/2")
int second(void *context) {
  return 2;
}
