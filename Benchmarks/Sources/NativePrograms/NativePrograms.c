#include "NativePrograms.h"

#include <string.h>

#include "../../Programs/programs.h"

static struct block block;

#define NATIVE(name) \
  static __attribute__((noinline)) u32 run_##name(struct block *b) { \
    u64 result = program_##name(b); \
    return (u32)(result ^ (result >> 32)); \
  }
FOR_EACH_PROGRAM(NATIVE)

static __attribute__((noinline)) u32 run_empty(struct block *b) {
  // The call itself is what is measured: keep it.
  __asm__ volatile("" : : "r"(b) : "memory");
  return 0;
}

struct entry {
  const char *name;
  u32 (*run)(struct block *);
};

#define ENTRY(name) {#name, run_##name},
static const struct entry entries[] = {FOR_EACH_PROGRAM(ENTRY){"empty", run_empty}};

void native_fill(const uint8_t *bytes, uint64_t count) {
  memcpy(&block, bytes, count < sizeof(block) ? count : sizeof(block));
}

int64_t native_run(const char *name, uint64_t repeat) {
  for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
    if (strcmp(entries[i].name, name) != 0) continue;
    u32 (*volatile run)(struct block *) = entries[i].run;
    u32 result = 0;
    for (uint64_t n = 0; n < repeat; n++) result = run(&block);
    return result;
  }
  return -1;
}
