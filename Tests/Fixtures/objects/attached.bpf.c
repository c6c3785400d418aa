// Programs whose context depends on where they will be attached, and not only on their type.
#define SEC(name) __attribute__((section(name), used))

struct frame {
  unsigned int data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct address {
  unsigned int user_family, user_ip4, user_ip6[4], user_port, family, type, protocol;
  unsigned int msg_src_ip4, msg_src_ip6[4];
};

struct bound {
  unsigned int bound_dev_if, family, type, protocol, mark, priority, src_ip4, src_ip6[4], src_port;
};

SEC("xdp/devmap")
int to_device(struct frame *frame) { return frame->egress_ifindex ? 1 : 2; }

SEC("cgroup/bind6")
int bind(struct address *address) { return address->user_ip6[0] == 0; }

SEC("cgroup/sendmsg6")
int send(struct address *address) { return address->msg_src_ip6[0] == 0; }

SEC("cgroup/post_bind4")
int after_bind(struct bound *bound) { return bound->src_port != 80; }

char license_text[] SEC("license") = "GPL";
