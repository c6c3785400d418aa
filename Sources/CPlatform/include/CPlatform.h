// Thin shims over system headers that Swift cannot import. Nothing here decides anything.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdint.h>

// bpf(2), which libc does not wrap. Returns what the call returns, or a negative errno; -ENOSYS on
// systems that do not have it.
long switchyard_bpf(int command, void *attribute, unsigned int size);

// The number of the calling thread; on systems that do not number threads, that of the process.
int switchyard_thread_id(void);

// Writes the calling thread's name, with its terminator, to a buffer of 64 bytes. Returns 0, or an
// errno.
int switchyard_thread_name(char name[64]);

// The processors that the calling thread may run on, one bit each, the first 64 only; 0 where it
// cannot be told.
uint64_t switchyard_affinity(void);

// Keeps the calling thread on some processors. Returns 0 or a negative errno.
int switchyard_set_affinity(uint64_t mask);

// The calling thread's effective capabilities, one bit each; 0 where there are none.
uint64_t switchyard_capabilities(void);

// Sets the calling thread's effective capabilities, of those that it may have. Returns 0 or a
// negative errno.
int switchyard_set_capabilities(uint64_t effective);

// Maps byte_count bytes of fresh memory twice: to be written, and to be executed. The second
// mapping is within 2 GiB of an address if there is room. Returns 0 or an errno.
int switchyard_map_code(
    uint64_t byte_count, uint64_t near_address, void **writable, void **executable);

// Undoes switchyard_map_code.
void switchyard_unmap_code(uint64_t byte_count, void *writable, void *executable);

// Makes every processor that runs this process forget what it knew of code that was replaced.
void switchyard_synchronize_code(void);

// Prepares the process for switchyard_barrier. Returns 0, or a negative errno where there is none.
int switchyard_register_barrier(void);

// Makes every thread of the process pass a full fence: membarrier(2), private and expedited.
void switchyard_barrier(void);

// Keeps the compiler, and only it, from moving accesses to memory across.
static inline void switchyard_compiler_fence(void) { __asm__ volatile("" ::: "memory"); }

// What compiled code returns in two registers: r0, and a number of hops. A type of C, because only
// C says which registers those are.
typedef struct {
  uint64_t value;
  uint64_t hops;
} switchyard_run_end;

// Whether the processor is x86-64 and has BMI2.
int switchyard_has_bmi2(void);

// Whether the processor is x86-64 and has an instruction to count bits.
int switchyard_has_popcnt(void);

// Bytes of a page.
uint64_t switchyard_page_size(void);

// Maps zeroed memory for a ring: control bytes, then data bytes, then the same data bytes once
// more, so that what reaches beyond the end goes on at the start. Both are multiples of a page.
// Returns 0 or an errno.
int switchyard_map_ring(uint64_t control, uint64_t data, void **memory);

// Undoes switchyard_map_ring.
void switchyard_unmap_ring(uint64_t control, uint64_t data, void *memory);

#endif
