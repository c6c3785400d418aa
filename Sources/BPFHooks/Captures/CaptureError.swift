/// What is wrong with a capture file, and where.
public struct CaptureError: Error, Hashable, Sendable {
  /// The file's name as it was given; `-` is a standard stream.
  public var path: String
  /// What is wrong.
  public var reason: Reason
  /// What libpcap or the system says about it.
  public var message: String

  /// What can be wrong with a capture.
  public enum Reason: Hashable, Sendable {
    /// The file cannot be opened, or is no capture.
    case unreadable
    /// The packet with this number, counted from 1, cannot be read; those before it are good.
    case malformed(packet: Int)
    /// The file cannot be created or written.
    case unwritable
  }

  /// Puts the parts together.
  public init(path: String, reason: Reason, message: String) {
    self.path = path
    self.reason = reason
    self.message = message
  }
}

extension CaptureError: CustomStringConvertible {
  /// One line: the file, the place, the reason.
  public var description: String {
    switch reason {
    case .unreadable: "\(name): cannot read this capture: \(message)"
    case .malformed(let packet): "\(name): packet \(packet): \(message)"
    case .unwritable: "\(name): cannot write this capture: \(message)"
    }
  }

  private var name: String { path == "-" ? "standard stream" : path }
}
