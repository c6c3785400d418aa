import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A capture file made byte by byte, so that readers are tested against the format and not against
/// our own writer.
struct CaptureBytes {
  var bytes: [UInt8]
  private let isBigEndian: Bool

  /// Bytes of the header of a file and of a packet.
  static let fileHeaderByteCount = 24
  static let packetHeaderByteCount = 16

  init(isBigEndian: Bool = false, nanoseconds: Bool = false, linkType: UInt32 = 1) {
    self.isBigEndian = isBigEndian
    bytes = []
    append(nanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4 as UInt32)
    append(2 as UInt16)
    append(4 as UInt16)
    append(0 as UInt32)
    append(0 as UInt32)
    append(65535 as UInt32)
    append(linkType)
  }

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) {
      bytes.append(contentsOf: $0)
    }
  }

  mutating func append(
    packet: [UInt8], seconds: UInt32, fraction: UInt32, originalByteCount: UInt32? = nil
  ) {
    append(seconds)
    append(fraction)
    append(UInt32(packet.count))
    append(originalByteCount ?? UInt32(packet.count))
    bytes += packet
  }
}

/// A pcapng file with the interfaces and packets that a test asks for.
struct NextGenerationBytes {
  private(set) var bytes: [UInt8] = []

  init() {
    append(block: 0x0a0d_0d0a, Self.words(0x1a2b_3c4d, 0x0000_0001, 0xffff_ffff, 0xffff_ffff))
  }

  /// Adds an interface; time counts in tenths to the power of `resolution`.
  mutating func append(interface linkType: UInt32, resolution: UInt8 = 6) {
    let option: [UInt8] = [9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]
    append(block: 1, Self.words(linkType, 65535) + option)
  }

  /// Adds a packet.
  mutating func append(packet: [UInt8], interface: UInt32, time: UInt64) {
    let count = UInt32(packet.count)
    let padding = [UInt8](repeating: 0, count: (4 - packet.count % 4) % 4)
    append(
      block: 6,
      Self.words(interface, UInt32(time >> 32), UInt32(truncatingIfNeeded: time), count, count)
        + packet + padding)
  }

  private mutating func append(block type: UInt32, _ body: [UInt8]) {
    let count = UInt32(body.count + 12)
    bytes += Self.words(type, count) + body + Self.words(count)
  }

  private static func words(_ values: UInt32...) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  }
}

/// A file of its own that goes away with the object: pass the object, not its path, so that it
/// stays as long as it is needed.
final class TemporaryFile: Sendable {
  let path: String

  init(_ bytes: [UInt8] = []) throws {
    var template = Array("/tmp/switchyard-capture-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(write(descriptor, bytes, bytes.count) == bytes.count)
  }

  deinit {
    unlink(path)
  }
}
