// UNSAFE. Reading files and writing to the standard streams.
//
// Invariant: every read and write is bounded by the count of the buffer it is given, and C strings
// are only looked at during the call that gives them.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The operating system as far as commands need it.
enum System {
  /// The standard streams that are written to.
  enum Stream: Int32 {
    case output = 1
    case error = 2
  }

  /// Makes a closed pipe an error of write(2) instead of the end of the process.
  static func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
  }

  static func isTerminal(_ stream: Stream) -> Bool {
    isatty(stream.rawValue) == 1
  }

  /// Whether a variable of the environment is there and not empty.
  static func isSet(_ name: String) -> Bool {
    guard let value = unsafe getenv(name) else { return false }
    return unsafe value.pointee != 0
  }

  /// Writes text; what nobody reads any more is dropped.
  ///
  /// - Returns: Why the rest could not be written.
  static func write(_ text: String, to stream: Stream) -> FileError? {
    guard !write(all: Array(text.utf8), to: stream.rawValue), errno != EPIPE else { return nil }
    return lastError()
  }

  private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) -> Int {
    #if canImport(Glibc)
    unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #else
    unsafe Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }

  /// Why a file could not be read.
  struct FileError: Error {
    /// The system's words.
    var message: String
    /// Whether it is a matter of rights.
    var isPermission: Bool
  }

  /// The whole content of a file; `-` is standard input.
  static func contents(of path: String) throws(FileError) -> [UInt8] {
    guard path != "-" else { return try contents(of: 0) }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw lastError() }
    defer { close(descriptor) }
    return try contents(of: descriptor)
  }

  private static func contents(of descriptor: Int32) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe read(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw lastError() }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// Writes bytes to a new file that only this user can read; `nil` when that is not possible.
  ///
  /// - Returns: Its path, which the caller removes.
  static func temporaryFile(_ bytes: [UInt8]) -> String? {
    var template = [CChar]("/tmp/switchyard.XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let path = String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard write(all: bytes, to: descriptor) else {
      remove(path)
      return nil
    }
    return path
  }

  /// Writes a file, whatever was in it before.
  static func write(_ text: String, toFile path: String) throws(FileError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw lastError() }
    defer { close(descriptor) }
    guard write(all: Array(text.utf8), to: descriptor) else { throw lastError() }
  }

  private static func write(all bytes: [UInt8], to descriptor: Int32) -> Bool {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      var rest = unsafe buffer[...]
      while unsafe !rest.isEmpty {
        let count = unsafe Self.write(UnsafeBufferPointer(rebasing: rest), to: descriptor)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        unsafe rest = rest.dropFirst(count)
      }
      return true
    }
  }

  static func remove(_ path: String) {
    _ = unsafe unlink(path)
  }

  /// The number of this process.
  static var processID: Int32 { getpid() }

  /// What a command of the shell writes; `nil` when it cannot be started or fails.
  static func output(ofCommand command: String) -> String? {
    guard let stream = unsafe popen(command, "r") else { return nil }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&chunk, 1, chunk.count, stream)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return unsafe pclose(stream) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
  }

  private static func lastError() -> FileError {
    let number = errno
    var buffer = [CChar](repeating: 0, count: 256)
    let failed = unsafe strerror_r(number, &buffer, buffer.count) != 0
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return FileError(
      message: failed ? "error \(number)" : text, isPermission: number == EACCES || number == EPERM)
  }

  /// Keeps SIGINT and SIGTERM for ``waitForTermination()``, in this thread and in those that it
  /// starts.
  static func holdTermination() {
    var signals = terminationSignals
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Returns when somebody wants the process to end.
  static func waitForTermination() {
    var signals = terminationSignals
    var received: Int32 = 0
    unsafe sigwait(&signals, &received)
  }

  private static var terminationSignals: sigset_t {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    return signals
  }

  /// The value of a variable of the environment, unless it is empty.
  static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// Whether there is a file with a name.
  static func isFile(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
  }

  static func exit(_ status: Int32) -> Never {
    #if canImport(Glibc)
    Glibc.exit(status)
    #else
    Darwin.exit(status)
    #endif
  }
}
