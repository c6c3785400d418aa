extension ProgramType {
  /// The type with one of Linux's numbers; `nil` for those that Switchyard cannot run yet.
  public static func linux(number: UInt32) -> ProgramType? {
    switch number {
    case 1: .socketFilter
    case 3: .schedCls
    case 4: .schedAct
    case 6: .xdp
    default: nil
    }
  }

  /// `bpftool`'s name for one of Linux's numbers (`enum bpf_prog_type`), whether or not such
  /// programs can run here; `nil` for a number that Linux 6.18 does not know.
  public static func name(ofNumber number: UInt32) -> String? {
    linuxNames.indices.contains(Int(number)) ? linuxNames[Int(number)] : nil
  }

  private static let linuxNames = [
    "unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
    "perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops",
    "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local",
    "lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable",
    "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter",
  ]
}
