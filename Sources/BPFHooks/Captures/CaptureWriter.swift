import CPcap

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes a pcap file, with libpcap.
///
/// SAFETY: `handle` and `dumper` are open from `init` to `deinit` and nobody else has them; `write`
/// gives libpcap the bytes for the time of the call only.
@safe
public struct CaptureWriter: ~Copyable {
  private let handle: OpaquePointer
  private let dumper: OpaquePointer
  private let path: String
  private let precision: CaptureTimestamp.Precision

  /// The most bytes of a packet, which is what readers accept.
  public static let maximumPacketByteCount = 262_144

  /// Creates a capture, or replaces it; `-` is standard output, which is left open at the end.
  ///
  /// - Throws: ``CaptureError`` with the reason ``CaptureError/Reason/unwritable``.
  public init(
    path: String, linkType: LinkType = .ethernet,
    precision: CaptureTimestamp.Precision = .nanoseconds
  ) throws(CaptureError) {
    let unit = precision == .nanoseconds ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO
    let opened = unsafe pcap_open_dead_with_tstamp_precision(
      linkType.rawValue, Int32(Self.maximumPacketByteCount), UInt32(unit))
    guard let opened = unsafe opened else {
      throw CaptureError(path: path, reason: .unwritable, message: "out of memory")
    }
    guard let file = unsafe openStream(path, standard: STDOUT_FILENO, mode: "wb") else {
      let message = systemMessage()
      unsafe pcap_close(opened)
      throw CaptureError(path: path, reason: .unwritable, message: message)
    }
    guard let dumper = unsafe pcap_dump_fopen(opened, file) else {
      let message = unsafe String(cString: pcap_geterr(opened))
      unsafe fclose(file)
      unsafe pcap_close(opened)
      throw CaptureError(path: path, reason: .unwritable, message: message)
    }
    unsafe handle = opened
    unsafe self.dumper = dumper
    self.path = path
    self.precision = precision
  }

  deinit {
    unsafe pcap_dump_close(dumper)
    unsafe pcap_close(handle)
  }

  /// Appends a packet.
  ///
  /// - Parameters:
  ///   - bytes: What is kept of it.
  ///   - timestamp: When it was captured; nanoseconds are cut off in a file of microseconds.
  ///   - originalByteCount: How long it was; by default as long as `bytes`.
  /// - Throws: ``CaptureError`` when the packet is too long or the file cannot be written.
  public mutating func write(
    _ bytes: RawSpan, at timestamp: CaptureTimestamp, originalByteCount: Int? = nil
  ) throws(CaptureError) {
    guard bytes.byteCount <= Self.maximumPacketByteCount else {
      throw failure("a packet of \(bytes.byteCount) bytes is too long")
    }
    var header = pcap_pkthdr()
    header.ts.tv_sec = .init(truncatingIfNeeded: timestamp.seconds)
    header.ts.tv_usec = .init(
      truncatingIfNeeded: precision == .nanoseconds
        ? timestamp.nanoseconds : timestamp.nanoseconds / 1000)
    header.caplen = UInt32(truncatingIfNeeded: bytes.byteCount)
    header.len = UInt32(truncatingIfNeeded: originalByteCount ?? bytes.byteCount)
    let target = unsafe UnsafeMutablePointer<UInt8>(dumper)
    unsafe bytes.withUnsafeBytes { buffer in
      unsafe pcap_dump(target, &header, buffer.bindMemory(to: UInt8.self).baseAddress)
    }
    try check()
  }

  /// Writes out what is buffered. Call it at the end: only here does a full disk show.
  ///
  /// - Throws: ``CaptureError`` with the reason ``CaptureError/Reason/unwritable``.
  public mutating func flush() throws(CaptureError) {
    guard unsafe pcap_dump_flush(dumper) == 0 else { throw failure("the file cannot be written") }
    try check()
  }

  private func check() throws(CaptureError) {
    guard let file = unsafe pcap_dump_file(dumper), unsafe ferror(file) == 0 else {
      throw failure("the file cannot be written")
    }
  }

  private func failure(_ message: String) -> CaptureError {
    CaptureError(path: path, reason: .unwritable, message: message)
  }
}
