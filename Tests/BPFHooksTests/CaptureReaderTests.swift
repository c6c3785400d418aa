import BPFHooks
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a test keeps of a packet.
struct KeptPacket: Equatable, Sendable {
  var timestamp: CaptureTimestamp
  var originalByteCount: Int
  var bytes: [UInt8]
}

/// Why a capture cannot be opened.
func openingError(_ path: String) -> CaptureError? {
  #expect(throws: CaptureError.self) { _ = try CaptureReader(path: path) }
}

/// Reads to the end, or to an error, which comes back beside what was read before it.
func readAll(
  _ path: String
) throws(CaptureError) -> (packets: [KeptPacket], error: CaptureError?) {
  var reader = try CaptureReader(path: path)
  var packets: [KeptPacket] = []
  do {
    while let packet = try reader.next() {
      #expect(packet.number == packets.count + 1)
      packets.append(
        KeptPacket(
          timestamp: packet.timestamp, originalByteCount: packet.originalByteCount,
          bytes: packet.bytes.withUnsafeBytes { Array($0) }))
    }
    return (packets, nil)
  } catch {
    return (packets, error)
  }
}

/// The same of a temporary file.
func readAll(
  _ file: TemporaryFile
) throws(CaptureError) -> (packets: [KeptPacket], error: CaptureError?) {
  try readAll(file.path)
}

/// A reader of a temporary file.
func openedCapture(_ file: TemporaryFile) throws(CaptureError) -> CaptureReader {
  try CaptureReader(path: file.path)
}

@Suite("Reading captures")
struct CaptureReaderTests {
  static let ping: [UInt8] = Array(0..<64)

