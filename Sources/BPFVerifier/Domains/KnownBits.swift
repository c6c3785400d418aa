import BPFInstructions

/// What is known of a 64-bit number, bit by bit: Linux's "tnum".
///
/// A bit of `unknown` that is set says nothing; the other bits are those of `value`, which has
/// zeros where `unknown` has ones.
struct KnownBits: Hashable, Sendable {
  var value: UInt64
  var unknown: UInt64

  @inline(__always)
  init(value: UInt64, unknown: UInt64) {
    self.value = value
    self.unknown = unknown
  }

  /// One number.
  @inline(__always)
  init(_ constant: UInt64) {
    value = constant
    unknown = 0
  }

  /// Nothing known.
  @inline(__always) static var anything: KnownBits { KnownBits(value: 0, unknown: .max) }

  /// The bits that all numbers of an interval have in common.
  init(minimum: UInt64, maximum: UInt64) {
    let differing = 64 &- (minimum ^ maximum).leadingZeroBitCount
    let mask: UInt64 = differing == 64 ? .max : (1 &<< UInt64(differing)) &- 1
    self.init(value: minimum & ~mask, unknown: mask)
  }

  @inline(__always) var isConstant: Bool { unknown == 0 }
  @inline(__always) var minimum: UInt64 { value }
  @inline(__always) var maximum: UInt64 { value | unknown }

  func contains(_ number: UInt64) -> Bool { (number ^ value) & ~unknown == 0 }

  /// Whether everything that `other` can be is allowed here.
  func contains(_ other: KnownBits) -> Bool {
    other.unknown & ~unknown == 0 && (other.value ^ value) & ~unknown == 0
  }

  /// The smallest number with these bits that is not below `bound`; `nil` if there is none.
  func lowest(from bound: UInt64) -> UInt64? {
    let differing = (bound ^ value) & ~unknown
    guard differing != 0 else { return bound }
    let highest: UInt64 = 1 &<< UInt64(63 &- differing.leadingZeroBitCount)
    let below = (highest &<< 1) &- 1
    // A known one where the bound has a zero: what is below it can be as small as possible.
    if value & highest != 0 { return bound & ~below | value & below }
    // A known zero where the bound has a one: the next larger open bit has to be set.
    let open = unknown & ~bound & ~below
    guard open != 0 else { return nil }
    let next = open & (0 &- open)
    return (bound | next) & ~(next &- 1) | value & (next &- 1)
  }

  /// The largest number with these bits that is not above `bound`; `nil` if there is none.
  func highest(upTo bound: UInt64) -> UInt64? {
    KnownBits(value: ~value & ~unknown, unknown: unknown).lowest(from: ~bound).map { ~$0 }
  }

  /// What is known when both hold. Contradictions are not told apart: see ``Scalar/isEmpty``.
  func intersection(_ other: KnownBits) -> KnownBits {
    let unknown = unknown & other.unknown
    return KnownBits(value: (value | other.value) & ~unknown, unknown: unknown)
  }

  /// Whether no number fits both.
  func contradicts(_ other: KnownBits) -> Bool {
    (value ^ other.value) & ~unknown & ~other.unknown != 0
  }

  /// The low 32 bits, the rest zero.
  var low32: KnownBits {
    KnownBits(value: value & 0xffff_ffff, unknown: unknown & 0xffff_ffff)
  }

  /// The upper half of this and the lower of another.
  func replacingLow32(_ low: KnownBits) -> KnownBits {
    let upper: UInt64 = 0xffff_ffff_0000_0000
    return KnownBits(
      value: value & upper | low.value & ~upper, unknown: unknown & upper | low.unknown & ~upper)
  }
}

// Arithmetic. Each result contains every result of the operation on members of the operands.
extension KnownBits {
  static func + (left: KnownBits, right: KnownBits) -> KnownBits {
    // A bit of the sum is known if neither operand leaves it open and the carry into it is the
    // same whether the open bits are all zeros or all ones.
    let low = left.value &+ right.value
    let high = left.maximum &+ right.maximum
    let open = low ^ high | left.unknown | right.unknown
    return KnownBits(value: low & ~open, unknown: open)
  }

  static func - (left: KnownBits, right: KnownBits) -> KnownBits {
    let high = left.maximum &- right.value
    let low = left.value &- right.maximum
    let open = low ^ high | left.unknown | right.unknown
    return KnownBits(value: (left.value &- right.value) & ~open, unknown: open)
  }

  static func & (left: KnownBits, right: KnownBits) -> KnownBits {
    let value = left.value & right.value
    return KnownBits(value: value, unknown: left.maximum & right.maximum & ~value)
  }

  static func | (left: KnownBits, right: KnownBits) -> KnownBits {
    let value = left.value | right.value
    return KnownBits(value: value, unknown: (left.unknown | right.unknown) & ~value)
  }

  static func ^ (left: KnownBits, right: KnownBits) -> KnownBits {
    let unknown = left.unknown | right.unknown
    return KnownBits(value: (left.value ^ right.value) & ~unknown, unknown: unknown)
  }

  static func * (left: KnownBits, right: KnownBits) -> KnownBits {
    // Sum of partial products: the known part is exact, every other one is an uncertainty.
    var uncertainty = KnownBits(0)
    var remaining = left
    var shifted = right
    while remaining.maximum != 0 {
      if remaining.unknown & 1 != 0 {
        uncertainty = uncertainty + KnownBits(value: 0, unknown: shifted.maximum)
      } else if remaining.value & 1 != 0 {
        uncertainty = uncertainty + KnownBits(value: 0, unknown: shifted.unknown)
      }
      remaining = remaining.shiftedRight(1)
      shifted = shifted.shiftedLeft(1)
    }
    return KnownBits(left.value &* right.value) + uncertainty
  }

  func shiftedLeft(_ count: UInt64) -> KnownBits {
    KnownBits(value: value &<< count, unknown: unknown &<< count)
  }

  func shiftedRight(_ count: UInt64) -> KnownBits {
    KnownBits(value: value &>> count, unknown: unknown &>> count)
  }

  /// Arithmetic shift of the low `width` bits; what is above them is zero for width 32.
  func arithmeticallyShiftedRight(_ count: UInt64, width: Operation.Width) -> KnownBits {
    switch width {
    case .bits64:
      KnownBits(
        value: UInt64(bitPattern: Int64(bitPattern: value) &>> Int64(count)),
        unknown: UInt64(bitPattern: Int64(bitPattern: unknown) &>> Int64(count)))
    case .bits32:
      KnownBits(value: Self.shifted32(value, count), unknown: Self.shifted32(unknown, count))
    }
  }

  private static func shifted32(_ word: UInt64, _ count: UInt64) -> UInt64 {
    let low = Int32(truncatingIfNeeded: word) &>> Int32(truncatingIfNeeded: count)
    return UInt64(UInt32(bitPattern: low))
  }

  /// The low `bits` bits, zero-extended.
  func truncated(toBits bits: UInt64) -> KnownBits {
    guard bits < 64 else { return self }
    let mask = (1 &<< bits) &- 1 as UInt64
    return KnownBits(value: value & mask, unknown: unknown & mask)
  }

  /// The bytes of the low `count` bytes in reverse order.
  func byteSwapped(bits: Int) -> KnownBits {
    let shift = UInt64(64 - bits)
    return KnownBits(value: value.byteSwapped &>> shift, unknown: unknown.byteSwapped &>> shift)
  }
}
