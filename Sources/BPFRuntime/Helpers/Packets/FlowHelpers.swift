// UNSAFE. Helpers that look at a packet's headers by themselves.
//
// Relies on the invariant of PacketDescriptor: every header is found inside before it is read.

extension Helper {
  /// Marks congestion in the network layer's header, if it admits that: 1, otherwise 0.
  static let skbMarkCongestion = Helper(
    number: 97, name: "skb_ecn_set_ce", arguments: [.context], changesPacket: true
  ) { _, _, _, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else { return 0 }
    let header = buffer.packet.networkHeader
    switch InternetHeader.protocolBehindTags(of: buffer) {
    case EtherType.ipv4 where header &+ 20 <= buffer.packet.end:
      return InternetHeader.markIPv4(at: header)
    case EtherType.ipv6 where header &+ 40 <= buffer.packet.end:
      return InternetHeader.markIPv6(at: header)
    default: return 0
    }
  }

  /// The hash of the packet's flow: addresses, ports and protocol. Linux's is different each time
  /// that the kernel starts; this one is always the same for the same flow.
  static let getHashRecalculated = Helper(
    number: 34, name: "get_hash_recalc", arguments: [.context]
  ) { _, _, _, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    guard let buffer = SocketBuffer(cpu) else { return 0 }
    if buffer.hash == 0, !buffer.packet.notes.contains(.hasHash) {
      buffer.hash = InternetHeader.flowHash(of: buffer)
      buffer.packet.notes.insert(.hasHash)
    }
    return buffer.hash
  }

  /// Sets the packet's time: of the real clock (0), or of the monotonic (1) or the atomic one (2),
  /// which is never 0.
  static let skbSetTimestamp = Helper(
    number: 192, name: "skb_set_tstamp", arguments: [.context, .anything, .anything]
  ) { _, time, clock, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    guard [EtherType.ipv4, EtherType.ipv6].contains(buffer.networkProtocol) else {
      return LinuxError.operationNotSupported.helperResult
    }
    let clock = clock.asUInt32
    guard clock <= 2, clock == 0 || time != 0 else { return LinuxError.invalid.helperResult }
    buffer.setTimestamp(time, clock: clock)
    return 0
  }

  /// The transformation (IPsec) that a packet came through, by index: there is none.
  static let skbTransformState = Helper(
    number: 66, name: "skb_get_xfrm_state",
    arguments: [.context, .anything, .writableMemory(), .size(), .anything]
  ) { _, _, target, size, _, _ in
    GuestMemory.clear(target, count: Int(size.asUInt32))
    return LinuxError.invalid.helperResult
  }

  /// The class of the control group of the packet's socket; packets here have no socket.
  static let skbControlGroupClass = Helper(
    number: 151, name: "skb_cgroup_classid", arguments: [.context]
  ) { _, _, _, _, _, _ in 0 }

  /// The control group of the packet's socket; packets here have no socket.
  static let skbControlGroup = Helper(
    number: 79, name: "skb_cgroup_id", arguments: [.context]
  ) { _, _, _, _, _, _ in 0 }

  /// The same for a group above it.
  static let skbAncestorControlGroup = Helper(
    number: 83, name: "skb_ancestor_cgroup_id", arguments: [.context, .anything]
  ) { _, _, _, _, _, _ in 0 }
}

/// Fields of the network layer's header, at addresses that were found to be inside the packet.
private enum InternetHeader {
  /// The type of the network layer, whatever tags stand in front of it.
  static func protocolBehindTags(of buffer: SocketBuffer) -> UInt16 {
    var type = buffer.networkProtocol
    var offset = buffer.packet.linkHeader &+ UInt64(PacketForm.linkHeaderByteCount)
    for _ in 0..<8 where type == EtherType.vlan || type == EtherType.providerVLAN {
      guard offset &+ 4 <= buffer.packet.end else { return 0 }
      type = UInt16(bigEndian: GuestMemory.load(offset &+ 2, as: UInt16.self))
      offset &+= 4
    }
    return type
  }

  static func markIPv4(at header: UInt64) -> UInt64 {
    let service = GuestMemory.load(header &+ 1, as: UInt8.self)
    let code = (service &+ 1) & 3
    // Not capable: 0; marked already: 1.
    guard code & 2 != 0 else { return code == 0 ? 1 : 0 }
    // Marking adds one or two to the word that the checksum covers (RFC 1624); the form of a zero
    // is Linux's.
    let sum =
      UInt32(GuestMemory.load(header &+ 10, as: UInt16.self))
      &+ UInt32(UInt16(0xfffb).bigEndian) &+ UInt32(UInt16(code).bigEndian)
    let folded = UInt16(truncatingIfNeeded: sum &+ (sum >= 0xffff ? 1 : 0))
    GuestMemory.store(header &+ 10, UInt64(folded), as: UInt16.self)
    GuestMemory.store(header &+ 1, UInt64(service | 3), as: UInt8.self)
    return 1
  }

  static func markIPv6(at header: UInt64) -> UInt64 {
    let second = GuestMemory.load(header &+ 1, as: UInt8.self)
    guard second & 0x30 != 0 else { return 0 }
    GuestMemory.store(header &+ 1, UInt64(second | 0x30), as: UInt8.self)
    return 1
  }

  /// Addresses, protocol and ports of IP packets; the type of others.
  static func flowHash(of buffer: SocketBuffer) -> UInt64 {
    let header = buffer.packet.networkHeader
    let end = buffer.packet.end
    var words: [UInt64] = [UInt64(buffer.networkProtocol)]
    var transport: UInt64?
    switch buffer.networkProtocol {
    case EtherType.ipv4 where header &+ 20 <= end:
      let length = UInt64(GuestMemory.load(header, as: UInt8.self) & 0xf) &* 4
      let number = GuestMemory.load(header &+ 9, as: UInt8.self)
      let isFragment = GuestMemory.load(header &+ 6, as: UInt16.self).bigEndian & 0x3fff != 0
      words += [UInt64(number), GuestMemory.load(header &+ 12, as: UInt64.self)]
      if [6, 17, 132].contains(number), !isFragment { transport = header &+ length }
    case EtherType.ipv6 where header &+ 40 <= end:
      let number = GuestMemory.load(header &+ 6, as: UInt8.self)
      words.append(UInt64(number))
      words += (0..<4).map { GuestMemory.load(header &+ 8 &+ $0 &* 8, as: UInt64.self) }
      if [6, 17, 132].contains(number) { transport = header &+ 40 }
    default: break
    }
    if let transport, transport &+ 4 <= end {
      words.append(UInt64(GuestMemory.load(transport, as: UInt32.self)))
    }
    var state: UInt64 = 0
    for word in words {
      state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
      state ^= state &>> 29
    }
    // 0 stands for no hash.
    return max((state &* 0xbf58_476d_1ce4_e5b9) &>> 32, 1)
  }
}
