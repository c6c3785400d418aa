extension UInt64 {
  /// The low 32 bits of an argument, sign-extended: what a helper with an `int` argument sees.
  @inline(__always)
  var asInt32: Int64 { Int64(Int32(truncatingIfNeeded: self)) }

  /// The low 32 bits of an argument: what a helper with a `u32` argument sees.
  @inline(__always)
  var asUInt32: UInt64 { self & 0xffff_ffff }
}
