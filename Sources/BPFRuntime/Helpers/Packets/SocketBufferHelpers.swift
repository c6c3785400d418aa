// UNSAFE. The helpers that copy bytes out of and into socket buffers.
//
// Relies on the invariant of PacketDescriptor and on the checked signature: memory arguments are
// the program's for their whole size.

extension Helper {
  /// What socket filters may call besides what every type may.
  static let socketFilter: [Helper] = [skbLoadBytes, skbLoadBytesRelative]

  /// What programs of traffic control may call besides what every type may.
  static let trafficControl: [Helper] = [
    skbStoreBytes, l3ChecksumReplace, l4ChecksumReplace, getCgroupClass, redirectTrafficControl,
    getRouteRealm,
    skbLoadBytes, csumDiff, skbChangeType, skbChangeTail, skbPullData, csumUpdate, setHashInvalid,
    skbChangeHead, setHash, skbLoadBytesRelative, csumLevel, redirectPeer, redirectNeighbour,
    skbAdjustRoom, skbChangeProtocol, skbVLANPush, skbVLANPop, skbGetTunnelKey, skbSetTunnelKey,
    skbGetTunnelOptions, skbSetTunnelOptions, skbMarkCongestion, getHashRecalculated,
    skbSetTimestamp, skbTransformState, skbControlGroupClass, skbControlGroup,
    skbAncestorControlGroup, routeLookup, socketBufferCheckMTU,
    cloneRedirect, socketBufferUnderControlGroup,
  ]

  /// Copies bytes out of the packet, or zeros when they are not all inside.
  static let skbLoadBytes = Helper(
    number: 26, name: "skb_load_bytes",
    arguments: [.context, .anything, .writableMemory(), .size()]
  ) { _, offset, buffer, count, _, cpu in
    copyOrClear(offset: offset, buffer, count, limit: 0x7fff_ffff, in: RunningCPU(address: cpu)) {
      $0.data
    }
  }

  /// The same, relative to the link layer's (0) or the network layer's header (1).
  static let skbLoadBytesRelative = Helper(
    number: 68, name: "skb_load_bytes_relative",
    arguments: [.context, .anything, .writableMemory(), .size(), .anything]
  ) { _, offset, buffer, count, base, cpu in
    copyOrClear(offset: offset, buffer, count, limit: 0xffff, in: RunningCPU(address: cpu)) {
      switch base.asUInt32 {
      case 0: $0.linkHeader
      case 1: $0.networkHeader
      default: nil
      }
    }
  }

  private static func copyOrClear(
    offset: UInt64, _ buffer: UInt64, _ count: UInt64, limit: UInt64, in cpu: RunningCPU,
    from base: (PacketDescriptor) -> UInt64?
  ) -> UInt64 {
    let offset = offset.asUInt32
    let count = count.asUInt32
    guard let packet = cpu.packet, offset <= limit, let start = base(packet),
      start &+ offset &+ count <= packet.end
    else {
      GuestMemory.clear(buffer, count: Int(count))
      return LinuxError.badAddress.helperResult
    }
    GuestMemory.move(start &+ offset, to: buffer, count: Int(count))
    return 0
  }

  /// Copies bytes into the packet.
  ///
  /// Flag 1 keeps a checksum over the whole packet up to date, which packets here never have;
  /// flag 2 forgets the hash.
  private static let skbStoreBytes = Helper(
    number: 9, name: "skb_store_bytes",
    arguments: [.context, .anything, .readableMemory(), .size(), .anything], changesPacket: true
  ) { _, offset, buffer, count, flags, cpu in
    let cpu = RunningCPU(address: cpu)
    guard flags & ~3 == 0, let socketBuffer = SocketBuffer(cpu) else {
      return LinuxError.invalid.helperResult
    }
    let offset = offset.asUInt32
    let count = count.asUInt32
    guard let packet = cpu.packet, offset <= 0x7fff_ffff, offset &+ count <= packet.byteCount
    else { return LinuxError.badAddress.helperResult }
    GuestMemory.move(buffer, to: packet.data &+ offset, count: Int(count))
    if flags & 2 != 0 { socketBuffer.forgetHash() }
    return 0
  }

  /// Makes bytes of the packet directly accessible, which they always are here.
  private static let skbPullData = Helper(
    number: 39, name: "skb_pull_data", arguments: [.context, .anything], changesPacket: true
  ) { _, count, _, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet, count.asUInt32 <= packet.byteCount else {
      return LinuxError.noMemory.helperResult
    }
    return 0
  }
}

/// The fields of a socket buffer that helpers change.
struct SocketBuffer {
  /// Address of the context.
  private let context: UInt64
  /// The packet.
  let packet: PacketDescriptor

  /// The context of the current run; `nil` when it is none of a socket buffer, as it can be in an
  /// embedder's own types.
  init?(_ cpu: RunningCPU) {
    guard let packet = cpu.packet, packet.isSocketBuffer else { return nil }
    context = cpu.context
    self.packet = packet
  }

  /// `protocol`, in host byte order.
  var networkProtocol: UInt16 {
    get { UInt16(truncatingIfNeeded: word(SocketBufferOffset.protocol)).bigEndian }
    nonmutating set { setWord(SocketBufferOffset.protocol, UInt64(newValue.bigEndian)) }
  }
  /// `vlan_tci`, if there is a tag beside the packet.
  var vlanTag: VLANTag? {
    get {
      guard word(SocketBufferOffset.vlanPresent) != 0 else { return nil }
      return VLANTag(
        networkProtocol:
          UInt16(truncatingIfNeeded: word(SocketBufferOffset.vlanProtocol)).bigEndian,
        control: UInt16(truncatingIfNeeded: word(SocketBufferOffset.vlanTag)))
    }
    nonmutating set {
      setWord(SocketBufferOffset.vlanPresent, newValue == nil ? 0 : 1)
      setWord(SocketBufferOffset.vlanTag, UInt64(newValue?.control ?? 0))
      setWord(SocketBufferOffset.vlanProtocol, UInt64(newValue?.networkProtocol.bigEndian ?? 0))
    }
  }
  /// `tstamp` and `tstamp_type`.
  func setTimestamp(_ nanoseconds: UInt64, clock: UInt64) {
    GuestMemory.store(
      context &+ UInt64(SocketBufferOffset.timestamp), nanoseconds, as: UInt64.self)
    GuestMemory.store(
      context &+ UInt64(SocketBufferOffset.timestampType), clock, as: UInt8.self)
  }
  /// Forgets the packet's hash.
  func forgetHash() {
    hash = 0
    packet.notes.remove(.hasHash)
  }

  /// `len`.
  var byteCount: UInt64 {
    get { word(SocketBufferOffset.byteCount) }
    nonmutating set { setWord(SocketBufferOffset.byteCount, newValue) }
  }
  /// `pkt_type`.
  var packetType: UInt64 {
    get { word(SocketBufferOffset.packetType) }
    nonmutating set { setWord(SocketBufferOffset.packetType, newValue) }
  }
  /// `hash`.
  var hash: UInt64 {
    get { word(SocketBufferOffset.hash) }
    nonmutating set { setWord(SocketBufferOffset.hash, newValue) }
  }

  private func word(_ offset: Int) -> UInt64 {
    UInt64(GuestMemory.load(context &+ UInt64(offset), as: UInt32.self))
  }

  private func setWord(_ offset: Int, _ value: UInt64) {
    GuestMemory.store(context &+ UInt64(offset), value, as: UInt32.self)
  }
}
