/// A Linux error number, as bpf(2) gives it.
public struct KernelErrno: Error, RawRepresentable, Hashable, Sendable {
  /// The positive number.
  public var rawValue: Int32

  /// Takes a positive number.
  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// Operation not permitted.
  public static let notPermitted = KernelErrno(rawValue: 1)
  /// No such key, or an empty slot.
  public static let noEntry = KernelErrno(rawValue: 2)
  /// Full, or an index past the end.
  public static let tooBig = KernelErrno(rawValue: 7)
  /// Not a usable file descriptor.
  public static let badDescriptor = KernelErrno(rawValue: 9)
  /// Try again: the call was interrupted.
  public static let tryAgain = KernelErrno(rawValue: 11)
  /// Access refused.
  public static let accessDenied = KernelErrno(rawValue: 13)
  /// The key is there already.
  public static let exists = KernelErrno(rawValue: 17)
  /// An argument makes no sense.
  public static let invalid = KernelErrno(rawValue: 22)
  /// No room: an output buffer or a trie.
  public static let noSpace = KernelErrno(rawValue: 28)
  /// There is no such system call.
  public static let noSystemCall = KernelErrno(rawValue: 38)
  /// The map or program type has no such operation; internal to Linux, without a name in libc.
  public static let notSupported = KernelErrno(rawValue: 524)

  /// The name of the constant, `EINVAL`; `nil` for numbers that bpf(2) is not known to give.
  public var name: String? { Self.names[rawValue] }

  private static let names: [Int32: String] = [
    1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 7: "E2BIG", 9: "EBADF", 11: "EAGAIN",
    12: "ENOMEM", 13: "EACCES", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 19: "ENODEV",
    20: "ENOTDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 28: "ENOSPC", 33: "EDOM",
    34: "ERANGE", 35: "EDEADLK", 36: "ENAMETOOLONG", 38: "ENOSYS", 75: "EOVERFLOW",
    90: "EMSGSIZE", 95: "EOPNOTSUPP", 105: "ENOBUFS", 110: "ETIMEDOUT", 524: "ENOTSUPP",
  ]
}

extension KernelErrno: CustomStringConvertible {
  /// `EINVAL (22)`, or `errno 99`.
  public var description: String {
    guard let name else { return "errno \(rawValue)" }
    return "\(name) (\(rawValue))"
  }
}

/// A thing that Linux refused to create: a program, a map, a BTF blob.
public struct KernelError: Error, Hashable, Sendable {
  /// What was refused, `load program 'parser'`.
  public var operation: String
  /// Linux's reason.
  public var errno: KernelErrno
  /// What the kernel's verifier (or BTF checker) said; empty when it said nothing.
  public var log: String

  /// Puts the parts together.
  public init(operation: String, errno: KernelErrno, log: String = "") {
    self.operation = operation
    self.errno = errno
    self.log = log
  }
}

extension KernelError: CustomStringConvertible {
  /// One line for the refusal, then the log.
  public var description: String {
    log.isEmpty ? "\(operation): \(errno)" : "\(operation): \(errno)\n\(log)"
  }
}
