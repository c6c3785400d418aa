/// One of the eleven BPF registers (RFC 9669 section 2.3).
///
/// The encoding has four bits, so a decoded field can name a register that does not exist;
/// ``isValid`` tells, and decoding refuses it.
public struct Register: RawRepresentable, Hashable, Sendable {
  /// The number in the instruction's register field, 0...15.
  public var rawValue: UInt8

  /// Takes a number as it stands in an instruction; only the low four bits are kept.
  public init(rawValue: UInt8) {
    self.rawValue = rawValue & 0xf
  }

  /// Return value of helpers, subprograms and of the program.
  public static let r0 = Register(rawValue: 0)
  /// First argument; the context when a program starts.
  public static let r1 = Register(rawValue: 1)
  /// Second argument.
  public static let r2 = Register(rawValue: 2)
  /// Third argument.
  public static let r3 = Register(rawValue: 3)
  /// Fourth argument.
  public static let r4 = Register(rawValue: 4)
  /// Fifth argument.
  public static let r5 = Register(rawValue: 5)
  /// Kept across calls.
  public static let r6 = Register(rawValue: 6)
  /// Kept across calls.
  public static let r7 = Register(rawValue: 7)
  /// Kept across calls.
  public static let r8 = Register(rawValue: 8)
  /// Kept across calls.
  public static let r9 = Register(rawValue: 9)
  /// Frame pointer, read-only: the address just above the frame's 512 bytes.
  public static let r10 = Register(rawValue: 10)

  /// Whether the register exists.
  public var isValid: Bool { rawValue <= 10 }
}

extension Register: CustomStringConvertible {
  /// `r0` to `r10`.
  public var description: String { "r\(rawValue)" }
}
