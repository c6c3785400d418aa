/// A Linux error number, as bpf(2) and the helpers return them.
///
/// Values are Linux's on every system, so results compare with a real kernel's.
public struct LinuxError: Error, RawRepresentable, Hashable, Sendable {
  /// The positive number.
  public var rawValue: Int32

  /// Wraps a positive error number.
  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// EPERM: frozen, or opened without the right.
  public static let notPermitted = LinuxError(rawValue: 1)
  /// ENOENT: no such element.
  public static let noEntry = LinuxError(rawValue: 2)
  /// E2BIG: index or table limit exceeded.
  public static let tooBig = LinuxError(rawValue: 7)
  /// EBADF: not an open handle.
  public static let badDescriptor = LinuxError(rawValue: 9)
  /// EAGAIN: try again.
  public static let tryAgain = LinuxError(rawValue: 11)
  /// ENOMEM: no memory.
  public static let noMemory = LinuxError(rawValue: 12)
  /// EACCES: access denied.
  public static let accessDenied = LinuxError(rawValue: 13)
  /// EFAULT: bad address or range.
  public static let badAddress = LinuxError(rawValue: 14)
  /// EBUSY: in use.
  public static let busy = LinuxError(rawValue: 16)
  /// EEXIST: the element exists.
  public static let exists = LinuxError(rawValue: 17)
  /// ENODEV: no such device or CPU.
  public static let noDevice = LinuxError(rawValue: 19)
  /// EINVAL: invalid argument.
  public static let invalid = LinuxError(rawValue: 22)
  /// ENOSPC: no room left.
  public static let noSpace = LinuxError(rawValue: 28)
  /// ERANGE: result out of range.
  public static let outOfRange = LinuxError(rawValue: 34)
  /// EDEADLK: would wait for itself.
  public static let deadlock = LinuxError(rawValue: 35)
  /// ENOMSG: no message of that type.
  public static let noMessage = LinuxError(rawValue: 42)
  /// EPROTO: protocol error.
  public static let protocolError = LinuxError(rawValue: 71)
  /// EPROTOTYPE: wrong type for the protocol.
  public static let wrongProtocolType = LinuxError(rawValue: 91)
  /// ENOPROTOOPT: no such option.
  public static let noProtocolOption = LinuxError(rawValue: 92)
  /// EOVERFLOW: the number is too large.
  public static let valueTooLarge = LinuxError(rawValue: 75)
  /// EPROTONOSUPPORT: protocol not supported.
  public static let protocolNotSupported = LinuxError(rawValue: 93)
  /// ESOCKTNOSUPPORT: type of socket not supported.
  public static let socketTypeNotSupported = LinuxError(rawValue: 94)
  /// EOPNOTSUPP: operation not supported.
  public static let operationNotSupported = LinuxError(rawValue: 95)
  /// EAFNOSUPPORT: address family not supported.
  public static let addressFamilyNotSupported = LinuxError(rawValue: 97)
  /// EALREADY: under way.
  public static let alreadyInProgress = LinuxError(rawValue: 114)
  /// ENOTSUPP: Linux's own number, unknown to POSIX.
  public static let notSupported = LinuxError(rawValue: 524)

  /// The negative number that a helper returns in r0.
  public var helperResult: UInt64 { UInt64(bitPattern: -Int64(rawValue)) }
}

extension LinuxError: CustomStringConvertible {
  /// The name in C and the number, as in `ENOENT (2)`.
  public var description: String {
    let names: [Int32: String] = [
      1: "EPERM", 2: "ENOENT", 7: "E2BIG", 9: "EBADF", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES",
      14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 19: "ENODEV", 22: "EINVAL", 28: "ENOSPC",
      34: "ERANGE", 35: "EDEADLK", 42: "ENOMSG", 71: "EPROTO", 75: "EOVERFLOW", 91: "EPROTOTYPE",
      92: "ENOPROTOOPT",
      93: "EPROTONOSUPPORT", 94: "ESOCKTNOSUPPORT", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT",
      114: "EALREADY", 524: "ENOTSUPP",
    ]
    return "\(names[rawValue] ?? "errno") (\(rawValue))"
  }
}
