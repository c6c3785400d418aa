#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>

long switchyard_bpf(int command, void *attribute, unsigned int size) {
  long result = syscall(SYS_bpf, command, attribute, size);
  return result < 0 ? -errno : result;
}

#else

long switchyard_bpf(int command, void *attribute, unsigned int size) {
  (void)command;
  (void)attribute;
  (void)size;
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
