// UNSAFE. Files that survive the end of the process at any moment.
//
// Invariant: every buffer that is handed to the system is as long as the count says, and
// descriptors are closed where they were opened.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A directory that is written so that a file is there as it was, or as it is to be.
///
/// A file is written beside its place, brought to the disk, and renamed; then its directory is
/// brought to the disk.
struct DurableDirectory: Sendable {
  let path: String

  /// Makes the directory, and those above it, where they are missing.
  init(_ path: String) throws(ControlError) {
    self.path = path
    var prefix = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      prefix += "/" + part
      if unsafe mkdir(prefix, 0o700) != 0, errno != EEXIST {
        throw Self.failure("cannot make the directory \(prefix)")
      }
    }
  }

  /// A directory in this one.
  func subdirectory(_ name: String) throws(ControlError) -> DurableDirectory {
    try DurableDirectory(path + "/" + name)
  }

  /// What a file that is being written is called until it is whole.
  static let temporarySuffix = ".new"

  /// Writes a file; it has the old contents until it has all of the new ones.
  func write(_ bytes: [UInt8], to name: String) throws(ControlError) {
    let place = path + "/" + name
    let temporary = place + Self.temporarySuffix
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("cannot write \(temporary)") }
    let isWritten = Self.write(bytes, to: descriptor) && fsync(descriptor) == 0
    let problem = errno
    close(descriptor)
    guard isWritten else {
      errno = problem
      let failure = Self.failure("cannot write \(temporary)")
      unsafe unlink(temporary)
      throw failure
    }
    guard unsafe rename(temporary, place) == 0 else { throw Self.failure("cannot write \(place)") }
    try sync()
  }

  /// Removes a file, if it is there.
  func remove(_ name: String) throws(ControlError) {
    guard unsafe unlink(path + "/" + name) == 0 || errno == ENOENT else {
      throw Self.failure("cannot remove \(path)/\(name)")
    }
    try sync()
  }

  /// A file's contents; `nil` when there is none.
  func read(_ name: String) throws(ControlError) -> [UInt8]? {
    let place = path + "/" + name
    let descriptor = unsafe open(place, O_RDONLY | O_CLOEXEC)
    if descriptor < 0, errno == ENOENT { return nil }
    guard descriptor >= 0 else { throw Self.failure("cannot read \(place)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe SwitchyardControl.readSome(from: descriptor, buffer)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("cannot read \(place)") }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// The names in the directory, sorted, without those that begin with a dot.
  func names() throws(ControlError) -> [String] {
    guard let stream = unsafe opendir(path) else { throw Self.failure("cannot read \(path)") }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// Takes the directory for this process alone, as long as the lock lives.
  func lock() throws(ControlError) -> DirectoryLock {
    let place = path + "/lock"
    let descriptor = unsafe open(place, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("cannot open \(place)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw ControlError(.unavailable, "another server is using \(path)", file: path)
    }
    return DirectoryLock(descriptor: descriptor)
  }

  private func sync() throws(ControlError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure("cannot open \(path)") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw Self.failure("cannot write \(path)") }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    unsafe bytes.withUnsafeBytes { buffer in
      var position = 0
      while position < buffer.count {
        let count = unsafe SwitchyardControl.writeSome(
          to: descriptor, UnsafeRawBufferPointer(rebasing: buffer[position...]))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        position += count
      }
      return true
    }
  }

  /// The error for what the system has just refused.
  static func failure(_ message: String) -> ControlError {
    let number = errno
    var buffer = [CChar](repeating: 0, count: 256)
    _ = unsafe strerror_r(number, &buffer, buffer.count)
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let isRight = number == EACCES || number == EPERM
    return ControlError(isRight ? .noPermission : .unreadable, "\(message): \(text)")
  }
}

/// Holds a directory for this process; the system lets go of it even when the process is killed.
final class DirectoryLock: Sendable {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}

// The methods of `DurableDirectory` hide the system's functions of the same names.
private func readSome(from descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  #if canImport(Glibc)
  unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
  #else
  unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
  #endif
}

private func writeSome(to descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
  #if canImport(Glibc)
  unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
  #else
  unsafe Darwin.write(descriptor, buffer.baseAddress, buffer.count)
  #endif
}