  @Test(
    "pcap in either byte order and either precision",
    arguments: [(false, false), (false, true), (true, false), (true, true)])
  func variants(isBigEndian: Bool, nanoseconds: Bool) throws {
    var capture = CaptureBytes(isBigEndian: isBigEndian, nanoseconds: nanoseconds)
    capture.append(packet: Self.ping, seconds: 1_700_000_000, fraction: 123_456)
    capture.append(packet: [1, 2, 3], seconds: 0xffff_ffff, fraction: 7, originalByteCount: 1500)
    let file = try TemporaryFile(capture.bytes)
    let scale: Int64 = nanoseconds ? 1 : 1000

    let (packets, error) = try readAll(file)
    #expect(error == nil)
    #expect(
      packets == [
        KeptPacket(
          timestamp: CaptureTimestamp(seconds: 1_700_000_000, nanoseconds: 123_456 * scale),
          originalByteCount: 64, bytes: Self.ping),
        KeptPacket(
          timestamp: CaptureTimestamp(seconds: 0xffff_ffff, nanoseconds: 7 * scale),
          originalByteCount: 1500, bytes: [1, 2, 3]),
      ])
    let reader = try openedCapture(file)
    let precision = reader.precision
    #expect(precision == (nanoseconds ? .nanoseconds : .microseconds))
    let linkType = reader.linkType
    #expect(linkType.isEthernet)
    #expect(linkType.name == "EN10MB")
  }

  @Test("pcapng keeps nanoseconds")
  func nextGeneration() throws {
    var capture = NextGenerationBytes()
    capture.append(interface: 1, resolution: 9)
    capture.append(interface: 1, resolution: 6)
    capture.append(packet: Self.ping, interface: 0, time: 1_700_000_000_123_456_789)
    capture.append(packet: [9, 9, 9], interface: 1, time: 1_700_000_000_123_456)
    let file = try TemporaryFile(capture.bytes)
    let (packets, error) = try readAll(file)
    #expect(error == nil)
    #expect(packets.map(\.timestamp.nanoseconds) == [123_456_789, 123_456_000])
    #expect(packets.map(\.bytes) == [Self.ping, [9, 9, 9]])
    let precision = try openedCapture(file).precision
    #expect(precision == .nanoseconds)
  }

  @Test("interfaces of different link types end a pcapng file with libpcap's words")
  func differentLinkTypes() throws {
    var capture = NextGenerationBytes()
    capture.append(interface: 1)
    capture.append(packet: Self.ping, interface: 0, time: 1)
    capture.append(interface: 113)
    capture.append(packet: Self.ping, interface: 1, time: 2)
    let file = try TemporaryFile(capture.bytes)
    let (packets, error) = try readAll(file)
    #expect(packets.count == 1)
    #expect(error?.reason == .malformed(packet: 2))
    #expect(error?.message.contains("different from the type of the first interface") == true)
  }

  @Test(
    "a link type has libpcap's name, or its number",
    arguments: [(113, "LINUX_SLL"), (12, "RAW"), (9999, "9999")] as [(Int32, String)])
  func linkTypes(number: Int32, name: String) throws {
    let linkType = LinkType(rawValue: number)
    #expect(linkType.name == name)
    #expect(!linkType.isEthernet)
  }

  @Test("progress goes from the header to the file's size")
  func progress() throws {
    var capture = CaptureBytes()
    for second in UInt32(0)..<3 { capture.append(packet: Self.ping, seconds: second, fraction: 0) }
    let file = try TemporaryFile(capture.bytes)
    var reader = try openedCapture(file)
    #expect(reader.byteCount == Int64(capture.bytes.count))
    var places = [reader.bytesRead]
    while try reader.next() != nil { places.append(reader.bytesRead) }
    #expect(places == [24, 104, 184, 264])
  }

  @Test("a pipe is read as well as a file, without progress")
  func readsPipe() throws {
    var capture = CaptureBytes(nanoseconds: true)
    capture.append(packet: Self.ping, seconds: 1, fraction: 2)
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    try #require(write(ends[1], capture.bytes, capture.bytes.count) == capture.bytes.count)
    close(ends[1])
    defer { close(ends[0]) }
    var reader = try CaptureReader(path: "/dev/fd/\(ends[0])")
    let (precision, byteCount) = (reader.precision, reader.byteCount)
    #expect(precision == .nanoseconds)
    #expect(byteCount == nil)
    var packets: [[UInt8]] = []
    while let packet = try reader.next() {
      packets.append(packet.bytes.withUnsafeBytes { Array($0) })
    }
    #expect(packets == [Self.ping])
    let bytesRead = reader.bytesRead
    #expect(bytesRead == nil)
  }

  @Test("a file cut at any length gives the packets before the cut, and no crash")
  func cutAnywhere() throws {
    var capture = CaptureBytes()
    for second in UInt32(0)..<2 { capture.append(packet: Self.ping, seconds: second, fraction: 0) }
    let step = CaptureBytes.packetHeaderByteCount + Self.ping.count
    for count in 0..<capture.bytes.count {
      let file = try TemporaryFile(Array(capture.bytes.prefix(count)))
      if count < CaptureBytes.fileHeaderByteCount {
        let error = withExtendedLifetime(file) { openingError(file.path) }
        #expect(error?.reason == .unreadable)
        continue
      }
      let (packets, error) = try readAll(file)
      let whole = (count - CaptureBytes.fileHeaderByteCount) / step
      let isClean = (count - CaptureBytes.fileHeaderByteCount) % step == 0
      #expect(packets.count == whole)
      #expect(error?.reason == (isClean ? nil : .malformed(packet: whole + 1)))
    }
  }

  @Test("a pcapng file cut at any length gives an error or fewer packets")
  func nextGenerationCutAnywhere() throws {
    var capture = NextGenerationBytes()
    capture.append(interface: 1)
    for time in UInt64(0)..<2 { capture.append(packet: Self.ping, interface: 0, time: time) }
    for count in 0..<capture.bytes.count {
      let file = try TemporaryFile(Array(capture.bytes.prefix(count)))
      do {
        let (packets, error) = try readAll(file)
        #expect(packets.count < 2)
        #expect(packets.allSatisfy { $0.bytes == Self.ping })
        if let error { #expect(error.reason == .malformed(packet: packets.count + 1)) }
      } catch {
        #expect(error.reason == .unreadable)
      }
    }
  }

  @Test("after an error there are no more packets")
  func nothingAfterError() throws {
    var capture = CaptureBytes()
    capture.append(packet: Self.ping, seconds: 0, fraction: 0)
    let file = try TemporaryFile(Array(capture.bytes.dropLast()))
    var reader = try openedCapture(file)
    #expect(throws: CaptureError.self) { _ = try reader.next() != nil }
    let isAtEnd = try reader.next() == nil
    #expect(isAtEnd)
  }

  @Test("corrupted copies give packets or an error that names the place", arguments: 0..<300)
  func corrupted(seed: Int) throws {
    var plain = CaptureBytes(nanoseconds: true)
    var next = NextGenerationBytes()
    next.append(interface: 1)
    for time in UInt32(0)..<3 {
      plain.append(packet: Self.ping, seconds: time, fraction: 0)
      next.append(packet: Self.ping, interface: 0, time: UInt64(time))
    }
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1
    for var bytes in [plain.bytes, next.bytes] {
      for _ in 0...(seed % 4) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
      }
      do {
        let (packets, error) = try readAll(try TemporaryFile(bytes))
        #expect(error == nil || error?.reason == .malformed(packet: packets.count + 1))
      } catch let error as CaptureError {
        #expect(error.reason == .unreadable)
      }
    }
  }

  @Test("a packet longer than any packet is malformed")
  func hugePacket() throws {
    var capture = CaptureBytes()
    for word in [0, 0, 0x7fff_ffff, 0x7fff_ffff] as [UInt32] { capture.append(word) }
    let file = try TemporaryFile(capture.bytes)
    let (packets, error) = try readAll(file)
    #expect(packets.isEmpty)
    #expect(error?.reason == .malformed(packet: 1))
  }

  @Test("files that are no captures say what they are not")
  func noCapture() throws {
    let text = try TemporaryFile(Array("certainly not a capture, but long enough".utf8))
    let empty = try TemporaryFile()
    let cases = [
      ("/nonexistent/file.pcap", "No such file or directory"), ("/", "Is a directory"),
      (text.path, "unknown file format"), (empty.path, "truncated"),
    ]
    defer { withExtendedLifetime((text, empty)) {} }
    for (path, words) in cases {
      let error = openingError(path)
      #expect(error?.reason == .unreadable)
      #expect(error?.path == path)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }
}
