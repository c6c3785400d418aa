/// What programs of Linux's types find behind r1, as measured in Linux 6.18: each offset was read
/// and written in each size.
///
/// A field stands in more than one row where Linux allows sizes that are no plain rule. Layouts are
/// made once, because program arrays tell contexts apart by their identity.
public enum LinuxContexts {
  /// The context of a type, by `enum bpf_prog_type` and `enum bpf_attach_type`; `nil` for types
  /// that Linux 6.18 does not have, and for those whose context only the running kernel's type
  /// information describes (tracing, LSM, `struct_ops` and extensions).
  public static func layout(type: UInt32, attachType: UInt32 = 0) -> ContextLayout? {
    switch type {
    case 9:
      switch attachType {
      case 12: boundSocket4
      case 13: boundSocket6
      default: newSocket
      }
    case 18: socketAddress(attachType)
    case 25: attachType == 22 ? setSocketOption : getSocketOption
    case 6: attachType == 33 ? deviceFrame : ProgramType.xdp.context
    default: byType[type]
    }
  }

  private static func socketAddress(_ attachType: UInt32) -> ContextLayout {
    switch attachType {
    case 9, 11, 20, 30, 32: address6
    case 14: message4
    case 15: message6
    case 49...53: addressUnix
    default: address4
    }
  }

  /// Contexts that do not depend on the attach type.
  private static let byType: [UInt32: ContextLayout] = [
    1: ProgramType.socketFilter.context,
    2: registers,
    3: ProgramType.schedCls.context,
    4: ProgramType.schedAct.context,
    5: ContextLayout(
      byteCount: 8192,
      fields: [ContextField("fields", at: 8, size: 8184, elementSize: 8, reads: .narrow)]),
    7: sample,
    8: packet(cgroupFields),
    10: tunnel, 11: tunnel, 12: tunnel, 19: tunnel,
    13: socketEvent,
    14: packet(streamFields),
    15: ContextLayout(
      byteCount: 12,
      fields: [narrow("access_type", 0), whole("major", 4), whole("minor", 8)]),
    16: message,
    17: ContextLayout(byteCount: 96, fields: [arguments(from: 0)]),
    21: listenerChoice,
    22: packet([
      ContextField("data", at: 76, value: .packetStart),
      ContextField("data_end", at: 80, value: .packetEnd),
      ContextField("flow_keys", at: 144, size: 8, value: .flowKeys),
    ]),
    23: ContextLayout(
      byteCount: 8, fields: [narrow("write", 0), narrow("file_pos", 4, writes: .whole)]),
    24: ContextLayout(
      byteCount: 96,
      fields: [
        ContextField("buffer", at: 0, size: 8, value: .tracepointBuffer),
        ContextField("buffer", at: 1, size: 3, elementSize: 2, reads: .narrow),
        narrow("buffer", 4), arguments(from: 8),
      ]),
    30: lookup,
    // Whatever the caller gives; offsets of instructions end before.
    31: ContextLayout(
      byteCount: 65_536,
      fields: [
        ContextField(
          "memory", at: 0, size: 65_535, elementSize: 8, reads: .narrow, writes: .narrow)
      ]),
    32: ContextLayout(
      byteCount: 16,
      fields: [
        ContextField("state", at: 0, size: 8, value: .kernelObject("nf_hook_state")),
        ContextField("skb", at: 8, size: 8, value: .kernelObject("sk_buff")),
      ]),
  ]

  // MARK: Rows

  private static func narrow(
    _ name: String, _ offset: Int, _ size: Int = 4, element: Int = 4,
    writes: ContextField.Rights = .none
  ) -> ContextField {
    ContextField(
      name, at: offset, size: size, elementSize: element, reads: .narrow, writes: writes)
  }

  private static func whole(
    _ name: String, _ offset: Int, _ size: Int = 4, element: Int = 4,
    writes: ContextField.Rights = .none
  ) -> ContextField {
    ContextField(name, at: offset, size: size, elementSize: element, writes: writes)
  }

  private static func pointer(
    _ name: String, _ offset: Int, _ value: ContextField.Value
  ) -> ContextField {
    ContextField(name, at: offset, size: 8, value: value)
  }

