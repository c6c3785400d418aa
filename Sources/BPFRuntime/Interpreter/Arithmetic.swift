// What BPF's arithmetic does where Swift's operators would trap (RFC 9669 section 4.1).

/// Division and modulo that never trap.
enum GuestArithmetic {
  /// Zero when the divisor is zero.
  @inline(__always)
  static func divide<Value: FixedWidthInteger & UnsignedInteger>(_ a: Value, _ b: Value) -> Value {
    b == 0 ? 0 : a / b
  }

  /// The dividend when the divisor is zero.
  @inline(__always)
  static func modulo<Value: FixedWidthInteger & UnsignedInteger>(_ a: Value, _ b: Value) -> Value {
    b == 0 ? a : a % b
  }

  /// Zero when the divisor is zero; the most negative number divided by -1 is itself.
  @inline(__always)
  static func divide<Value: FixedWidthInteger & SignedInteger>(_ a: Value, _ b: Value) -> Value {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }

  /// The dividend when the divisor is zero; modulo -1 is zero.
  @inline(__always)
  static func modulo<Value: FixedWidthInteger & SignedInteger>(_ a: Value, _ b: Value) -> Value {
    b == 0 ? a : b == -1 ? 0 : a % b
  }
}

extension UInt64 {
  /// The low half, sign-extended or not by the type asked for.
  @inline(__always)
  var low: UInt32 { UInt32(truncatingIfNeeded: self) }

  /// The low half as a signed number.
  @inline(__always)
  var signedLow: Int32 { Int32(truncatingIfNeeded: self) }

  /// The same bits as a signed number.
  @inline(__always)
  var signed: Int64 { Int64(bitPattern: self) }

  /// Sign extension from a narrower type.
  @inline(__always)
  init(extending value: some FixedWidthInteger & SignedInteger) {
    self.init(bitPattern: Int64(value))
  }
}
