#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Owner of one file descriptor; closes it at the end of its life.
///
/// The objects that are shared (``KernelMap``, ``KernelProgram``) are classes that hold one.
public struct KernelDescriptor: ~Copyable, Sendable {
  /// The number, valid as long as this value lives.
  public let rawValue: Int32

  /// Takes over an open descriptor.
  public init(owning rawValue: Int32) {
    self.rawValue = rawValue
  }

  deinit {
    _ = close(rawValue)
  }
}
