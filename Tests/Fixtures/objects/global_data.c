// Global variables of every kind of section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int counter = 5;
static volatile int second_counter = 6;
unsigned long zeros[10];
const volatile int limit = 100;
const volatile unsigned char table[4] SEC(".rodata.config") = {1, 2, 3, 4};
int tuned SEC(".data.tuned") = 9;

SEC("xdp")
int sum(struct xdp_md *context) {
  counter++;
  second_counter += tuned;
  zeros[3] += limit;
  bpf_printk("sum %d", counter);
  return table[counter & 3] + second_counter;
}

SEC("xdp")
int text(struct xdp_md *context) {
  char *word = "needle";
  asm volatile("" : "+r"(word));
  return word[counter & 3];
}

char _license[] SEC("license") = "Dual BSD/GPL";
