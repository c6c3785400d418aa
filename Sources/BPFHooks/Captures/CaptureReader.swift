import CPcap

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads a pcap or pcapng file packet by packet, with libpcap.
///
/// ```swift
/// var reader = try CaptureReader(path: "web.pcap")
/// while let packet = try reader.next() {
///   print(packet.number, packet.bytes.byteCount)
/// }
/// ```
///
/// Nothing is allocated per packet. libpcap gives packets of one link type: a pcapng file whose
/// interfaces differ ends with an error at the first packet after the second interface.
///
/// SAFETY: `handle` is open from `init` to `deinit` and nobody else has it. A packet that libpcap
/// hands out lives until the next call on the handle: `next()` ties it to exclusive access to the
/// reader, so no such call can be made while it is in use.
@safe
public struct CaptureReader: ~Copyable {
  private let handle: OpaquePointer
  private let path: String
  // libpcap takes the 32 bits of a pcap file as signed in one byte order and unsigned in the other.
  private let hasWideSeconds: Bool
  private var packetCount = 0
  private var isAtEnd = false

  /// The link type of all packets.
  public let linkType: LinkType
  /// How finely the file counts time; timestamps are given in nanoseconds all the same.
  public let precision: CaptureTimestamp.Precision
  /// Bytes of the file, for progress; `nil` when it is a pipe.
  public let byteCount: Int64?

  /// Opens a capture; `-` is standard input, which is left open at the end.
  ///
  /// - Throws: ``CaptureError`` with the reason ``CaptureError/Reason/unreadable``.
  public init(path: String) throws(CaptureError) {
    guard let file = unsafe openStream(path, standard: STDIN_FILENO, mode: "rb") else {
      throw CaptureError(path: path, reason: .unreadable, message: systemMessage())
    }
    let magic = unsafe Magic(of: file)
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    let opened = unsafe pcap_fopen_offline_with_tstamp_precision(
      file, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
    guard let opened = unsafe opened else {
      unsafe fclose(file)
      throw CaptureError(path: path, reason: .unreadable, message: text(of: message))
    }
    unsafe handle = opened
    self.path = path
    precision = magic.precision
    hasWideSeconds = magic.isNextGeneration
    linkType = LinkType(rawValue: unsafe pcap_datalink(opened))
    byteCount = unsafe Self.regularByteCount(of: file)
  }

  deinit {
    unsafe pcap_close(handle)
  }

  /// The next packet; `nil` at the end of the file.
  ///
  /// - Throws: ``CaptureError`` with the number of the packet that cannot be read. The packets
  ///   before it are good; after the error there are no more.
  @_lifetime(&self)
  public mutating func next() throws(CaptureError) -> CapturedPacket? {
    guard !isAtEnd else { return nil }
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    let result = unsafe pcap_next_ex(handle, &header, &data)
    guard result == 1, let header = unsafe header?.pointee else {
      isAtEnd = true
      guard result == PCAP_ERROR else { return nil }
      throw CaptureError(
        path: path, reason: .malformed(packet: packetCount + 1),
        message: unsafe String(cString: pcap_geterr(handle)))
    }
    packetCount += 1
    let number = packetCount
    let seconds = Int64(header.ts.tv_sec) & (hasWideSeconds ? -1 : 0xffff_ffff)
    let buffer = unsafe UnsafeRawBufferPointer(
      start: data, count: data == nil ? 0 : Int(header.caplen))
    let bytes = unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), mutating: &self)
    return CapturedPacket(
      number: number,
      timestamp: CaptureTimestamp(
        seconds: seconds, nanoseconds: Int64(header.ts.tv_usec)),
      originalByteCount: Int(header.len), bytes: bytes)
  }

  /// How far into the file the reader is, in bytes; `nil` when it is a pipe.
  ///
  /// Includes what libc has read ahead only up to the last packet handed out.
  public var bytesRead: Int64? {
    guard byteCount != nil, let file = unsafe pcap_file(handle) else { return nil }
    return Int64(unsafe ftello(file))
  }

  /// What the first four bytes of a file tell, which libpcap knows too but does not pass on.
  private struct Magic {
    var bytes: [Int32] = []

    /// Looks at the bytes and puts them back.
    ///
    /// C promises only one byte of pushback, but bytes just read from a fresh buffer go back in the
    /// libraries that this is built with, pipes included.
    init(of file: UnsafeMutablePointer<FILE>) {
      while bytes.count < 4 {
        let byte = unsafe getc(file)
        guard byte >= 0 else { break }
        bytes.append(byte)
      }
      for byte in bytes.reversed() { unsafe ungetc(byte, file) }
    }

    var isNextGeneration: Bool { bytes == [0x0a, 0x0d, 0x0d, 0x0a] }

    var precision: CaptureTimestamp.Precision {
      let isNanosecondVariant =
        bytes == [0x4d, 0x3c, 0xb2, 0xa1] || bytes == [0xa1, 0xb2, 0x3c, 0x4d]
      return isNextGeneration || isNanosecondVariant ? .nanoseconds : .microseconds
    }
  }

  private static func regularByteCount(of file: UnsafeMutablePointer<FILE>) -> Int64? {
    var status = stat()
    guard unsafe fstat(fileno(file), &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int64(status.st_size)
  }
}
