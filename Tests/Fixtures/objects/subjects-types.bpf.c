// Programs of other types on the subjects that verifiers are tested by: locks, timers, sockets,
// contexts. The verdict of Linux 6.18 is the first word of a program's name.

#include "subjects.h"

SEC("tc") int accept_lock(struct __sk_buff *context) {
  u32 key = 1;
  struct locked *value = lookup(&locks, &key);
  if (!value) return 0;
  lock(&value->lock);
  value->count++;
  unlock(&value->lock);
  return 0;
}

SEC("tc") int refuse_lock(struct __sk_buff *context) {
  u32 key = 1;
  struct locked *value = lookup(&locks, &key);
  if (!value) return 0;
  lock(&value->lock);
  if (value->count++ > 5) return 1;
  unlock(&value->lock);
  return 0;
}

static int fire(void *map, u32 *key, struct timed *value) {
  value->count++;
  return 0;
}

SEC("tc") int accept_timer(struct __sk_buff *context) {
  u32 key = 1;
  struct timed *value = lookup(&timers, &key);
  if (!value) return 0;
  timer_init(&value->timer, &timers, 1);
  timer_call(&value->timer, fire);
  timer_start(&value->timer, 1000, 0);
  return 0;
}

SEC("tc") int accept_load_bytes(struct __sk_buff *context) {
  u8 buffer[16];
  u32 size = (context->len & 15) + 1;
  if (load_bytes(context, 0, buffer, size)) return 0;
  KEEP(buffer);
  return buffer[0];
}

SEC("tc") int refuse_load_bytes(struct __sk_buff *context) {
  u8 buffer[16];
  if (load_bytes(context, 0, buffer, context->len)) return 0;
  KEEP(buffer);
  return buffer[0];
}

SEC("tc") int accept_socket(struct __sk_buff *context) {
  u32 tuple[3] = {1, 2, 3};
  void *socket = lookup_tcp(context, tuple, sizeof(tuple), -1, 0);
  if (socket) release(socket);
  return 0;
}

SEC("tc") int refuse_socket(struct __sk_buff *context) {
  u32 tuple[3] = {1, 2, 3};
  void *socket = lookup_tcp(context, tuple, sizeof(tuple), -1, 0);
  if (socket && random()) release(socket);
  return 0;
}

SEC("tc") int accept_fields(struct __sk_buff *context) {
  context->mark = context->hash;
  context->cb[2] = *((u8 *)&context->protocol);
  context->tc_classid = 5;
  return *((u16 *)&context->ifindex);
}

SEC("tc") int refuse_fields(struct __sk_buff *context) {
  *(volatile u32 *)&context->len = 5;
  return 0;
}

SEC("socket") int refuse_packet_in_filter(struct __sk_buff *context) {
  return *(volatile u32 *)&context->data;
}

SEC("cgroup/connect4") int accept_connect(struct bpf_sock_addr *context) {
  context->user_ip4 = 0x0100007f;
  context->user_port = 80;
  return 1;
}

SEC("cgroup/connect4") int refuse_connect(struct bpf_sock_addr *context) {
  return context->user_ip6[0] == 1;
}

SEC("cgroup/connect6") int accept_connect6(struct bpf_sock_addr *context) {
  context->user_ip6[3] = 5;
  return context->user_ip6[0] == 1;
}

SEC("sockops") int accept_sockops(struct bpf_sock_ops *context) {
  if (context->op != 3) return 0;
  return context->remote_port == 5;
}

SEC("cgroup/sysctl") int accept_sysctl(struct bpf_sysctl *context) {
  char name[32];
  long size = sysctl_name(context, name, sizeof(name), 1);
  if (size < 4 || context->write) return 0;
  context->file_pos = 0;
  return name[0] == 110;
}

SEC("cgroup/sysctl") int accept_number(struct bpf_sysctl *context) {
  char text[8] = "123";
  s64 number = 0;
  if (to_number(text, sizeof(text), 0, &number) < 0) return 0;
  return number == 123;
}

SEC("cgroup/setsockopt") int accept_sockopt(struct bpf_sockopt *context) {
  u8 *value = (u8 *)(long)context->optval;
  u8 *end = (u8 *)(long)context->optval_end;
  if (value + 4 > end) return 0;
  value[0] = 1;
  context->optlen = 4;
  return 1;
}

SEC("cgroup/setsockopt") int refuse_sockopt(struct bpf_sockopt *context) {
  u8 *value = (u8 *)(long)context->optval;
  value[0] = 1;
  return 1;
}

SEC("cgroup/dev") int accept_device(struct bpf_cgroup_dev_ctx *context) {
  return context->major == 1 && (u16)context->access_type == 2;
}

SEC("sk_msg") int accept_message(struct sk_msg_md *context) {
  u8 *data = (u8 *)(long)context->data;
  u8 *end = (u8 *)(long)context->data_end;
  if (data + 8 > end) return 0;
  data[0] = 5;
  return 1;
}

SEC("kprobe") int accept_probe(struct pt_regs *context) {
  struct { u64 id; char name[16]; } event = {};
  event.id = pid();
  comm(event.name, sizeof(event.name));
  output(context, &perf, 0xffffffff, &event, sizeof(event));
  return 0;
}

SEC("kprobe") int accept_read_text(struct pt_regs *context) {
  char text[64];
  long size = read_text(text, sizeof(text), (void *)context->di);
  if (size <= 0) return 0;
  return text[(size - 1) & 63];
}

SEC("kprobe") int refuse_read_text(struct pt_regs *context) {
  char text[64];
  long size = read_text(text, sizeof(text), (void *)context->di);
  KEEP(text);
  return text[size];
}

SEC("kprobe") int refuse_task(struct pt_regs *context) {
  return *(volatile u64 *)task();
}

SEC("kprobe") int accept_stack(struct pt_regs *context) {
  u64 frames[16];
  long size = stack(context, frames, sizeof(frames), 0);
  KEEP(frames);
  if (size <= 0) return 0;
  output(context, &perf, 0xffffffff, frames, size);
  return 0;
}

SEC("tracepoint") int accept_tracepoint(u64 *context) {
  return context[1] + context[3];
}

SEC("tracepoint") int refuse_tracepoint(u64 *context) {
  return ((volatile u64 *)context)[2000];
}

SEC("raw_tp") int accept_raw(u64 *context) {
  return context[0] + context[11];
}

SEC("raw_tp") int refuse_raw(u64 *context) {
  return ((volatile u64 *)context)[12];
}
