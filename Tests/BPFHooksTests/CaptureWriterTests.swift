import BPFHooks
import Testing

/// Writes a whole capture.
func write(
  _ packets: [KeptPacket], to path: String, linkType: LinkType = .ethernet,
  precision: CaptureTimestamp.Precision
) throws(CaptureError) {
  var writer = try CaptureWriter(path: path, linkType: linkType, precision: precision)
  for packet in packets {
    try writer.write(
      packet.bytes.span.bytes, at: packet.timestamp, originalByteCount: packet.originalByteCount)
  }
  try writer.flush()
}

/// Writes a whole capture to a temporary file.
func write(
  _ packets: [KeptPacket], to file: TemporaryFile, linkType: LinkType = .ethernet,
  precision: CaptureTimestamp.Precision
) throws(CaptureError) {
  try write(packets, to: file.path, linkType: linkType, precision: precision)
}

@Suite("Writing captures")
struct CaptureWriterTests {
  static let packets = [
    KeptPacket(
      timestamp: CaptureTimestamp(seconds: 1_700_000_000, nanoseconds: 999_999_999),
      originalByteCount: 5, bytes: [1, 2, 3, 4, 5]),
    KeptPacket(
      timestamp: CaptureTimestamp(seconds: 0, nanoseconds: 0), originalByteCount: 9000,
      bytes: [UInt8](repeating: 0xee, count: 1514)),
    KeptPacket(
      timestamp: CaptureTimestamp(seconds: 1, nanoseconds: 1000), originalByteCount: 0, bytes: []),
  ]

  @Test("what is written is read back")
  func roundTrip() throws {
    let file = try TemporaryFile()
    try write(Self.packets, to: file, precision: .nanoseconds)
    let (packets, error) = try readAll(file)
    #expect(error == nil)
    #expect(packets == Self.packets)
    let precision = try openedCapture(file).precision
    #expect(precision == .nanoseconds)
  }

  @Test("a file of microseconds cuts nanoseconds off")
  func microseconds() throws {
    let file = try TemporaryFile()
    try write(
      Self.packets, to: file, linkType: LinkType(rawValue: 12), precision: .microseconds)
    let (packets, _) = try readAll(file)
    #expect(packets.map(\.timestamp.nanoseconds) == [999_999_000, 0, 1000])
    let reader = try openedCapture(file)
    let (precision, linkType) = (reader.precision, reader.linkType)
    #expect(precision == .microseconds)
    #expect(linkType.name == "RAW")
  }

  @Test("a full disk is noticed")
  func fullDisk() throws {
    #expect(throws: CaptureError(path: "/dev/full", reason: .unwritable, message: "")) {
      do throws(CaptureError) {
        try write(Self.packets, to: "/dev/full", precision: .nanoseconds)
      } catch {
        throw CaptureError(path: error.path, reason: error.reason, message: "")
      }
    }
  }

  @Test("a file that cannot be created is an error")
  func noSuchFolder() throws {
    let error = #expect(throws: CaptureError.self) {
      _ = try CaptureWriter(path: "/nonexistent/file.pcap")
    }
    #expect(error?.reason == .unwritable)
    #expect(error?.message == "No such file or directory")
  }

  @Test("a packet that no reader would accept is refused")
  func tooLong() throws {
    let file = try TemporaryFile()
    let packet = KeptPacket(
      timestamp: CaptureTimestamp(seconds: 0, nanoseconds: 0), originalByteCount: 0,
      bytes: [UInt8](repeating: 0, count: CaptureWriter.maximumPacketByteCount + 1))
    let error = #expect(throws: CaptureError.self) {
      try write([packet], to: file, precision: .nanoseconds)
    }
    #expect(error?.reason == .unwritable)
  }
}
