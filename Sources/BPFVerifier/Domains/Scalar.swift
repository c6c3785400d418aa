/// What is known of a number: its bits, and its bounds as a signed and an unsigned number of 64
/// bits and in its low 32 bits.
///
/// A number that is possible satisfies all parts at once.
struct Scalar: Hashable, Sendable {
  var bits: KnownBits
  var minimum: UInt64
  var maximum: UInt64
  var signedMinimum: Int64
  var signedMaximum: Int64
  var minimum32: UInt32
  var maximum32: UInt32
  var signedMinimum32: Int32
  var signedMaximum32: Int32

  @inline(__always)
  private init(_ bits: KnownBits) {
    self.bits = bits
    minimum = 0
    maximum = .max
    signedMinimum = .min
    signedMaximum = .max
    minimum32 = 0
    maximum32 = .max
    signedMinimum32 = .min
    signedMaximum32 = .max
  }

  /// Nothing known.
  @inline(__always) static var anything: Scalar { Scalar(.anything) }

  /// One number.
  @inline(__always)
  init(constant: UInt64) {
    bits = KnownBits(constant)
    minimum = constant
    maximum = constant
    signedMinimum = Int64(bitPattern: constant)
    signedMaximum = signedMinimum
    minimum32 = UInt32(truncatingIfNeeded: constant)
    maximum32 = minimum32
    signedMinimum32 = Int32(bitPattern: minimum32)
    signedMaximum32 = signedMinimum32
  }

  /// All numbers with these bits.
  static func matching(_ bits: KnownBits) -> Scalar {
    if bits.isConstant { return Scalar(constant: bits.value) }
    var result = Scalar(bits)
    result.tighten()
    return result
  }

  /// All numbers of an unsigned interval.
  static func between(_ minimum: UInt64, _ maximum: UInt64) -> Scalar {
    if minimum == maximum { return Scalar(constant: minimum) }
    var result = Scalar(KnownBits(minimum: minimum, maximum: maximum))
    result.minimum = minimum
    result.maximum = maximum
    result.tighten()
    return result
  }

  @inline(__always) var isConstant: Bool { bits.isConstant }
  @inline(__always) var constant: UInt64? { isConstant ? bits.value : nil }
  /// The low half, if it is known.
  var constant32: UInt32? {
    bits.unknown & 0xffff_ffff == 0 ? UInt32(truncatingIfNeeded: bits.value) : nil
  }
  var isAnything: Bool { self == .anything }

  /// Whether no number is possible: the path that led here cannot be taken.
  var isEmpty: Bool {
    minimum > maximum || signedMinimum > signedMaximum || minimum32 > maximum32
      || signedMinimum32 > signedMaximum32
  }

  /// Whether a number is possible.
  func contains(_ number: UInt64) -> Bool {
    let low = UInt32(truncatingIfNeeded: number)
    return bits.contains(number) && number >= minimum && number <= maximum
      && Int64(bitPattern: number) >= signedMinimum && Int64(bitPattern: number) <= signedMaximum
      && low >= minimum32 && low <= maximum32
      && Int32(bitPattern: low) >= signedMinimum32 && Int32(bitPattern: low) <= signedMaximum32
  }

  /// Whether everything that is possible in `other` is possible here.
  func contains(_ other: Scalar) -> Bool {
    bits.contains(other.bits)
      && minimum <= other.minimum && maximum >= other.maximum
      && signedMinimum <= other.signedMinimum && signedMaximum >= other.signedMaximum
      && minimum32 <= other.minimum32 && maximum32 >= other.maximum32
      && signedMinimum32 <= other.signedMinimum32 && signedMaximum32 >= other.signedMaximum32
  }
}

