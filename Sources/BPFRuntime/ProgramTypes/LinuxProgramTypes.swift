extension ProgramType {
  /// The type with one of Linux's numbers; `nil` for those that Switchyard cannot run yet.
  public static func linux(number: UInt32) -> ProgramType? {
    switch number {
    case 1: .socketFilter
    case 3: .schedCls
    case 4: .schedAct
    case 6: .xdp
    default: others[number]
    }
  }

  /// The types whose contexts are plain structs of numbers, and those with socket buffers, besides
  /// the ones with a file of their own.
  private static let others: [UInt32: ProgramType] = {
    let types = (structs + buffers).compactMap { type(number: $0) }
    return Dictionary(uniqueKeysWithValues: types.map { ($0.number, $0) })
  }()

  /// The helpers that are there for a type, of which each attach type allows some; a later one
  /// takes the place of an earlier one with its number.
  static func candidates(_ number: UInt32) -> [Helper] {
    let packets = buffers.contains(number) ? Helper.socketFilter + Helper.trafficControl : []
    return packets + Helper.base + Helper.hooks + Helper.sockets + own(number)
  }

  private static let structs: [UInt32] = [2, 5, 7, 9, 13, 15, 16, 17, 18, 23, 25, 30, 31, 32]
  private static let buffers: [UInt32] = [8, 10, 11, 12, 14, 19, 21, 22]

  private static func type(number: UInt32) -> ProgramType? {
    guard let context = LinuxContexts.layout(type: number), let name = name(ofNumber: number) else {
      return nil
    }
    let allowed = AllowedHelpers.numbers(type: number, attachType: 0)
    let helpers = candidates(number).filter { allowed.contains($0.number) }
    return ProgramType(
      number: number, name: name, context: context, helpers: helpers,
      missingHelpers: allowed.subtracting(helpers), verdicts: verdicts[number] ?? [:],
      allowsPacketLoads: number == 8)
  }

  /// Helpers that a type has instead of others with their numbers.
  private static func own(_ number: UInt32) -> [Helper] {
    switch number {
    case 10, 11, 12, 19: [.getCgroupClass]
    case 13: Helper.socketEvents + Helper.headerOptions
    case 14: [.socketRedirectMap, .socketRedirectHash]
    case 16: Helper.messages
    case 21: [.selectReuseport]
    case 23: Helper.systemControl
    case 30: [.socketAssignToLookup]
    default: []
    }
  }

  private static let verdicts: [UInt32: [UInt32: String]] = [
    10: routeVerdicts, 11: routeVerdicts, 12: routeVerdicts, 19: routeVerdicts,
    14: socketVerdicts, 16: socketVerdicts, 21: socketVerdicts, 30: socketVerdicts,
    22: [0: "BPF_OK", 2: "BPF_DROP", 129: "BPF_FLOW_DISSECTOR_CONTINUE"],
    32: [0: "NF_DROP", 1: "NF_ACCEPT"],
  ]

  private static let socketVerdicts: [UInt32: String] = [0: "SK_DROP", 1: "SK_PASS"]

  private static let routeVerdicts: [UInt32: String] = [
    0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT", 128: "BPF_LWT_REROUTE",
  ]

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