  private static func socket(
    _ offset: Int, _ kind: ContextField.SocketKind = .full, orNull: Bool = false
  ) -> ContextField {
    pointer("sk", offset, .socket(kind, orNull: orNull))
  }

  private static func arguments(from offset: Int) -> ContextField {
    ContextField("args", at: offset, size: 96 - offset, elementSize: 8, reads: .narrow)
  }

  // MARK: Tracing

  /// `struct pt_regs` of x86-64: 21 words.
  private static let registers = ContextLayout(
    byteCount: 168, fields: [narrow("regs", 0, 168, element: 8)])

  /// `struct bpf_perf_event_data`.
  private static let sample = ContextLayout(
    byteCount: 184,
    fields: [
      whole("regs", 0, 168, element: 8), narrow("sample_period", 168, 8, element: 8),
      narrow("addr", 176, 8, element: 8),
    ])

  // MARK: Packets

  private static func packet(_ fields: [ContextField]) -> ContextLayout {
    ContextLayout(byteCount: 192, fields: fields, hasPacket: true)
  }

  /// `struct __sk_buff` up to `napi_id`, with what may be written.
  private static func buffer(
    writing written: Set<String>, without missing: Set<String> = [],
    controlBlockWrites: ContextField.Rights = .narrow
  ) -> [ContextField] {
    let words = [
      "len", "pkt_type", "mark", "queue_mapping", "protocol", "vlan_present", "vlan_tci",
      "vlan_proto", "priority", "ingress_ifindex", "ifindex", "tc_index",
    ]
    var fields = words.enumerated().filter { !missing.contains($1) }.map { index, name in
      narrow(name, index * 4, writes: written.contains(name) ? .whole : .none)
    }
    fields += [
      narrow("cb", 48, 20, element: 8, writes: controlBlockWrites), narrow("hash", 68),
      ContextField("data", at: 76, value: .packetStart),
      ContextField("data_end", at: 80, value: .packetEnd),
      narrow("napi_id", 84), narrow("gso_segs", 164), socket(168, .common, orNull: true),
      narrow("gso_size", 176),
    ]
    return fields
  }

  private static let addresses = [
    narrow("family", 88), whole("remote_ip4", 92), whole("local_ip4", 96),
    whole("remote_ip6", 100, 16), whole("local_ip6", 116, 16), narrow("remote_port", 132),
    narrow("local_port", 136),
  ]

  private static let cgroupFields =
    buffer(writing: ["mark", "priority"]) + addresses + [
      whole("tstamp", 152, 8, element: 8, writes: .whole),
      whole("hwtstamp", 184, 8, element: 8),
    ]

  private static let streamFields =
    buffer(writing: ["priority", "tc_index"], without: ["mark"], controlBlockWrites: .none)
    + addresses

  private static let tunnel = packet(buffer(writing: ["mark", "priority"]))

  /// `struct xdp_md` of programs in maps of devices.
  private static let deviceFrame = ContextLayout(
    byteCount: XDPOffset.structSize,
    fields: ProgramType.xdp.context.fields + [whole("egress_ifindex", 20)], hasPacket: true)

  // MARK: Sockets

  /// `struct sk_msg_md`.
  private static let message = ContextLayout(
    byteCount: 80,
    fields: [
      pointer("data", 0, .packetStart), pointer("data_end", 8, .packetEnd), whole("family", 16),
      whole("remote_ip4", 20), whole("local_ip4", 24), whole("remote_ip6", 28, 16),
      whole("local_ip6", 44, 16), whole("remote_port", 60), whole("local_port", 64),
      whole("size", 68), socket(72),
    ], hasPacket: true)

