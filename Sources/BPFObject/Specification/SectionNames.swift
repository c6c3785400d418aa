extension ProgramKind {
  /// The kind that a section name stands for, by libbpf's conventions; `nil` for other names.
  ///
  /// A name is one of the known ones, or a known one, a slash and what to attach to. Names that
  /// older loaders recognised by their beginning (`xdp_drop`, `socket1`) are recognised too.
  public init?(sectionName: String) {
    // A question mark says: do not load unless asked to.
    let name = sectionName.hasPrefix("?") ? String(sectionName.dropFirst()) : sectionName
    var best: (pattern: Pattern, isExact: Bool)?
    for pattern in Self.patterns {
      let isExact = pattern.matches(name)
      guard isExact || (pattern.isLoose && name.hasPrefix(pattern.name)) else { continue }
      if let best {
        guard
          (isExact ? 1 : 0, pattern.name.count) > (best.isExact ? 1 : 0, best.pattern.name.count)
        else { continue }
      }
      best = (pattern, isExact)
    }
    guard let pattern = best?.pattern else { return nil }
    let rest = name.dropFirst(pattern.name.count)
    self.init(
      type: pattern.type, expectedAttachType: pattern.attachType,
      // Programs that are called as system calls always may.
      isSleepable: pattern.name.hasSuffix(".s") || pattern.type == 31,
      xdpHasFrags: pattern.hasFrags,
      target: rest.first == "/" && rest.count > 1 ? String(rest.dropFirst()) : nil)
  }

  private struct Pattern {
    var name: String
    var type: UInt32
    var attachType: UInt32 = 0
    /// Whether any name that begins like this counts.
    var isLoose = false
    var hasFrags: Bool { type == 6 && name.hasPrefix("xdp.frags") }

    func matches(_ candidate: String) -> Bool {
      guard candidate.hasPrefix(name) else { return false }
      return candidate.count == name.count || candidate.dropFirst(name.count).first == "/"
    }
  }

  private static let patterns: [Pattern] = packetPatterns + groupPatterns + tracePatterns

  private static let packetPatterns: [Pattern] = [
    Pattern(name: "socket", type: 1, isLoose: true),
    Pattern(name: "sk_reuseport/migrate", type: 21, attachType: 40),
    Pattern(name: "sk_reuseport", type: 21, attachType: 39),
    Pattern(name: "sk_lookup", type: 30, attachType: 36),
    Pattern(name: "tc", type: 3),
    Pattern(name: "classifier", type: 3, isLoose: true),
    Pattern(name: "tc/ingress", type: 3, attachType: 46),
    Pattern(name: "tc/egress", type: 3, attachType: 47),
    Pattern(name: "tcx/ingress", type: 3, attachType: 46),
    Pattern(name: "tcx/egress", type: 3, attachType: 47),
    Pattern(name: "netkit/primary", type: 3, attachType: 54),
    Pattern(name: "netkit/peer", type: 3, attachType: 55),
    Pattern(name: "action", type: 4, isLoose: true),
    Pattern(name: "xdp", type: 6, attachType: 37, isLoose: true),
    Pattern(name: "xdp.frags", type: 6, attachType: 37),
    Pattern(name: "xdp/devmap", type: 6, attachType: 33),
    Pattern(name: "xdp.frags/devmap", type: 6, attachType: 33),
    Pattern(name: "xdp_devmap", type: 6, attachType: 33),
    Pattern(name: "xdp/cpumap", type: 6, attachType: 35),
    Pattern(name: "xdp.frags/cpumap", type: 6, attachType: 35),
    Pattern(name: "xdp_cpumap", type: 6, attachType: 35),
    Pattern(name: "lwt_in", type: 10, isLoose: true),
    Pattern(name: "lwt_out", type: 11, isLoose: true),
    Pattern(name: "lwt_xmit", type: 12, isLoose: true),
    Pattern(name: "lwt_seg6local", type: 19, isLoose: true),
    Pattern(name: "sockops", type: 13, attachType: 3, isLoose: true),
    Pattern(name: "sk_skb", type: 14, isLoose: true),
    Pattern(name: "sk_skb/stream_parser", type: 14, attachType: 4),
    Pattern(name: "sk_skb/stream_verdict", type: 14, attachType: 5),
    Pattern(name: "sk_skb/verdict", type: 14, attachType: 38),
    Pattern(name: "sk_msg", type: 16, attachType: 7, isLoose: true),
    Pattern(name: "flow_dissector", type: 22, attachType: 17, isLoose: true),
    Pattern(name: "lirc_mode2", type: 20, attachType: 16, isLoose: true),
    Pattern(name: "netfilter", type: 32, attachType: 45),
  ]

  private static let groupPatterns: [Pattern] = [
    Pattern(name: "cgroup_skb/ingress", type: 8, attachType: 0),
    Pattern(name: "cgroup_skb/egress", type: 8, attachType: 1),
    Pattern(name: "cgroup/skb", type: 8),
    Pattern(name: "cgroup/sock_create", type: 9, attachType: 2),
    Pattern(name: "cgroup/sock_release", type: 9, attachType: 34),
    Pattern(name: "cgroup/sock", type: 9, attachType: 2),
    Pattern(name: "cgroup/post_bind4", type: 9, attachType: 12),
    Pattern(name: "cgroup/post_bind6", type: 9, attachType: 13),
    Pattern(name: "cgroup/bind4", type: 18, attachType: 8),
    Pattern(name: "cgroup/bind6", type: 18, attachType: 9),
    Pattern(name: "cgroup/connect4", type: 18, attachType: 10),
    Pattern(name: "cgroup/connect6", type: 18, attachType: 11),
    Pattern(name: "cgroup/connect_unix", type: 18, attachType: 49),
    Pattern(name: "cgroup/sendmsg4", type: 18, attachType: 14),
    Pattern(name: "cgroup/sendmsg6", type: 18, attachType: 15),
    Pattern(name: "cgroup/sendmsg_unix", type: 18, attachType: 50),
    Pattern(name: "cgroup/recvmsg4", type: 18, attachType: 19),
    Pattern(name: "cgroup/recvmsg6", type: 18, attachType: 20),
    Pattern(name: "cgroup/recvmsg_unix", type: 18, attachType: 51),
    Pattern(name: "cgroup/getpeername4", type: 18, attachType: 29),
    Pattern(name: "cgroup/getpeername6", type: 18, attachType: 30),
    Pattern(name: "cgroup/getpeername_unix", type: 18, attachType: 52),
    Pattern(name: "cgroup/getsockname4", type: 18, attachType: 31),
    Pattern(name: "cgroup/getsockname6", type: 18, attachType: 32),
    Pattern(name: "cgroup/getsockname_unix", type: 18, attachType: 53),
    Pattern(name: "cgroup/sysctl", type: 23, attachType: 18),
    Pattern(name: "cgroup/getsockopt", type: 25, attachType: 21),
    Pattern(name: "cgroup/setsockopt", type: 25, attachType: 22),
    Pattern(name: "cgroup/dev", type: 15, attachType: 6),
  ]

  private static let tracePatterns: [Pattern] = [
    Pattern(name: "kprobe", type: 2),
    Pattern(name: "kretprobe", type: 2),
    Pattern(name: "uprobe", type: 2),
    Pattern(name: "uprobe.s", type: 2),
    Pattern(name: "uretprobe", type: 2),
    Pattern(name: "uretprobe.s", type: 2),
    Pattern(name: "kprobe.multi", type: 2, attachType: 42),
    Pattern(name: "kretprobe.multi", type: 2, attachType: 42),
    Pattern(name: "kprobe.session", type: 2, attachType: 56),
    Pattern(name: "uprobe.multi", type: 2, attachType: 48),
    Pattern(name: "uretprobe.multi", type: 2, attachType: 48),
    Pattern(name: "uprobe.session", type: 2, attachType: 57),
    Pattern(name: "uprobe.multi.s", type: 2, attachType: 48),
    Pattern(name: "uretprobe.multi.s", type: 2, attachType: 48),
    Pattern(name: "uprobe.session.s", type: 2, attachType: 57),
    Pattern(name: "ksyscall", type: 2),
    Pattern(name: "kretsyscall", type: 2),
    Pattern(name: "usdt", type: 2),
    Pattern(name: "usdt.s", type: 2),
    Pattern(name: "tracepoint", type: 5),
    Pattern(name: "tp", type: 5),
    Pattern(name: "raw_tracepoint", type: 17),
    Pattern(name: "raw_tp", type: 17),
    Pattern(name: "raw_tracepoint.w", type: 24),
    Pattern(name: "raw_tp.w", type: 24),
    Pattern(name: "perf_event", type: 7, isLoose: true),
    Pattern(name: "tp_btf", type: 26, attachType: 23),
    Pattern(name: "fentry", type: 26, attachType: 24),
    Pattern(name: "fentry.s", type: 26, attachType: 24),
    Pattern(name: "fexit", type: 26, attachType: 25),
    Pattern(name: "fexit.s", type: 26, attachType: 25),
    Pattern(name: "fmod_ret", type: 26, attachType: 26),
    Pattern(name: "fmod_ret.s", type: 26, attachType: 26),
    Pattern(name: "iter", type: 26, attachType: 28),
    Pattern(name: "iter.s", type: 26, attachType: 28),
    Pattern(name: "freplace", type: 28),
    Pattern(name: "lsm", type: 29, attachType: 27),
    Pattern(name: "lsm.s", type: 29, attachType: 27),
    Pattern(name: "lsm_cgroup", type: 29, attachType: 43),
    Pattern(name: "struct_ops", type: 27),
    Pattern(name: "struct_ops.s", type: 27),
    Pattern(name: "syscall", type: 31),
  ]
}
