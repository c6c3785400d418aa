// DPDK's BPF library (rte_bpf), where it is installed: a peer to measure against.
#ifndef DPDK_PEER_H
#define DPDK_PEER_H

#include <stdint.h>

/// Whether the library was there when this was built and is there now.
int dpdk_is_available(void);

/// Verifies and compiles instructions of 8 bytes each; r1 points to memory of a size. A null
/// pointer when the library refuses them.
void *dpdk_load(const void *instructions, uint32_t count, uint64_t memory_size);

/// Runs compiled code a number of times; returns the last result.
uint64_t dpdk_run(void *program, void *memory, uint64_t repeat);

void dpdk_unload(void *program);

#endif
