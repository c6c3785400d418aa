#include "DPDKPeer.h"

#include <dlfcn.h>
#include <stddef.h>

#if __has_include(<rte_config.h>) && __has_include(<rte_bpf.h>)
// DPDK expects every file to start with this.
#include <rte_config.h>

#include <rte_bpf.h>
#define HAS_DPDK 1
#else
#define HAS_DPDK 0
#endif

#if HAS_DPDK

// Loaded while running, so that the benchmark needs nothing to be linked.
static struct {
  struct rte_bpf *(*load)(const struct rte_bpf_prm *);
  void (*destroy)(struct rte_bpf *);
  int (*get_jit)(const struct rte_bpf *, struct rte_bpf_jit *);
} dpdk;

int dpdk_is_available(void) {
  if (dpdk.load) return 1;
  void *library = dlopen("librte_bpf.so", RTLD_NOW | RTLD_GLOBAL);
  if (!library) return 0;
  // Refused programs are told about on standard error otherwise.
  void (*set_level)(uint32_t) = (void (*)(uint32_t))dlsym(library, "rte_log_set_global_level");
  if (set_level) set_level(1);
  dpdk.destroy = (void (*)(struct rte_bpf *))dlsym(library, "rte_bpf_destroy");
  dpdk.get_jit =
      (int (*)(const struct rte_bpf *, struct rte_bpf_jit *))dlsym(library, "rte_bpf_get_jit");
  dpdk.load = (struct rte_bpf * (*)(const struct rte_bpf_prm *)) dlsym(library, "rte_bpf_load");
  return dpdk.load && dpdk.destroy && dpdk.get_jit;
}

void *dpdk_load(const void *instructions, uint32_t count, uint64_t memory_size) {
  struct rte_bpf_prm parameters = {
      .ins = instructions,
      .nb_ins = count,
      .prog_arg = {.type = RTE_BPF_ARG_PTR, .size = memory_size},
  };
  return dpdk.load(&parameters);
}

uint64_t dpdk_run(void *program, void *memory, uint64_t repeat) {
  struct rte_bpf_jit jit = {0};
  if (dpdk.get_jit(program, &jit) != 0 || !jit.func) return UINT64_MAX;
  uint64_t result = 0;
  for (uint64_t n = 0; n < repeat; n++) result = jit.func(memory);
  return result;
}

void dpdk_unload(void *program) { dpdk.destroy(program); }

#else

int dpdk_is_available(void) { return 0; }
void *dpdk_load(const void *instructions, uint32_t count, uint64_t memory_size) { return NULL; }
uint64_t dpdk_run(void *program, void *memory, uint64_t repeat) { return UINT64_MAX; }
void dpdk_unload(void *program) {}

#endif
