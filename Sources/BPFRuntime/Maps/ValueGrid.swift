// UNSAFE. Where the values of a map are.
//
// Invariant: the addresses lie in StableMemory that the map owns, so they are valid as long as the
// map, and programs keep their maps alive.

/// Equally spaced values in raw memory, in one copy or in one copy per CPU.
@safe
struct ValueGrid: Sendable {
  /// Address of value 0 of copy 0.
  let base: UInt64
  /// Bytes from one value to the next: a multiple of eight, so every value is aligned.
  let stride: UInt64
  /// Values in one copy.
  let count: UInt64
  /// Bytes of a value that programs may touch.
  let valueSize: Int
  /// Bytes from one CPU's copy to the next one's.
  let copyStride: UInt64
  /// 1, or the number of possible CPUs.
  let copies: Int

  /// The first byte of a value; the caller has checked index and CPU.
  @inline(__always)
  func pointer(_ index: UInt64, cpuIndex: Int = 0) -> UnsafeMutableRawPointer {
    let address = base &+ index &* stride &+ UInt64(truncatingIfNeeded: cpuIndex) &* copyStride
    return unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
  }

  /// Whether bytes lie inside one value of one copy, perhaps only among the first ones.
  func contains(_ address: UInt64, _ byteCount: Int, firstValues: UInt64 = .max) -> Bool {
    guard byteCount >= 0, byteCount <= valueSize, address >= base else { return false }
    var offset = address &- base
    if copies > 1 {
      guard offset / copyStride < UInt64(copies) else { return false }
      offset %= copyStride
    }
    guard offset / stride < min(count, firstValues) else { return false }
    return offset % stride <= UInt64(valueSize &- byteCount)
  }

  /// From the first value's first byte to just past the last one's.
  var addresses: Range<UInt64> {
    base..<base &+ UInt64(copies &- 1) &* copyStride &+ (count &- 1) &* stride
      &+ UInt64(valueSize)
  }
}

extension Int {
  /// The next multiple of a power of two; `nil` when there is none.
  func rounded(upTo multiple: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(multiple - 1)
    return overflow ? nil : sum & ~(multiple - 1)
  }
}

extension MapDefinition {
  /// Bytes of a value with the padding that keeps the next one aligned.
  var paddedValueSize: Int { (Int(valueSize) + 7) & ~7 }
}
