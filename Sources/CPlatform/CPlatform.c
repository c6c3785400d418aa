#include "CPlatform.h"

#include <errno.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>

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