  /// `struct bpf_sock_ops`.
  private static let socketEvent = ContextLayout(
    byteCount: 224,
    fields: [
      whole("op", 0), whole("reply", 4, writes: .whole), whole("args", 8, 12),
      whole("family", 20), whole("remote_ip4", 24), whole("local_ip4", 28),
      whole("remote_ip6", 32, 16), whole("local_ip6", 48, 16), whole("remote_port", 64),
      whole("local_port", 68), whole("is_fullsock", 72), whole("snd_cwnd", 76),
      whole("srtt_us", 80), whole("bpf_sock_ops_cb_flags", 84), whole("state", 88),
      whole("tcp", 92, 72), whole("sk_txhash", 164, writes: .whole),
      whole("bytes_received", 168, 8, element: 8), whole("bytes_acked", 176, 8, element: 8),
      socket(184, orNull: true), pointer("skb_data", 192, .packetStart),
      pointer("skb_data_end", 200, .packetEnd), whole("skb_len", 208),
      whole("skb_tcp_flags", 212), whole("skb_tcp_flags", 212, 1, element: 1),
      whole("skb_tcp_flags", 212, 2, element: 2), whole("skb_hwtstamp", 216, 8, element: 8),
    ], hasPacket: true)

  /// `struct sk_reuseport_md`.
  private static let listenerChoice = ContextLayout(
    byteCount: 56,
    fields: [
      pointer("data", 0, .packetStart), pointer("data_end", 8, .packetEnd), narrow("len", 16),
      whole("eth_protocol", 20), whole("eth_protocol", 20, 4, element: 2),
      narrow("ip_protocol", 24), narrow("bind_inany", 28), whole("hash", 32), socket(40),
      pointer("migrating_sk", 48, .socket(.common, orNull: true)),
    ], hasPacket: true)

  /// `struct bpf_sk_lookup`.
  private static let lookup = ContextLayout(
    byteCount: 72,
    fields: [
      socket(0, orNull: true), narrow("family", 8), narrow("protocol", 12),
      narrow("remote_ip4", 16), narrow("remote_ip6", 20, 16), narrow("remote_port", 36),
      narrow("local_ip4", 40), narrow("local_ip6", 44, 16), narrow("local_port", 60),
      narrow("ingress_ifindex", 64),
    ])

  /// Fields of `struct bpf_sock` that all attach types read.
  private static let socketFields =
    ["family", "type", "protocol"].enumerated().flatMap { index, name in
      headWord(name, 4 + index * 4)
    } + [
      whole("dst_port", 48), whole("dst_port", 48, 2, element: 2),
      whole("dst_port", 48, 2, element: 1), narrow("dst_ip4", 52), narrow("dst_ip6", 56, 16),
    ] + headWord("state", 72) + headWord("rx_queue_mapping", 76)

  /// A word of which the first byte or half may be read alone.
  private static func headWord(_ name: String, _ offset: Int) -> [ContextField] {
    [4, 2, 1].map { whole(name, offset, $0, element: $0) }
  }

  /// What can be read through a socket's handle.
  public static func socket(_ kind: ContextField.SocketKind) -> ContextLayout {
    switch kind {
    case .common: commonSocket
    case .full: fullSocket
    case .tcp: tcpSocket
    case .xdp: frameSocket
    }
  }

  private static let fullSocket = ContextLayout(
    byteCount: 80,
    fields: socketFields + [
      whole("bound_dev_if", 0), whole("mark", 16), whole("priority", 20), narrow("src_ip4", 24),
      narrow("src_ip6", 28, 16),
    ] + headWord("src_port", 44))

  /// What every socket has, also one that is not a full one.
  private static let commonSocket = ContextLayout(
    byteCount: 80, fields: fullSocket.fields.filter { !(8..<24).contains($0.offset) })

  /// `struct bpf_xdp_sock`.
  private static let frameSocket = ContextLayout(
    byteCount: 4, fields: [whole("queue_id", 0)])

  /// `struct bpf_tcp_sock`.
  private static let tcpSocket = ContextLayout(
    byteCount: 112,
    fields: [
      whole("words", 0, 80), whole("bytes_received", 80, 8, element: 8),
      whole("bytes_acked", 88, 8, element: 8), whole("counters", 96, 16),
    ])

  private static let newSocket = ContextLayout(
    byteCount: 80,
    fields: socketFields + [
      whole("bound_dev_if", 0, writes: .whole), whole("mark", 16, writes: .whole),
      whole("priority", 20, writes: .whole),
    ])

