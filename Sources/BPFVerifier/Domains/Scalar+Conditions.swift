import BPFInstructions

// What a comparison of two numbers comes to, and what can be concluded from its outcome.
extension Scalar {
  /// Whether a comparison always holds (`true`), never holds (`false`), or depends.
  static func outcome(
    _ condition: Operation.Condition, _ width: Operation.Width, _ left: Scalar, _ right: Scalar
  ) -> Bool? {
    switch condition {
    case .equal: equality(width, left, right)
    case .notEqual: equality(width, left, right).map { !$0 }
    case .bitsSet: commonBits(width, left, right)
    case .greater: order(width, right, left, orEqual: false)
    case .greaterOrEqual: order(width, right, left, orEqual: true)
    case .less: order(width, left, right, orEqual: false)
    case .lessOrEqual: order(width, left, right, orEqual: true)
    case .signedGreater: signedOrder(width, right, left, orEqual: false)
    case .signedGreaterOrEqual: signedOrder(width, right, left, orEqual: true)
    case .signedLess: signedOrder(width, left, right, orEqual: false)
    case .signedLessOrEqual: signedOrder(width, left, right, orEqual: true)
    }
  }

  private static func equality(
    _ width: Operation.Width, _ left: Scalar, _ right: Scalar
  ) -> Bool? {
    if width == .bits32 {
      if let a = left.constant32, let b = right.constant32 { return a == b }
      if left.minimum32 > right.maximum32 || left.maximum32 < right.minimum32
        || left.signedMinimum32 > right.signedMaximum32
        || left.signedMaximum32 < right.signedMinimum32
        || left.bits.low32.contradicts(right.bits.low32)
      {
        return false
      }
      return nil
    }
    if let a = left.constant, let b = right.constant { return a == b }
    if left.minimum > right.maximum || left.maximum < right.minimum
      || left.signedMinimum > right.signedMaximum || left.signedMaximum < right.signedMinimum
      || left.bits.contradicts(right.bits)
    {
      return false
    }
    return nil
  }

  private static func commonBits(
    _ width: Operation.Width, _ left: Scalar, _ right: Scalar
  ) -> Bool? {
    let a = width == .bits32 ? left.bits.low32 : left.bits
    let b = width == .bits32 ? right.bits.low32 : right.bits
    if a.value & b.value != 0 { return true }
    if a.maximum & b.maximum == 0 { return false }
    return nil
  }

  private static func order(
    _ width: Operation.Width, _ low: Scalar, _ high: Scalar, orEqual: Bool
  ) -> Bool? {
    let (lowMinimum, lowMaximum, highMinimum, highMaximum) =
      width == .bits64
      ? (low.minimum, low.maximum, high.minimum, high.maximum)
      : (
        UInt64(low.minimum32), UInt64(low.maximum32), UInt64(high.minimum32),
        UInt64(high.maximum32)
      )
    if orEqual ? lowMaximum <= highMinimum : lowMaximum < highMinimum { return true }
    if orEqual ? lowMinimum > highMaximum : lowMinimum >= highMaximum { return false }
    return nil
  }

  private static func signedOrder(
    _ width: Operation.Width, _ low: Scalar, _ high: Scalar, orEqual: Bool
  ) -> Bool? {
    let (lowMinimum, lowMaximum, highMinimum, highMaximum) =
      width == .bits64
      ? (low.signedMinimum, low.signedMaximum, high.signedMinimum, high.signedMaximum)
      : (
        Int64(low.signedMinimum32), Int64(low.signedMaximum32), Int64(high.signedMinimum32),
        Int64(high.signedMaximum32)
      )
    if orEqual ? lowMaximum <= highMinimum : lowMaximum < highMinimum { return true }
    if orEqual ? lowMinimum > highMaximum : lowMinimum >= highMaximum { return false }
    return nil
  }

  /// Narrows both sides of a comparison that held (`holds`) or did not.
  static func refine(
    _ condition: Operation.Condition, _ width: Operation.Width, holds: Bool,
    _ left: inout Scalar, _ right: inout Scalar
  ) {
    switch (condition, holds) {
    case (.equal, true), (.notEqual, false): refineEqual(width, &left, &right)
    case (.notEqual, true), (.equal, false):
      refineDifferent(width, &left, right)
      refineDifferent(width, &right, left)
    case (.bitsSet, _):
      refineBits(width, &left, right, anySet: holds)
      refineBits(width, &right, left, anySet: holds)
    case (.less, true), (.greaterOrEqual, false): refineLess(width, &left, &right)
    case (.lessOrEqual, true), (.greater, false): refineLessOrEqual(width, &left, &right)
    case (.greater, true), (.lessOrEqual, false): refineLess(width, &right, &left)
    case (.greaterOrEqual, true), (.less, false): refineLessOrEqual(width, &right, &left)
    case (.signedLess, true), (.signedGreaterOrEqual, false):
      refineSignedLess(width, &left, &right)
    case (.signedLessOrEqual, true), (.signedGreater, false):
      refineSignedLessOrEqual(width, &left, &right)
    case (.signedGreater, true), (.signedLessOrEqual, false):
      refineSignedLess(width, &right, &left)
    case (.signedGreaterOrEqual, true), (.signedLess, false):
      refineSignedLessOrEqual(width, &right, &left)
    }
    left.tighten()
    right.tighten()
  }

