#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Opens a file, or for `-` a duplicate of a standard descriptor: libpcap closes what it is given,
/// and the standard streams belong to the process.
func openStream(
  _ path: String, standard descriptor: Int32, mode: String
) -> UnsafeMutablePointer<FILE>? {
  guard path == "-" else { return unsafe fopen(path, mode) }
  let duplicate = dup(descriptor)
  guard duplicate >= 0 else { return nil }
  guard let stream = unsafe fdopen(duplicate, mode) else {
    close(duplicate)
    return nil
  }
  return unsafe stream
}

/// The system's words for the error of the last call.
func systemMessage() -> String {
  let number = errno
  var buffer = [CChar](repeating: 0, count: 256)
  guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
  return text(of: buffer)
}

/// The C string in a buffer.
func text(of buffer: [CChar]) -> String {
  String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
