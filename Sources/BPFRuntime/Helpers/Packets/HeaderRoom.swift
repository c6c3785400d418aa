// UNSAFE. Moves headers apart and together.
//
// Relies on the invariant of PacketDescriptor, and keeps it. A packet's buffer does not move while
// a program runs, so growth ends where the buffer does.

extension SocketBuffer {
  /// Bytes of the link layer's header: what stands before the network layer's.
  var linkHeaderByteCount: UInt64 { packet.networkHeader &- packet.linkHeader }

  /// Makes room of zeros at an offset from the packet's start; the headers before it move to the
  /// front.
  func insert(_ count: UInt64, at offset: UInt64) -> LinuxError? {
    guard count <= packet.data &- packet.bufferStart, offset <= packet.end &- packet.data else {
      return .noMemory
    }
    let old = packet.data
    packet.data = old &- count
    GuestMemory.move(old, to: packet.data, count: Int(offset))
    GuestMemory.clear(packet.data &+ offset, count: Int(count))
    moveHeaders(by: 0 &- count)
    byteCount &+= count
    return nil
  }

  /// Takes bytes out at an offset from the packet's start; the headers before them move to the
  /// back.
  func remove(_ count: UInt64, at offset: UInt64) -> LinuxError? {
    guard offset &+ count <= packet.end &- packet.data else { return .noMemory }
    let old = packet.data
    GuestMemory.move(old, to: old &+ count, count: Int(offset))
    packet.data = old &+ count
    moveHeaders(by: count)
    byteCount &-= count
    return nil
  }

  /// The metadata in front of the packet does not survive.
  private func moveHeaders(by distance: UInt64) {
    packet.metadata = packet.data
    packet.linkHeader &+= distance
    packet.networkHeader &+= distance
  }
}