  private static let boundSocket4 = ContextLayout(
    byteCount: 80, fields: socketFields + [narrow("src_ip4", 24)] + headWord("src_port", 44))

  private static let boundSocket6 = ContextLayout(
    byteCount: 80, fields: socketFields + [narrow("src_ip6", 28, 16)] + headWord("src_port", 44))

  // MARK: Socket addresses: `struct bpf_sock_addr`

  private static func address(_ own: [ContextField]) -> ContextLayout {
    ContextLayout(
      byteCount: 72,
      fields: [
        whole("user_family", 0), narrow("user_port", 24, writes: .whole), whole("family", 28),
        whole("type", 32), whole("protocol", 36), socket(64),
      ] + own)
  }

  private static let user4 = [narrow("user_ip4", 4, writes: .whole)]
  private static let user6 = [
    narrow("user_ip6", 8, 16, element: 8, writes: .whole), writtenWords("user_ip6", 8),
  ]

  private static func writtenWords(_ name: String, _ offset: Int) -> ContextField {
    ContextField(name, at: offset, size: 16, elementSize: 4, reads: .none, writes: .whole)
  }

  private static let addressUnix = address([])
  private static let address4 = address(user4)
  private static let address6 = address(user6)
  private static let message4 = address(user4 + [narrow("msg_src_ip4", 40, writes: .whole)])
  private static let message6 = address(
    user6 + [
      narrow("msg_src_ip6", 44), narrow("msg_src_ip6", 48, 8, element: 8, writes: .whole),
      narrow("msg_src_ip6", 56), writtenWords("msg_src_ip6", 44),
    ])

  // MARK: Socket options: `struct bpf_sockopt`

  private static func option(_ numbers: [ContextField]) -> ContextLayout {
    ContextLayout(
      byteCount: 40,
      fields: [
        socket(0), pointer("optval", 8, .packetStart), pointer("optval_end", 16, .packetEnd),
      ] + numbers, hasPacket: true)
  }

  private static let getSocketOption = option([
    whole("level", 24), whole("optname", 28), whole("optlen", 32, writes: .whole),
    whole("retval", 36, writes: .whole),
  ])

  private static let setSocketOption = option([
    whole("level", 24, writes: .whole), whole("optname", 28, writes: .whole),
    whole("optlen", 32, writes: .whole),
  ])
}

extension ProgramType {
  /// One of Linux's types as its attach type makes it: fields of the context, helpers that are
  /// allowed, whether or not they exist here.
  ///
  /// - Returns: `nil` for a type that Linux 6.18 does not have, or whose context only the running
  ///   kernel's type information describes (``needsKernelTypes(number:)``).
  public static func described(number: UInt32, expectedAttachType: UInt32) -> ProgramType? {
    guard
      let context = LinuxContexts.layout(type: number, attachType: expectedAttachType),
      let name = name(ofNumber: number)
    else { return nil }
    let allowed = AllowedHelpers.numbers(type: number, attachType: expectedAttachType)
    let runnable = linux(number: number)
    let hasOwnFile = [1, 3, 4, 6].contains(number)
    let known = hasOwnFile ? runnable.map { Array($0.helpers.values) } : candidates(number)
    let helpers = runnable == nil ? [] : known?.filter { allowed.contains($0.number) } ?? []
    return ProgramType(
      number: number, name: name, context: context, helpers: helpers,
      missingHelpers: allowed.subtracting(helpers), verdicts: runnable?.verdicts ?? [:],
      allowsPacketLoads: [1, 3, 4, 8].contains(number))
  }

  /// One of Linux's types as its attach type makes it, to run programs of it.
  ///
  /// - Returns: `nil` for a type that cannot run here.
  public static func linux(number: UInt32, expectedAttachType: UInt32) -> ProgramType? {
    guard var type = linux(number: number),
      let described = described(number: number, expectedAttachType: expectedAttachType)
    else { return nil }
    type.context = described.context
    type.helpers = described.helpers
    type.missingHelpers = described.missingHelpers
    return type
  }

  /// Whether programs of the type get arguments that only the running kernel's type information
  /// describes.
  public static func needsKernelTypes(number: UInt32) -> Bool { (26...29).contains(number) }
}
