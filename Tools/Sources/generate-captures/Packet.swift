typealias Bytes = [UInt8]

/// A frame and what it is there to show.
struct Packet {
  let name: String
  let bytes: Bytes

  init(_ name: String, _ bytes: Bytes) {
    self.name = name
    self.bytes = bytes
  }
}

extension FixedWidthInteger {
  /// In network byte order.
  var wire: Bytes {
    (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
  }

  fileprivate var little: Bytes { wire.reversed() }
}

/// The Internet checksum (RFC 1071) in network byte order.
func internetChecksum(_ bytes: Bytes) -> Bytes {
  var sum: UInt32 = 0
  for index in stride(from: 0, to: bytes.count, by: 2) {
    let low = index + 1 < bytes.count ? bytes[index + 1] : 0
    sum += UInt32(bytes[index]) << 8 | UInt32(low)
  }
  while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
  return (~UInt16(sum)).wire
}

/// A capture in the classic format, link type Ethernet, a millisecond between packets.
func captureFile(of packets: [Bytes]) -> Bytes {
  var file = UInt32(0xa1b2_c3d4).little + UInt16(2).little + UInt16(4).little
  file += Bytes(repeating: 0, count: 8) + UInt32(65535).little + UInt32(1).little
  for (index, packet) in packets.enumerated() {
    file += UInt32(1_700_000_000).little + UInt32(index * 1000).little
    file += UInt32(packet.count).little + UInt32(packet.count).little + packet
  }
  return file
}

extension Bytes {
  /// A copy in which the bytes from `offset` on are others.
  func replacing(at offset: Int, with bytes: Bytes) -> Bytes {
    var copy = self
    copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return copy
  }

  /// The same with an IPv4 header at `header`, whose checksum is made right again.
  func replacing(at offset: Int, with bytes: Bytes, inHeaderAt header: Int) -> Bytes {
    var copy = replacing(at: offset, with: bytes).replacing(at: header + 10, with: [0, 0])
    let length = Swift.min(Int(copy[header] & 15) * 4, copy.count - header)
    copy = copy.replacing(
      at: header + 10, with: internetChecksum(Bytes(copy[header..<header + length])))
    return copy
  }
}
