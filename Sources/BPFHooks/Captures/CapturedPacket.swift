/// When a packet was captured, since 1970.
public struct CaptureTimestamp: Hashable, Sendable {
  /// Whole seconds.
  public var seconds: Int64
  /// Nanoseconds of the second; as the file says, so a malformed file can exceed a second.
  public var nanoseconds: Int64

  /// Puts the parts together.
  public init(seconds: Int64, nanoseconds: Int64) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// All of it in nanoseconds; wraps around where a malformed file goes past the year 2262.
  public var nanosecondsSinceEpoch: Int64 { seconds &* 1_000_000_000 &+ nanoseconds }

  /// How finely a capture file counts.
  public enum Precision: Hashable, Sendable {
    /// The plain pcap format.
    case microseconds
    /// pcap's nanosecond variant, and pcapng.
    case nanoseconds
  }
}

/// One packet of a capture: a view of the reader's memory, gone when the reader moves on.
public struct CapturedPacket: ~Escapable {
  /// The place in the file, from 1.
  public let number: Int
  /// When it was captured.
  public let timestamp: CaptureTimestamp
  /// How long it was on the wire, in bytes; at least as many as were captured, in a sane file.
  public let originalByteCount: Int
  /// The captured bytes.
  public let bytes: RawSpan

  /// Puts the parts together; the packet lives as long as the memory of `bytes`.
  @_lifetime(copy bytes)
  init(number: Int, timestamp: CaptureTimestamp, originalByteCount: Int, bytes: RawSpan) {
    self.number = number
    self.timestamp = timestamp
    self.originalByteCount = originalByteCount
    self.bytes = bytes
  }

  /// Whether the capture kept only the beginning of the packet.
  public var isCut: Bool { originalByteCount > bytes.byteCount }
}
