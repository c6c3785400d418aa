// Compiled without type information: global data and calls need none.
#define SEC(name) __attribute__((section(name), used))

int hits = 1;

static __attribute__((noinline)) int add(int value) {
  asm volatile("" : "+r"(value));
  return value + hits;
}

SEC("socket")
int filter(void *context) {
  return add(2);
}