// Keeping the parts in step: each says something about the others.
extension Scalar {
  /// Draws all conclusions; bounds only become narrower.
  mutating func tighten() {
    boundsFromBits()
    if maximum <= UInt64(Int32.max), minimum <= maximum { return tightenSmall() }
    for _ in 0..<3 {
      let before = self
      deduce32()
      deduce64()
      deduceAcross()
      if self == before { break }
    }
    bitsFromBounds()
    boundsFromBits()
    if minimum <= maximum {
      minimum = bits.lowest(from: minimum) ?? .max
      maximum = bits.highest(upTo: maximum) ?? 0
    }
    if bits.isConstant, !isEmpty, contains(bits.value) { self = Scalar(constant: bits.value) }
  }

  /// The same for numbers of 31 bits, which all bounds are about in the same way.
  private mutating func tightenSmall() {
    let lowest = max(
      UInt64(bitPattern: max(signedMinimum, 0)),
      UInt64(max(minimum32, UInt32(bitPattern: max(signedMinimum32, 0)))), minimum)
    let highest = min(
      maximum, UInt64(maximum32), UInt64(bitPattern: max(signedMaximum, -1)),
      UInt64(bitPattern: Int64(max(signedMaximum32, -1))))
    // A negative upper bound leaves nothing, as do bounds that have crossed.
    guard lowest <= highest, signedMaximum >= 0, signedMaximum32 >= 0 else {
      (minimum, maximum) = (1, 0)
      return
    }
    let range = KnownBits(minimum: lowest, maximum: highest)
    if !bits.contradicts(range) { bits = bits.intersection(range) }
    if bits.isConstant, bits.value >= lowest, bits.value <= highest {
      self = Scalar(constant: bits.value)
      return
    }
    // Bounds that are no members themselves move to the next member.
    guard let first = bits.lowest(from: lowest), let last = bits.highest(upTo: highest),
      first <= last
    else {
      (minimum, maximum) = (1, 0)
      return
    }
    if first == last {
      self = Scalar(constant: first)
      return
    }
    minimum = first
    maximum = last
    signedMinimum = Int64(bitPattern: minimum)
    signedMaximum = Int64(bitPattern: maximum)
    minimum32 = UInt32(truncatingIfNeeded: minimum)
    maximum32 = UInt32(truncatingIfNeeded: maximum)
    signedMinimum32 = Int32(bitPattern: minimum32)
    signedMaximum32 = Int32(bitPattern: maximum32)
  }

  @inline(__always)
  private mutating func boundsFromBits() {
    let sign: UInt64 = 1 &<< 63
    minimum = max(minimum, bits.minimum)
    maximum = min(maximum, bits.maximum)
    signedMinimum = max(signedMinimum, Int64(bitPattern: bits.value | bits.unknown & sign))
    signedMaximum = min(signedMaximum, Int64(bitPattern: bits.value | bits.unknown & ~sign))
    let value = UInt32(truncatingIfNeeded: bits.value)
    let unknown = UInt32(truncatingIfNeeded: bits.unknown)
    let sign32: UInt32 = 1 &<< 31
    minimum32 = max(minimum32, value)
    maximum32 = min(maximum32, value | unknown)
    signedMinimum32 = max(signedMinimum32, Int32(bitPattern: value | unknown & sign32))
    signedMaximum32 = min(signedMaximum32, Int32(bitPattern: value | unknown & ~sign32))
  }

  private mutating func bitsFromBounds() {
    guard minimum <= maximum, minimum32 <= maximum32 else { return }
    let range = KnownBits(minimum: minimum, maximum: maximum)
    if !bits.contradicts(range) { bits = bits.intersection(range) }
    let range32 = KnownBits(minimum: UInt64(minimum32), maximum: UInt64(maximum32))
    if !bits.low32.contradicts(range32) {
      bits = bits.replacingLow32(bits.low32.intersection(range32))
    }
  }

