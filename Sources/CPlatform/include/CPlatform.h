// Thin shims over system headers that Swift cannot import. Nothing here decides anything.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdint.h>

// bpf(2), which libc does not wrap. Returns what the call returns, or a negative errno; -ENOSYS on
// systems that do not have it.
long switchyard_bpf(int command, void *attribute, unsigned int size);

#endif
