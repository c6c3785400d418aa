// UNSAFE. Reads the bytes of a key.
//
// Invariant: the caller passes as many readable bytes as it says.

/// The hash of a key: eight bytes at a time, each mixed by one full-width multiplication.
///
/// The seed goes into the first and the last step, so that whoever chooses keys without knowing it
/// cannot aim at one bucket.
struct KeyHash: Sendable {
  let seed: UInt64

  @inline(__always)
  private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// The hash of `byteCount` bytes.
  @inline(__always)
  func callAsFunction(_ key: UnsafeRawPointer, byteCount: Int) -> UInt64 {
    // Odd constants without structure: the fractional parts of square roots of small primes.
    let first: UInt64 = 0x6a09_e667_f3bc_c909
    let second: UInt64 = 0xbb67_ae85_84ca_a73b
    let third: UInt64 = 0x3c6e_f372_fe94_f82b
    var state = seed ^ (UInt64(truncatingIfNeeded: byteCount) &* first)
    var offset = 0
    while byteCount &- offset >= 8 {
      let word = unsafe key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      state = Self.mix(state ^ word ^ second, first) &+ word
      offset &+= 8
    }
    let tail = unsafe Self.tail(key + offset, byteCount &- offset)
    return Self.mix(Self.mix(state ^ tail, second) ^ seed ^ third, third)
  }

  /// Up to seven bytes as one number; every byte counts.
  @inline(__always)
  private static func tail(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count >= 4 {
      let low = unsafe bytes.loadUnaligned(as: UInt32.self)
      let high = unsafe bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)
      return UInt64(low) | UInt64(high) &<< 32
    }
    guard count > 0 else { return 0 }
    let low = unsafe bytes.load(as: UInt8.self)
    let middle = unsafe bytes.load(fromByteOffset: count &>> 1, as: UInt8.self)
    let high = unsafe bytes.load(fromByteOffset: count &- 1, as: UInt8.self)
    return UInt64(low) | UInt64(middle) &<< 8 | UInt64(high) &<< 16
  }
}
