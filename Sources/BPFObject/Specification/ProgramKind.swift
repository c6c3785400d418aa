/// What a program is for, as Linux numbers it: what its section's name says.
///
/// The numbers are those of `enum bpf_prog_type` and `enum bpf_attach_type`.
public struct ProgramKind: Hashable, Sendable {
  /// Linux's program type number.
  public var type: UInt32
  /// Linux's expected attach type number. Types for which it means nothing have zero; programs
  /// of one chain need the same one all the same (R3.5).
  public var expectedAttachType: UInt32
  /// Whether the program may sleep: a section name with `.s`.
  public var isSleepable: Bool
  /// Whether an XDP program handles packets in several fragments: `xdp.frags`.
  public var xdpHasFrags: Bool
  /// What the program is meant to attach to: the rest of the section's name, after the slash.
  public var target: String?

  /// Makes a kind from its parts.
  public init(
    type: UInt32, expectedAttachType: UInt32 = 0, isSleepable: Bool = false,
    xdpHasFrags: Bool = false, target: String? = nil
  ) {
    self.type = type
    self.expectedAttachType = expectedAttachType
    self.isSleepable = isSleepable
    self.xdpHasFrags = xdpHasFrags
    self.target = target
  }

  /// `socket`: a socket filter.
  public static let socketFilter = ProgramKind(type: 1)
  /// `tc`, `classifier`: a traffic-control classifier.
  public static let schedClassifier = ProgramKind(type: 3)
  /// `action`: a traffic-control action.
  public static let schedAction = ProgramKind(type: 4)
  /// `xdp`, with the attach type of an interface (BPF_XDP).
  public static let xdp = ProgramKind(type: 6, expectedAttachType: 37)

  /// The type's name as `bpftool` prints it.
  public var name: String {
    Int(type) < Self.names.count ? Self.names[Int(type)] : "type \(type)"
  }

  private static let names = [
    "unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
    "perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops",
    "sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local",
    "lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable",
    "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall", "netfilter",
  ]
}
