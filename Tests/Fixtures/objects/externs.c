// What only a running kernel can resolve, beside what needs nothing.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
  int pid;
} __attribute__((preserve_access_index));

extern const int bpf_prog_active __ksym;
extern const int maybe_missing __ksym __weak;
extern unsigned int CONFIG_HZ __kconfig;
extern unsigned int CONFIG_MAYBE __kconfig __weak;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_not_there(void) __ksym __weak;

static __noinline int subprogram(struct task_struct *task) {
  return task->pid;
}

SEC("xdp")
int fine(struct xdp_md *context) {
  return XDP_PASS;
}

SEC("kprobe/core")
int core(struct task_struct *task) {
  return task->pid;
}

SEC("kprobe/core_below")
int core_below(struct task_struct *task) {
  return subprogram(task) + 1;
}

SEC("tc")
int variable(struct __sk_buff *context) {
  return bpf_prog_active;
}

SEC("tc")
int configuration(struct __sk_buff *context) {
  return CONFIG_HZ;
}

SEC("tc")
int function(struct __sk_buff *context) {
  bpf_rcu_read_lock();
  return 0;
}

SEC("tc")
int weak_variable(struct __sk_buff *context) {
  return &maybe_missing ? 1 : 2;
}

SEC("tc")
int weak_function(struct __sk_buff *context) {
  if (bpf_not_there) bpf_not_there();
  return 3;
}

SEC("tc")
int weak_configuration(struct __sk_buff *context) {
  return CONFIG_MAYBE;
}

SEC("tc")
int local_type(struct __sk_buff *context) {
  return __builtin_btf_type_id(*(struct task_struct *)0, 0);
}

char _license[] SEC("license") = "GPL";
