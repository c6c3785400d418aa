// Programs in .text and nothing else.
static __attribute__((noinline)) int below(int value) {
  asm volatile("" : "+r"(value));
  return value + 1;
}

int entry(int *memory, unsigned long length) {
  return below(memory[0]);
}
