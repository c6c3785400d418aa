/// Conversions between numbers and the bytes that bpf(2) passes as keys and values, in host order,
/// which is little-endian wherever this module runs.
public enum KernelBytes {
  /// The four bytes of a number.
  public static func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value &>> ($0 &* 8)) }
  }

  /// The eight bytes of a number.
  public static func doubleWord(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value &>> ($0 &* 8)) }
  }

  /// The number in up to eight bytes.
  public static func number(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 &<< 8 | UInt64($1) }
  }
}