  private static func refineEqual(
    _ width: Operation.Width, _ left: inout Scalar, _ right: inout Scalar
  ) {
    if width == .bits64 {
      let both = intersection(left, right)
      left = both
      right = both
      return
    }
    if left.bits.low32.contradicts(right.bits.low32) {
      left.minimum = .max
      left.maximum = 0
      return
    }
    let low = left.bits.low32.intersection(right.bits.low32)
    left.bits = left.bits.replacingLow32(low)
    right.bits = right.bits.replacingLow32(low)
    left.minimum32 = max(left.minimum32, right.minimum32)
    left.maximum32 = min(left.maximum32, right.maximum32)
    left.signedMinimum32 = max(left.signedMinimum32, right.signedMinimum32)
    left.signedMaximum32 = min(left.signedMaximum32, right.signedMaximum32)
    right.minimum32 = left.minimum32
    right.maximum32 = left.maximum32
    right.signedMinimum32 = left.signedMinimum32
    right.signedMaximum32 = left.signedMaximum32
  }

  /// What is possible in both.
  static func intersection(_ left: Scalar, _ right: Scalar) -> Scalar {
    var both = left
    both.minimum = max(left.minimum, right.minimum)
    both.maximum = min(left.maximum, right.maximum)
    both.signedMinimum = max(left.signedMinimum, right.signedMinimum)
    both.signedMaximum = min(left.signedMaximum, right.signedMaximum)
    both.minimum32 = max(left.minimum32, right.minimum32)
    both.maximum32 = min(left.maximum32, right.maximum32)
    both.signedMinimum32 = max(left.signedMinimum32, right.signedMinimum32)
    both.signedMaximum32 = min(left.signedMaximum32, right.signedMaximum32)
    if left.bits.contradicts(right.bits) {
      (both.minimum, both.maximum) = (.max, 0)
    } else {
      both.bits = left.bits.intersection(right.bits)
    }
    return both
  }

  /// A bound that is excluded moves by one.
  private static func refineDifferent(
    _ width: Operation.Width, _ side: inout Scalar, _ other: Scalar
  ) {
    if width == .bits64 {
      guard let excluded = other.constant else { return }
      let signed = Int64(bitPattern: excluded)
      if side.minimum == excluded { side.minimum &+= 1 }
      if side.maximum == excluded { side.maximum &-= 1 }
      if side.signedMinimum == signed { side.signedMinimum &+= 1 }
      if side.signedMaximum == signed { side.signedMaximum &-= 1 }
    } else {
      guard let excluded = other.constant32 else { return }
      let signed = Int32(bitPattern: excluded)
      if side.minimum32 == excluded { side.minimum32 &+= 1 }
      if side.maximum32 == excluded { side.maximum32 &-= 1 }
      if side.signedMinimum32 == signed { side.signedMinimum32 &+= 1 }
      if side.signedMaximum32 == signed { side.signedMaximum32 &-= 1 }
    }
  }

  private static func refineBits(
    _ width: Operation.Width, _ side: inout Scalar, _ other: Scalar, anySet: Bool
  ) {
    let mask: UInt64
    if width == .bits64 {
      guard let constant = other.constant else { return }
      mask = constant
    } else {
      guard let constant = other.constant32 else { return }
      mask = UInt64(constant)
    }
    if anySet {
      // Only a single bit is known to be the one that is set.
      guard mask != 0, mask & (mask &- 1) == 0 else { return }
      side.bits = KnownBits(value: side.bits.value | mask, unknown: side.bits.unknown & ~mask)
    } else {
      side.bits = KnownBits(value: side.bits.value & ~mask, unknown: side.bits.unknown & ~mask)
    }
  }

  private static func refineLessOrEqual(
    _ width: Operation.Width, _ low: inout Scalar, _ high: inout Scalar
  ) {
    if width == .bits64 {
      low.maximum = min(low.maximum, high.maximum)
      high.minimum = max(high.minimum, low.minimum)
    } else {
      low.maximum32 = min(low.maximum32, high.maximum32)
      high.minimum32 = max(high.minimum32, low.minimum32)
    }
  }

  // The comparison is possible, so the bounds next to the excluded ones exist.
  private static func refineLess(
    _ width: Operation.Width, _ low: inout Scalar, _ high: inout Scalar
  ) {
    if width == .bits64 {
      low.maximum = min(low.maximum, high.maximum &- 1)
      high.minimum = max(high.minimum, low.minimum &+ 1)
    } else {
      low.maximum32 = min(low.maximum32, high.maximum32 &- 1)
      high.minimum32 = max(high.minimum32, low.minimum32 &+ 1)
    }
  }

  private static func refineSignedLessOrEqual(
    _ width: Operation.Width, _ low: inout Scalar, _ high: inout Scalar
  ) {
    if width == .bits64 {
      low.signedMaximum = min(low.signedMaximum, high.signedMaximum)
      high.signedMinimum = max(high.signedMinimum, low.signedMinimum)
    } else {
      low.signedMaximum32 = min(low.signedMaximum32, high.signedMaximum32)
      high.signedMinimum32 = max(high.signedMinimum32, low.signedMinimum32)
    }
  }

  private static func refineSignedLess(
    _ width: Operation.Width, _ low: inout Scalar, _ high: inout Scalar
  ) {
    if width == .bits64 {
      low.signedMaximum = min(low.signedMaximum, high.signedMaximum &- 1)
      high.signedMinimum = max(high.signedMinimum, low.signedMinimum &+ 1)
    } else {
      low.signedMaximum32 = min(low.signedMaximum32, high.signedMaximum32 &- 1)
      high.signedMinimum32 = max(high.signedMinimum32, low.signedMinimum32 &+ 1)
    }
  }
}
