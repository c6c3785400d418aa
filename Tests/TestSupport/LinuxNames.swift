/// Linux's names of numbers that cases spell out.
public enum LinuxNames {
  /// The program types; the place is the number.
  public static let programTypes = [
    "unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
    "perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops",
    "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local",
    "lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable",
    "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter",
  ]

  /// The attach types that cases use.
  public static let attachTypes: [String: UInt32] = [
    "cgroup_inet_ingress": 0, "cgroup_inet_egress": 1, "cgroup_inet_sock_create": 2,
    "cgroup_sock_ops": 3, "sk_skb_stream_parser": 4, "sk_skb_stream_verdict": 5,
    "cgroup_device": 6, "sk_msg_verdict": 7, "cgroup_inet4_bind": 8, "cgroup_inet6_bind": 9,
    "cgroup_inet4_connect": 10, "cgroup_inet6_connect": 11, "cgroup_inet4_post_bind": 12,
    "cgroup_inet6_post_bind": 13, "cgroup_udp4_sendmsg": 14, "cgroup_udp6_sendmsg": 15,
    "flow_dissector": 17, "cgroup_sysctl": 18, "cgroup_udp4_recvmsg": 19,
    "cgroup_udp6_recvmsg": 20, "cgroup_getsockopt": 21, "cgroup_setsockopt": 22,
    "cgroup_inet4_getpeername": 29, "cgroup_inet6_getpeername": 30,
    "cgroup_inet4_getsockname": 31, "cgroup_inet6_getsockname": 32, "xdp_devmap": 33,
    "cgroup_inet_sock_release": 34, "xdp_cpumap": 35, "sk_lookup": 36, "xdp": 37,
    "sk_skb_verdict": 38, "sk_reuseport_select": 39, "sk_reuseport_select_or_migrate": 40,
    "netfilter": 45, "cgroup_unix_connect": 49, "cgroup_unix_sendmsg": 50,
    "cgroup_unix_recvmsg": 51, "cgroup_unix_getpeername": 52, "cgroup_unix_getsockname": 53,
  ]

  /// The map types; the place is the number.
  public static let mapTypes = [
    "unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array",
    "stack_trace", "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps",
    "hash_of_maps", "devmap", "sockmap", "cpumap", "xskmap", "sockhash", "cgroup_storage",
    "reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack", "sk_storage",
    "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter",
    "user_ringbuf", "cgrp_storage", "arena",
  ]

  /// The flags of map creation that cases use.
  public static let mapFlags: [String: UInt32] = [
    "no_prealloc": 1, "rdonly_prog": 0x80, "wronly_prog": 0x100,
  ]
}
