#ifdef __linux__
#define _GNU_SOURCE
#else
#include <fcntl.h>
#include <stdio.h>
#endif
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CPlatform.h"

static int anonymous_file(void) {
#ifdef __linux__
  return memfd_create("switchyard-ring", MFD_CLOEXEC);
#else
  static int number;
  char name[32];
  snprintf(name, sizeof name, "/swy-%d-%d", (int)getpid(), __sync_fetch_and_add(&number, 1));
  int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file >= 0) shm_unlink(name);
  return file;
#endif
}

uint64_t switchyard_page_size(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

int switchyard_map_ring(uint64_t control, uint64_t data, void **memory) {
  int file = anonymous_file();
  if (file < 0) return errno;
  int status = ENOMEM;
  if (ftruncate(file, (off_t)(control + data)) == 0) {
    // One range for everything, so that nothing else can get in between.
    char *start = mmap(0, control + 2 * data, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (start != MAP_FAILED) {
      int rights = PROT_READ | PROT_WRITE, kind = MAP_SHARED | MAP_FIXED;
      char *again = start + control + data;
      if (mmap(start, control + data, rights, kind, file, 0) != MAP_FAILED &&
          mmap(again, data, rights, kind, file, (off_t)control) != MAP_FAILED) {
        *memory = start;
        status = 0;
      } else {
        munmap(start, control + 2 * data);
      }
    }
  }
  close(file);
  return status;
}

void switchyard_unmap_ring(uint64_t control, uint64_t data, void *memory) {
  munmap(memory, control + 2 * data);
}
