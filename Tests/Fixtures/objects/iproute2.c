// iproute2's form: numbered maps of 36 bytes, tail programs in sections NUMBER/SLOT.
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_tail_call)(void *context, void *map, unsigned int index) = (void *)12;

struct bpf_elf_map {
  __u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct bpf_elf_map SEC("maps") jmp_tc = {
    .type = BPF_MAP_TYPE_PROG_ARRAY, .size_key = 4, .size_value = 4, .max_elem = 3, .id = 2,
    .pinning = 1};
struct bpf_elf_map SEC("maps") jmp_ex = {
    .type = BPF_MAP_TYPE_PROG_ARRAY, .size_key = 4, .size_value = 4, .max_elem = 1,
    .id = 0xabccba};
struct bpf_elf_map SEC("maps") inside = {
    .type = BPF_MAP_TYPE_ARRAY, .size_key = 4, .size_value = 8, .max_elem = 1, .id = 42,
    .inner_idx = 1};
struct bpf_elf_map SEC("maps") outside = {
    .type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .size_key = 4, .max_elem = 2, .id = 43, .inner_id = 42,
    .pinning = 2};

SEC("2/0")
int case_1(struct __sk_buff *skb) {
  return 1;
}

SEC("2/1")
int case_2(struct __sk_buff *skb) {
  bpf_tail_call(skb, &jmp_ex, 0);
  return 2;
}

SEC("0xabccba/0")
int loop(struct __sk_buff *skb) {
  bpf_tail_call(skb, &jmp_ex, 0);
  return 3;
}

SEC("2/3")
int beyond(struct __sk_buff *skb) {
  return 4;
}

SEC("77/0")
int unrelated(struct __sk_buff *skb) {
  return 5;
}

SEC("classifier")
int entry(struct __sk_buff *skb) {
  unsigned int key = 1;
  if (bpf_map_lookup_elem(&outside, &key)) bpf_map_lookup_elem(&inside, &key);
  bpf_tail_call(skb, &jmp_tc, skb->mark);
  return 0;
}

char _license[] SEC("license") = "GPL";
