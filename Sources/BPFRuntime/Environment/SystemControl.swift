/// The knob under `/proc/sys` that a program is asked about: what `bpf_sysctl_get_name` and its
/// like work on.
public struct SystemControl: Hashable, Sendable {
  /// Its name, as in `net/ipv4/tcp_mem`.
  public var name: String
  /// What it is set to, as it is read; none when it cannot be read.
  public var currentValue: [UInt8]
  /// What somebody wants to write; a program may write something else. None when it is only read.
  public var newValue: [UInt8]
  /// Whether a program wrote ``newValue``.
  public internal(set) var isChanged = false

  /// Describes a knob.
  public init(name: String, currentValue: [UInt8] = [], newValue: [UInt8] = []) {
    self.name = name
    self.currentValue = currentValue
    self.newValue = newValue
  }
}
