// UNSAFE. Bytes between arrays and spans.
//
// Invariant: `UInt8` has neither padding nor invalid values, so any bytes may be looked at as it.

extension [UInt8] {
  /// A copy of the bytes of a span.
  init(copying bytes: RawSpan) {
    self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }

  /// The bytes as a span.
  var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}
