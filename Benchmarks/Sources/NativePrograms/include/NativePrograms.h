// The compute programs compiled natively: what the hardware can do.
#ifndef NATIVE_PROGRAMS_H
#define NATIVE_PROGRAMS_H

#include <stdint.h>

/// Fills the block that the programs work on.
void native_fill(const uint8_t *bytes, uint64_t count);

/// Runs a program a number of times; returns the last result, folded to 32 bits as the BPF
/// programs return it. -1 stands for a program that does not exist.
int64_t native_run(const char *name, uint64_t repeat);

#endif
