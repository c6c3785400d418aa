// Compiled without type information: nothing says that a function is global, so it is verified with
// what its callers pass, as Linux does.
#define SEC(name) __attribute__((section(name), used))

struct buffer {
  unsigned int length;
};

__attribute__((noinline)) unsigned int length(struct buffer *buffer) {
  asm volatile("" : "+r"(buffer));
  return buffer->length;
}

__attribute__((noinline)) int sum(const int *values) {
  asm volatile("" : "+r"(values));
  return values[0] + values[1];
}

SEC("tc")
int measure(struct buffer *buffer) {
  return length(buffer) > 100;
}

SEC("tc")
int add(struct buffer *buffer) {
  int values[2] = {1, 2};
  return sum(values);
}

char license_text[] SEC("license") = "GPL";
