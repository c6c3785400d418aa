#ifdef __linux__
#define _GNU_SOURCE
#endif

#include "CPlatform.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

long switchyard_bpf(int command, void *attribute, unsigned int size) {
  long result = syscall(SYS_bpf, command, attribute, size);
  return result < 0 ? -errno : result;
}

uint64_t switchyard_affinity(void) {
  cpu_set_t set;
  uint64_t mask = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  memcpy(&mask, &set, sizeof mask);
  return mask;
}

int switchyard_set_affinity(uint64_t mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  memcpy(&set, &mask, sizeof mask);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

// From linux/capability.h: the third version, with two words for each set.
struct capability_header {
  uint32_t version;
  int process;
};

struct capability_data {
  uint32_t effective, permitted, inheritable;
};

static long get_capabilities(struct capability_data data[2]) {
  struct capability_header header = {0x20080522, 0};
  return syscall(SYS_capget, &header, data);
}

uint64_t switchyard_capabilities(void) {
  struct capability_data data[2];
  if (get_capabilities(data) != 0) return 0;
  return data[0].effective | (uint64_t)data[1].effective << 32;
}

int switchyard_set_capabilities(uint64_t effective) {
  struct capability_header header = {0x20080522, 0};
  struct capability_data data[2];
  if (get_capabilities(data) != 0) return -errno;
  data[0].effective = (uint32_t)effective;
  data[1].effective = (uint32_t)(effective >> 32);
  return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

// From linux/membarrier.h, which is not installed everywhere.
enum { private_expedited = 1 << 3, register_private_expedited = 1 << 4 };

int switchyard_register_barrier(void) {
  return syscall(SYS_membarrier, register_private_expedited, 0, 0) == 0 ? 0 : -errno;
}

void switchyard_barrier(void) { syscall(SYS_membarrier, private_expedited, 0, 0); }

#else

int switchyard_register_barrier(void) { return -ENOSYS; }

void switchyard_barrier(void) {}

long switchyard_bpf(int command, void *attribute, unsigned int size) {
  (void)command;
  (void)attribute;
  (void)size;
  return -ENOSYS;
}

uint64_t switchyard_capabilities(void) { return 0; }

int switchyard_set_capabilities(uint64_t effective) {
  (void)effective;
  return -ENOSYS;
}

uint64_t switchyard_affinity(void) { return 0; }

int switchyard_set_affinity(uint64_t mask) {
  (void)mask;
  return -ENOSYS;
}

#endif

int switchyard_thread_id(void) {
#ifdef __linux__
  return (int)syscall(SYS_gettid);
#else
  return (int)getpid();
#endif
}

int switchyard_thread_name(char name[64]) {
  return pthread_getname_np(pthread_self(), name, 64);
}
