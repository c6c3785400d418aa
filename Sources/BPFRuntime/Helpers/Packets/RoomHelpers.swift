/// Helpers that change the headers of a socket buffer: room for tunnels, other protocols.

extension Helper {
  /// Makes room behind the network layer's header (mode 0) or in front of it (mode 1), or takes it
  /// away.
  static let skbAdjustRoom = Helper(
    number: 50, name: "skb_adjust_room",
    arguments: [.context, .anything, .anything, .anything], changesPacket: true
  ) { _, difference, mode, flags, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    let change = RoomChange(
      difference: difference.asInt32, mode: mode.asUInt32, flags: RoomFlags(rawValue: flags))
    return change.apply(to: buffer)?.helperResult ?? 0
  }

  /// Turns IPv4 into IPv6 (and back) as far as room for the header goes: what is in it is up to
  /// the program.
  static let skbChangeProtocol = Helper(
    number: 31, name: "skb_change_proto", arguments: [.context, .anything, .anything],
    changesPacket: true
  ) { _, networkProtocol, flags, _, _, cpu in
    guard flags == 0, let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    let error: LinuxError?
    let wanted = UInt16(truncatingIfNeeded: networkProtocol).bigEndian
    switch (buffer.networkProtocol, wanted) {
    case (EtherType.ipv4, EtherType.ipv6):
      error = buffer.insert(20, at: buffer.linkHeaderByteCount)
    case (EtherType.ipv6, EtherType.ipv4):
      error = buffer.remove(20, at: buffer.linkHeaderByteCount)
    default: error = .notSupported
    }
    if let error { return error.helperResult }
    buffer.networkProtocol = wanted
    buffer.forgetHash()
    return 0
  }
}

/// Numbers of protocols in a link layer's header.
enum EtherType {
  static let ipv4: UInt16 = 0x0800
  static let ipv6: UInt16 = 0x86dd
  static let vlan: UInt16 = 0x8100
  static let providerVLAN: UInt16 = 0x88a8
}

/// Flags of `bpf_skb_adjust_room` (`BPF_F_ADJ_ROOM_*`).
struct RoomFlags: OptionSet {
  var rawValue: UInt64

  static let fixedSegments = RoomFlags(rawValue: 1 << 0)
  static let addsIPv4 = RoomFlags(rawValue: 1 << 1)
  static let addsIPv6 = RoomFlags(rawValue: 1 << 2)
  static let addsGRE = RoomFlags(rawValue: 1 << 3)
  static let addsUDP = RoomFlags(rawValue: 1 << 4)
  static let keepsChecksum = RoomFlags(rawValue: 1 << 5)
  static let addsEthernet = RoomFlags(rawValue: 1 << 6)
  static let removesIPv4 = RoomFlags(rawValue: 1 << 7)
  static let removesIPv6 = RoomFlags(rawValue: 1 << 8)
  /// The length of an inner link layer's header, in the upper eight bits.
  static let innerHeader = RoomFlags(rawValue: 0xff << 56)

  static let encapsulates: RoomFlags = [.addsIPv4, .addsIPv6]
  static let decapsulates: RoomFlags = [.removesIPv4, .removesIPv6]
  static let all: RoomFlags = [
    .fixedSegments, .addsIPv4, .addsIPv6, .addsGRE, .addsUDP, .keepsChecksum, .addsEthernet,
    .removesIPv4, .removesIPv6, .innerHeader,
  ]
}

/// One call of `bpf_skb_adjust_room`, in the order in which Linux looks at it.
private struct RoomChange {
  var difference: Int64
  var mode: UInt64
  var flags: RoomFlags

  private var shrinks: Bool { difference < 0 }
  private var count: UInt64 { difference.magnitude }

  func apply(to buffer: SocketBuffer) -> LinuxError? {
    guard flags.isSubset(of: .all) else { return .invalid }
    guard count <= 0xfff else { return .badAddress }
    let base: UInt64
    switch buffer.networkProtocol {
    case EtherType.ipv4: base = 20
    case EtherType.ipv6: base = 40
    default: return .notSupported
    }
    var offset = buffer.linkHeaderByteCount
    switch mode {
    case 0: offset &+= base
    case 1: break
    default: return .notSupported
    }
    var least = base
    if !flags.isDisjoint(with: .decapsulates) {
      guard shrinks else { return .invalid }
      switch flags.intersection(.decapsulates) {
      case .removesIPv4: least = 20
      case .removesIPv6: least = 40
      default: return .invalid
      }
    }
    let length = buffer.byteCount &- (buffer.packet.networkHeader &- buffer.packet.data)
    if shrinks {
      guard count < length, length &- count >= least else { return .notSupported }
      return shrink(buffer, offset)
    }
    guard buffer.byteCount &+ count <= UInt64(PacketForm.longestSocketBuffer) else {
      return .notSupported
    }
    return grow(buffer, offset)
  }

  private func grow(_ buffer: SocketBuffer, _ offset: UInt64) -> LinuxError? {
    let encapsulates = !flags.isDisjoint(with: .encapsulates)
    if encapsulates {
      guard !buffer.packet.notes.contains(.isEncapsulated) else { return .alreadyInProgress }
      guard !flags.isSuperset(of: [.addsGRE, .addsUDP]) else { return .invalid }
      let inner = flags.rawValue &>> 56
      guard !flags.isSuperset(of: .encapsulates), inner <= count else { return .invalid }
      guard !flags.contains(.addsEthernet) || inner >= UInt64(PacketForm.linkHeaderByteCount)
      else { return .invalid }
    }
    if let error = buffer.insert(count, at: offset) { return error }
    guard encapsulates else { return nil }
    buffer.packet.notes.insert(.isEncapsulated)
    changeProtocol(of: buffer, toIPv4: .addsIPv4, toIPv6: .addsIPv6)
    return nil
  }

  private func shrink(_ buffer: SocketBuffer, _ offset: UInt64) -> LinuxError? {
    let allowed = RoomFlags.decapsulates.union([.fixedSegments, .keepsChecksum])
    guard flags.isSubset(of: allowed) else { return .invalid }
    if let error = buffer.remove(count, at: offset) { return error }
    changeProtocol(of: buffer, toIPv4: .removesIPv4, toIPv6: .removesIPv6)
    return nil
  }

  private func changeProtocol(
    of buffer: SocketBuffer, toIPv4 ipv4: RoomFlags, toIPv6 ipv6: RoomFlags
  ) {
    if buffer.networkProtocol == EtherType.ipv4, flags.contains(ipv6) {
      buffer.networkProtocol = EtherType.ipv6
    } else if buffer.networkProtocol == EtherType.ipv6, flags.contains(ipv4) {
      buffer.networkProtocol = EtherType.ipv4
    }
  }
}
