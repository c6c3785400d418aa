// UNSAFE. The key and the options of the tunnel that goes with a socket buffer.
//
// Relies on the invariant of PacketDescriptor: there are 48 bytes for a key and 255 for options.
// Memory arguments are the program's for their whole size.

extension Helper {
  /// Copies out the key of the tunnel that the packet came through: none, unless a program has set
  /// one. What was set comes back with both ends exchanged, as in Linux.
  static let skbGetTunnelKey = Helper(
    number: 20, name: "skb_get_tunnel_key",
    arguments: [.context, .writableMemory(), .size(), .anything]
  ) { _, target, size, flags, _, cpu in
    let size = size.asUInt32
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let known = TunnelKey.Flags(rawValue: flags)
    if let error = TunnelKey.refusal(of: known, size, for: packet) {
      GuestMemory.clear(target, count: Int(size))
      return error.helperResult
    }
    var key = TunnelKey(bytes: GuestMemory.bytes(at: packet.tunnelKey &+ 8, count: 48))
    let flagWord = GuestMemory.load(packet.tunnelKey, as: UInt64.self)
    key.exchangeEnds(isIPv6: known.contains(.ipv6))
    key.setExtension(
      known.contains(.wantsHeader) ? TunnelKey.shownFlags(UInt16(truncatingIfNeeded: flagWord)) : 0)
    GuestMemory.write(Array(key.bytes.prefix(Int(size))), to: target)
    return 0
  }

  /// Sets the key of the tunnel that the packet is to take.
  static let skbSetTunnelKey = Helper(
    number: 21, name: "skb_set_tunnel_key",
    arguments: [.context, .readableMemory(), .size(), .anything]
  ) { _, source, size, flags, _, cpu in
    let size = size.asUInt32
    let flags = TunnelKey.Flags(rawValue: flags)
    guard let packet = RunningCPU(address: cpu).packet, flags.isSubset(of: .settable),
      TunnelKey.sizes.contains(size)
    else { return LinuxError.invalid.helperResult }
    let given = GuestMemory.bytes(at: source, count: Int(size))
    var key = TunnelKey(bytes: given + [UInt8](repeating: 0, count: 48 - given.count))
    guard key.extensionWord == 0, flags.contains(.ipv6) || key.label == 0 else {
      return LinuxError.invalid.helperResult
    }
    // A flow's label has twenty bits.
    key.bytes[26] &= 0x0f
    key.bytes[27] = 0
    GuestMemory.store(packet.tunnelKey, UInt64(flags.header), as: UInt64.self)
    GuestMemory.store(
      packet.tunnelKey &+ 2, flags.contains(.ipv6) ? 1 : 0, as: UInt16.self)
    GuestMemory.write(key.bytes, to: packet.tunnelKey &+ 8)
    GuestMemory.store(packet.tunnelOptions, 0, as: UInt64.self)
    packet.notes.insert(.hasTunnel)
    return 0
  }

  /// Copies out the options of the tunnel; returns how many bytes they are.
  static let skbGetTunnelOptions = Helper(
    number: 29, name: "skb_get_tunnel_opt", arguments: [.context, .writableMemory(), .size()]
  ) { _, target, size, _, _, cpu in
    let size = size.asUInt32
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let count =
      packet.notes.contains(.hasTunnel)
      ? GuestMemory.load(packet.tunnelOptions, as: UInt64.self) : 0
    GuestMemory.clear(target, count: Int(size))
    guard count > 0 else { return LinuxError.noEntry.helperResult }
    guard size >= count else { return LinuxError.noMemory.helperResult }
    GuestMemory.move(packet.tunnelOptions &+ 8, to: target, count: Int(count))
    return count
  }

  /// Sets the options of a tunnel whose key was set before; a multiple of four bytes up to 255.
  static let skbSetTunnelOptions = Helper(
    number: 30, name: "skb_set_tunnel_opt", arguments: [.context, .readableMemory(), .size()]
  ) { _, source, size, _, _, cpu in
    let size = size.asUInt32
    guard let packet = RunningCPU(address: cpu).packet, packet.notes.contains(.hasTunnel),
      size % 4 == 0
    else { return LinuxError.invalid.helperResult }
    guard size <= 255 else { return LinuxError.noMemory.helperResult }
    GuestMemory.move(source, to: packet.tunnelOptions &+ 8, count: Int(size))
    GuestMemory.store(packet.tunnelOptions, size, as: UInt64.self)
    return 0
  }
}

/// `struct bpf_tunnel_key`: 44 bytes, here with four more.
private struct TunnelKey {
  var bytes: [UInt8]

  /// Flags of both calls (`BPF_F_*`).
  struct Flags: OptionSet {
    var rawValue: UInt64

    static let ipv6 = Flags(rawValue: 1 << 0)
    static let noChecksum = Flags(rawValue: 1 << 1)
    static let neverFragments = Flags(rawValue: 1 << 2)
    static let numbers = Flags(rawValue: 1 << 3)
    static let hasNoKey = Flags(rawValue: 1 << 4)
    /// Of reading: the header's flags instead of nothing.
    static let wantsHeader = Flags(rawValue: 1 << 4)

    static let settable: Flags = [.ipv6, .noChecksum, .neverFragments, .numbers, .hasNoKey]

    /// The header's flags that follow: a key and a checksum unless told otherwise.
    var header: UInt16 {
      var header: UInt16 = 0x2000
      if !contains(.hasNoKey) { header |= 0x0004 }
      if !contains(.noChecksum) { header |= 0x0001 }
      if contains(.neverFragments) { header |= 0x0100 }
      if contains(.numbers) { header |= 0x0008 }
      return header
    }
  }

  /// The struct's size, and the sizes that it had in older kernels.
  static let sizes: Set<UInt64> = [44, 28, 24, 22, 8]

  /// Why a key cannot be copied out.
  static func refusal(
    of flags: Flags, _ size: UInt64, for packet: PacketDescriptor
  ) -> LinuxError? {
    guard packet.notes.contains(.hasTunnel), flags.isSubset(of: [.ipv6, .wantsHeader]) else {
      return .invalid
    }
    let isIPv6 = GuestMemory.load(packet.tunnelKey &+ 2, as: UInt16.self) != 0
    guard isIPv6 == flags.contains(.ipv6) else { return .protocolError }
    guard sizes.contains(size), size != 8 || !isIPv6 else { return .invalid }
    return nil
  }

  /// The header's flags in network byte order.
  static func shownFlags(_ header: UInt16) -> UInt16 { header.bigEndian }

  var extensionWord: UInt16 { UInt16(bytes[22]) | UInt16(bytes[23]) << 8 }
  var label: UInt32 {
    UInt32(bytes[24]) | UInt32(bytes[25]) << 8 | UInt32(bytes[26]) << 16 | UInt32(bytes[27]) << 24
  }

  mutating func setExtension(_ word: UInt16) {
    bytes[22] = UInt8(truncatingIfNeeded: word)
    bytes[23] = UInt8(truncatingIfNeeded: word >> 8)
  }

  /// A key says where to; the one who reads it asks where from.
  mutating func exchangeEnds(isIPv6: Bool) {
    let count = isIPv6 ? 16 : 4
    let remote = Array(bytes[4..<4 + count])
    let local = Array(bytes[28..<28 + count])
    for offset in 0..<16 {
      bytes[4 + offset] = offset < count ? local[offset] : 0
      bytes[28 + offset] = offset < count ? remote[offset] : 0
    }
    if !isIPv6 { for offset in 24..<28 { bytes[offset] = 0 } }
  }
}
