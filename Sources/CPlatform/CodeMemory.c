#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "CPlatform.h"

#ifdef __linux__
// From linux/membarrier.h, which is not installed everywhere.
enum { register_sync_core = 1 << 6, sync_core = 1 << 5 };

static void *map_near(int file, uint64_t byte_count, uint64_t near_address) {
  const uint64_t step = 128ULL << 20;
  for (uint64_t distance = step; distance < (1ULL << 30); distance += step) {
    // Below the executable first: its heap grows above it.
    uint64_t places[] = {near_address - distance, near_address + distance};
    for (int i = 0; i < 2; i++) {
      void *place = (void *)(places[i] & ~0xfffffULL);
      void *memory = mmap(place, byte_count, PROT_READ | PROT_EXEC,
                          MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
      if (memory == place) return memory;
      if (memory != MAP_FAILED) munmap(memory, byte_count);
    }
  }
  return mmap(0, byte_count, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
}

int switchyard_map_code(
    uint64_t byte_count, uint64_t near_address, void **writable, void **executable) {
  int file = memfd_create("switchyard-code", MFD_CLOEXEC);
  if (file < 0) return errno;
  int status = 0;
  *writable = MAP_FAILED;
  *executable = MAP_FAILED;
  if (ftruncate(file, (off_t)byte_count) == 0) {
    *writable = mmap(0, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    *executable = map_near(file, byte_count, near_address);
  }
  if (*writable == MAP_FAILED || *executable == MAP_FAILED) {
    status = errno ? errno : ENOMEM;
    if (*writable != MAP_FAILED) munmap(*writable, byte_count);
    if (*executable != MAP_FAILED) munmap(*executable, byte_count);
  }
  close(file);
  syscall(SYS_membarrier, register_sync_core, 0, 0);
  return status;
}

void switchyard_unmap_code(uint64_t byte_count, void *writable, void *executable) {
  munmap(writable, byte_count);
  munmap(executable, byte_count);
}

void switchyard_synchronize_code(void) { syscall(SYS_membarrier, sync_core, 0, 0); }
#else
int switchyard_map_code(
    uint64_t byte_count, uint64_t near_address, void **writable, void **executable) {
  (void)byte_count, (void)near_address, (void)writable, (void)executable;
  return 78;
}

void switchyard_unmap_code(uint64_t byte_count, void *writable, void *executable) {
  (void)byte_count, (void)writable, (void)executable;
}

void switchyard_synchronize_code(void) {}
#endif

int switchyard_has_bmi2(void) {
#if defined(__x86_64__)
  unsigned int a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 8 & 1);
#else
  return 0;
#endif
}

int switchyard_has_popcnt(void) {
#if defined(__x86_64__)
  unsigned int a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c >> 23 & 1);
#else
  return 0;
#endif
}
