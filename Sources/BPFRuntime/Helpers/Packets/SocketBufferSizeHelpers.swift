// UNSAFE. The helpers that move the ends of a socket buffer.
//
// Relies on the invariant of PacketDescriptor, and keeps it. A packet's buffer does not move while
// a program runs, so growth ends where the buffer does.

extension Helper {
  /// Cuts the packet to a length, or fills it up with zeros.
  static let skbChangeTail = Helper(
    number: 38, name: "skb_change_tail", arguments: [.context, .anything, .anything],
    changesPacket: true
  ) { context, count, flags, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let count = count.asUInt32
    // What lies before the network layer's header stays.
    let minimum =
      packet.networkHeader > packet.data ? packet.networkHeader &- packet.data : 0
    guard flags == 0, count >= minimum, count <= UInt64(PacketForm.longestSocketBuffer) else {
      return LinuxError.invalid.helperResult
    }
    guard count <= packet.bufferEnd &- packet.data else { return LinuxError.noMemory.helperResult }
    let end = packet.data &+ count
    if end > packet.end { GuestMemory.clear(packet.end, count: Int(end &- packet.end)) }
    packet.end = end
    SocketBuffer(context: context).byteCount = count
    return 0
  }

  /// Makes room in front of the packet, filled with zeros; the link layer's header starts there.
  static let skbChangeHead = Helper(
    number: 43, name: "skb_change_head", arguments: [.context, .anything, .anything],
    changesPacket: true
  ) { context, count, flags, _, _, cpu in
    guard let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let added = count.asUInt32
    let byteCount = packet.byteCount &+ added
    guard flags == 0, byteCount <= UInt64(PacketForm.longestSocketBuffer) else {
      return LinuxError.invalid.helperResult
    }
    guard added <= packet.data &- packet.bufferStart else {
      return LinuxError.noMemory.helperResult
    }
    packet.data = packet.data &- added
    GuestMemory.clear(packet.data, count: Int(added))
    packet.metadata = packet.data
    packet.linkHeader = packet.data
    SocketBuffer(context: context).byteCount = byteCount
    return 0
  }

  /// Sets `pkt_type`.
  static let skbChangeType = Helper(
    number: 32, name: "skb_change_type", arguments: [.context, .anything]
  ) { context, type, _, _, _, _ in
    let buffer = SocketBuffer(context: context)
    // Host, broadcast, multicast, other host.
    guard buffer.packetType <= 3, type.asUInt32 <= 3 else { return LinuxError.invalid.helperResult }
    buffer.packetType = type.asUInt32
    return 0
  }
}
