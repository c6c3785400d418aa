// UNSAFE. The helpers that move the ends of an XDP frame.
//
// Relies on the invariant of PacketDescriptor, and keeps it: every end is checked against its
// neighbours before it is moved.

extension Helper {
  /// What XDP programs may call besides what every type may.
  static let xdp: [Helper] = [
    csumDiff, redirectXDP, redirectMap, xdpAdjustHead, xdpAdjustMeta, xdpAdjustTail,
    xdpGetBufferLength, xdpLoadBytes, xdpStoreBytes, routeLookup, frameCheckMTU,
  ]

  /// Moves the start of the packet, and the metadata with it.
  private static let xdpAdjustHead = Helper(
    number: 44, name: "xdp_adjust_head", arguments: [.context, .anything], changesPacket: true
  ) { _, offset, _, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let metadataCount = packet.data &- packet.metadata
    let start = UInt64(bitPattern: Int64(bitPattern: packet.data) &+ offset.asInt32)
    guard start >= packet.bufferStart &+ metadataCount,
      start <= packet.end &- UInt64(PacketForm.linkHeaderByteCount)
    else { return LinuxError.invalid.helperResult }
    if metadataCount > 0 {
      GuestMemory.move(packet.metadata, to: start &- metadataCount, count: Int(metadataCount))
    }
    packet.metadata = start &- metadataCount
    packet.data = start
    return 0
  }

  /// Moves the start of the metadata.
  private static let xdpAdjustMeta = Helper(
    number: 54, name: "xdp_adjust_meta", arguments: [.context, .anything], changesPacket: true
  ) { _, offset, _, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let start = UInt64(bitPattern: Int64(bitPattern: packet.metadata) &+ offset.asInt32)
    guard start >= packet.bufferStart, start <= packet.data else {
      return LinuxError.invalid.helperResult
    }
    let byteCount = packet.data &- start
    guard byteCount % 4 == 0, byteCount <= 252 else { return LinuxError.accessDenied.helperResult }
    packet.metadata = start
    return 0
  }

  /// Moves the end of the packet; what it gains is zero.
  private static let xdpAdjustTail = Helper(
    number: 65, name: "xdp_adjust_tail", arguments: [.context, .anything], changesPacket: true
  ) { _, offset, _, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    if packet.fragmentByteCount > 0 { return packet.moveEndOfFragments(by: offset.asInt32) }
    let end = UInt64(bitPattern: Int64(bitPattern: packet.end) &+ offset.asInt32)
    guard end <= packet.bufferEnd, end >= packet.data &+ UInt64(PacketForm.linkHeaderByteCount)
    else { return LinuxError.invalid.helperResult }
    if end > packet.end { GuestMemory.clear(packet.end, count: Int(end &- packet.end)) }
    packet.end = end
    return 0
  }

  /// Bytes of the packet without its metadata.
  private static let xdpGetBufferLength = Helper(
    number: 188, name: "xdp_get_buff_len", arguments: [.context]
  ) { _, _, _, _, _, cpu in
    RunningCPU(address: cpu).packet?.byteCount ?? 0
  }

  /// Copies bytes out of the packet.
  private static let xdpLoadBytes = Helper(
    number: 189, name: "xdp_load_bytes",
    arguments: [.context, .anything, .writableMemory(), .size()]
  ) { _, offset, buffer, count, _, cpu in
    let packet = RunningCPU(address: cpu).packet
    if let error = packet.frameError(offset: offset.asUInt32, count: count.asUInt32) {
      return error.helperResult
    }
    guard let packet else { return LinuxError.invalid.helperResult }
    GuestMemory.move(packet.data &+ offset.asUInt32, to: buffer, count: Int(count.asUInt32))
    return 0
  }

  /// Copies bytes into the packet.
  private static let xdpStoreBytes = Helper(
    number: 190, name: "xdp_store_bytes",
    arguments: [.context, .anything, .readableMemory(), .size()]
  ) { _, offset, buffer, count, _, cpu in
    let packet = RunningCPU(address: cpu).packet
    if let error = packet.frameError(offset: offset.asUInt32, count: count.asUInt32) {
      return error.helperResult
    }
    guard let packet else { return LinuxError.invalid.helperResult }
    GuestMemory.move(buffer, to: packet.data &+ offset.asUInt32, count: Int(count.asUInt32))
    return 0
  }
}

extension PacketDescriptor {
  /// Moves the end of a packet with fragments, which are pages: the last one can grow until it is
  /// full, and what goes is taken from the fragments first, then from the piece before them.
  fileprivate func moveEndOfFragments(by offset: Int64) -> UInt64 {
    let page = UInt64(PacketForm.pageByteCount)
    guard offset < 0 else {
      let room = page &- ((fragmentByteCount &- 1) % page &+ 1)
      guard UInt64(offset) <= room else { return LinuxError.invalid.helperResult }
      GuestMemory.clear(end &+ fragmentByteCount, count: Int(offset))
      fragmentByteCount &+= UInt64(offset)
      return 0
    }
    let removed = UInt64(offset.magnitude)
    guard removed &+ UInt64(PacketForm.linkHeaderByteCount) <= byteCount else {
      return LinuxError.invalid.helperResult
    }
    let fromFragments = min(removed, fragmentByteCount)
    fragmentByteCount &-= fromFragments
    end &-= removed &- fromFragments
    return 0
  }
}

extension PacketDescriptor? {
  /// Why bytes of a frame cannot be copied; `nil` when they are inside.
  fileprivate func frameError(offset: UInt64, count: UInt64) -> LinuxError? {
    guard offset <= 0xffff, count <= 0xffff else { return .badAddress }
    guard let self, offset &+ count <= self.byteCount else { return .invalid }
    return nil
  }
}