  /// Signed from unsigned bounds and back, where an interval does not wrap.
  private mutating func deduce64() {
    if Int64(bitPattern: minimum) <= Int64(bitPattern: maximum) {
      signedMinimum = max(signedMinimum, Int64(bitPattern: minimum))
      signedMaximum = min(signedMaximum, Int64(bitPattern: maximum))
    }
    if UInt64(bitPattern: signedMinimum) <= UInt64(bitPattern: signedMaximum) {
      minimum = max(minimum, UInt64(bitPattern: signedMinimum))
      maximum = min(maximum, UInt64(bitPattern: signedMaximum))
    } else if maximum < UInt64(bitPattern: signedMinimum) {
      // The signed interval goes around zero; nothing of its negative part is left.
      signedMinimum = max(signedMinimum, Int64(bitPattern: minimum))
      maximum = min(maximum, UInt64(bitPattern: signedMaximum))
    } else if UInt64(bitPattern: signedMaximum) < minimum {
      signedMaximum = min(signedMaximum, Int64(bitPattern: maximum))
      minimum = max(minimum, UInt64(bitPattern: signedMinimum))
    }
  }

  private mutating func deduce32() {
    if Int32(bitPattern: minimum32) <= Int32(bitPattern: maximum32) {
      signedMinimum32 = max(signedMinimum32, Int32(bitPattern: minimum32))
      signedMaximum32 = min(signedMaximum32, Int32(bitPattern: maximum32))
    }
    if UInt32(bitPattern: signedMinimum32) <= UInt32(bitPattern: signedMaximum32) {
      minimum32 = max(minimum32, UInt32(bitPattern: signedMinimum32))
      maximum32 = min(maximum32, UInt32(bitPattern: signedMaximum32))
    } else if maximum32 < UInt32(bitPattern: signedMinimum32) {
      signedMinimum32 = max(signedMinimum32, Int32(bitPattern: minimum32))
      maximum32 = min(maximum32, UInt32(bitPattern: signedMaximum32))
    } else if UInt32(bitPattern: signedMaximum32) < minimum32 {
      signedMaximum32 = min(signedMaximum32, Int32(bitPattern: maximum32))
      minimum32 = max(minimum32, UInt32(bitPattern: signedMinimum32))
    }
  }

  /// The low half from the whole and back.
  private mutating func deduceAcross() {
    deduceLow(from: minimum, to: maximum)
    deduceLow(from: UInt64(bitPattern: signedMinimum), to: UInt64(bitPattern: signedMaximum))
    let upper: UInt64 = 0xffff_ffff_0000_0000
    minimum = max(minimum, minimum & upper | UInt64(minimum32))
    maximum = min(maximum, maximum & upper | UInt64(maximum32))
    signedMinimum = max(
      signedMinimum,
      Int64(bitPattern: UInt64(bitPattern: signedMinimum) & upper | UInt64(minimum32)))
    signedMaximum = min(
      signedMaximum,
      Int64(bitPattern: UInt64(bitPattern: signedMaximum) & upper | UInt64(maximum32)))
    if signedMinimum >= Int64(Int32.min), signedMaximum <= Int64(Int32.max) {
      signedMinimum = max(signedMinimum, Int64(signedMinimum32))
      signedMaximum = min(signedMaximum, Int64(signedMaximum32))
    }
  }

  /// Bounds of the low half, if the interval does not span more than one turn of it.
  private mutating func deduceLow(from first: UInt64, to last: UInt64) {
    let low = UInt32(truncatingIfNeeded: first)
    let high = UInt32(truncatingIfNeeded: last)
    if first &>> 32 == last &>> 32 {
      guard low <= high else { return }
      minimum32 = max(minimum32, low)
      maximum32 = min(maximum32, high)
      if Int32(bitPattern: low) <= Int32(bitPattern: high) {
        signedMinimum32 = max(signedMinimum32, Int32(bitPattern: low))
        signedMaximum32 = min(signedMaximum32, Int32(bitPattern: high))
      }
    } else if UInt32(truncatingIfNeeded: first &>> 32) &+ 1
      == UInt32(truncatingIfNeeded: last &>> 32),
      Int32(bitPattern: low) < 0, Int32(bitPattern: high) >= 0
    {
      signedMinimum32 = max(signedMinimum32, Int32(bitPattern: low))
      signedMaximum32 = min(signedMaximum32, Int32(bitPattern: high))
    }
  }
}
