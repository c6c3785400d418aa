import BPFInstructions

// What an operation makes of numbers of which only some is known. Every result that is possible
// for possible operands is possible in the result.
extension Scalar {
  /// The result of an arithmetic instruction; moves are not among them.
  static func apply(
    _ operation: Operation.Arithmetic, _ width: Operation.Width, _ left: Scalar, _ right: Scalar
  ) -> Scalar {
    if let constant = folded(operation, width, left, right) { return Scalar(constant: constant) }
    var result = Scalar.anything
    switch operation {
    case .add: result.setSum(left, right)
    case .subtract: result.setDifference(left, right)
    case .multiply: result.setProduct(left, right)
    case .and: result.setConjunction(left, right)
    case .or: result.setDisjunction(left, right)
    case .xor: result.bits = left.bits ^ right.bits
    case .shiftLeft, .shiftRight, .arithmeticShiftRight:
      return shifted(operation, width, left, by: right)
    case .divide, .signedDivide, .modulo, .signedModulo, .move:
      return .anything
    }
    if width == .bits32 { result.dropUpperHalf() }
    result.tighten()
    return result
  }

  /// Constants in, constant out. Divisions stay unknown, as in Linux.
  private static func folded(
    _ operation: Operation.Arithmetic, _ width: Operation.Width, _ left: Scalar, _ right: Scalar
  ) -> UInt64? {
    let mask: UInt64 = width == .bits64 ? .max : 0xffff_ffff
    guard (left.bits.unknown | right.bits.unknown) & mask == 0 else { return nil }
    let a = left.bits.value & mask
    let b = right.bits.value & mask
    switch operation {
    case .add: return (a &+ b) & mask
    case .subtract: return (a &- b) & mask
    case .multiply: return (a &* b) & mask
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    default: return nil
    }
  }

  private mutating func setSum(_ left: Scalar, _ right: Scalar) {
    bits = left.bits + right.bits
    let low = left.minimum.addingReportingOverflow(right.minimum)
    let high = left.maximum.addingReportingOverflow(right.maximum)
    // All sums wrap, or none does.
    if low.overflow == high.overflow { (minimum, maximum) = (low.0, high.0) }
    let signedLow = left.signedMinimum.addingReportingOverflow(right.signedMinimum)
    let signedHigh = left.signedMaximum.addingReportingOverflow(right.signedMaximum)
    if !signedLow.overflow, !signedHigh.overflow {
      (signedMinimum, signedMaximum) = (signedLow.0, signedHigh.0)
    }
    let low32 = left.minimum32.addingReportingOverflow(right.minimum32)
    let high32 = left.maximum32.addingReportingOverflow(right.maximum32)
    if low32.overflow == high32.overflow { (minimum32, maximum32) = (low32.0, high32.0) }
    let signedLow32 = left.signedMinimum32.addingReportingOverflow(right.signedMinimum32)
    let signedHigh32 = left.signedMaximum32.addingReportingOverflow(right.signedMaximum32)
    if !signedLow32.overflow, !signedHigh32.overflow {
      (signedMinimum32, signedMaximum32) = (signedLow32.0, signedHigh32.0)
    }
  }

  private mutating func setDifference(_ left: Scalar, _ right: Scalar) {
    bits = left.bits - right.bits
    let low = left.minimum.subtractingReportingOverflow(right.maximum)
    let high = left.maximum.subtractingReportingOverflow(right.minimum)
    if low.overflow == high.overflow { (minimum, maximum) = (low.0, high.0) }
    let signedLow = left.signedMinimum.subtractingReportingOverflow(right.signedMaximum)
    let signedHigh = left.signedMaximum.subtractingReportingOverflow(right.signedMinimum)
    if !signedLow.overflow, !signedHigh.overflow {
      (signedMinimum, signedMaximum) = (signedLow.0, signedHigh.0)
    }
    let low32 = left.minimum32.subtractingReportingOverflow(right.maximum32)
    let high32 = left.maximum32.subtractingReportingOverflow(right.minimum32)
    if low32.overflow == high32.overflow { (minimum32, maximum32) = (low32.0, high32.0) }
    let signedLow32 = left.signedMinimum32.subtractingReportingOverflow(right.signedMaximum32)
    let signedHigh32 = left.signedMaximum32.subtractingReportingOverflow(right.signedMinimum32)
    if !signedLow32.overflow, !signedHigh32.overflow {
      (signedMinimum32, signedMaximum32) = (signedLow32.0, signedHigh32.0)
    }
  }

  private mutating func setProduct(_ left: Scalar, _ right: Scalar) {
    bits = left.bits * right.bits
    let high = left.maximum.multipliedReportingOverflow(by: right.maximum)
    if !high.overflow { (minimum, maximum) = (left.minimum &* right.minimum, high.0) }
    if let bounds = Self.products(
      (left.signedMinimum, left.signedMaximum), (right.signedMinimum, right.signedMaximum))
    {
      (signedMinimum, signedMaximum) = bounds
    }
    let high32 = left.maximum32.multipliedReportingOverflow(by: right.maximum32)
    if !high32.overflow { (minimum32, maximum32) = (left.minimum32 &* right.minimum32, high32.0) }
    if let bounds = Self.products(
      (left.signedMinimum32, left.signedMaximum32), (right.signedMinimum32, right.signedMaximum32))
    {
      (signedMinimum32, signedMaximum32) = bounds
    }
  }

  /// The bounds of a signed product; `nil` if one of the corners does not fit.
  private static func products<Number: FixedWidthInteger>(
    _ left: (Number, Number), _ right: (Number, Number)
  ) -> (Number, Number)? {
    let corners = (
      left.0.multipliedReportingOverflow(by: right.0),
      left.0.multipliedReportingOverflow(by: right.1),
      left.1.multipliedReportingOverflow(by: right.0),
      left.1.multipliedReportingOverflow(by: right.1)
    )
    guard !corners.0.overflow, !corners.1.overflow, !corners.2.overflow, !corners.3.overflow else {
      return nil
    }
    let values = (
      corners.0.partialValue, corners.1.partialValue, corners.2.partialValue,
      corners.3.partialValue
    )
    return (
      min(min(values.0, values.1), min(values.2, values.3)),
      max(max(values.0, values.1), max(values.2, values.3))
    )
  }

  private mutating func setConjunction(_ left: Scalar, _ right: Scalar) {
    bits = left.bits & right.bits
    maximum = min(left.maximum, right.maximum)
    maximum32 = min(left.maximum32, right.maximum32)
  }

  private mutating func setDisjunction(_ left: Scalar, _ right: Scalar) {
    bits = left.bits | right.bits
    minimum = max(left.minimum, right.minimum)
    minimum32 = max(left.minimum32, right.minimum32)
  }

  /// The bounds of the upper half no longer hold: only what is known of the low one stays.
  fileprivate mutating func dropUpperHalf() {
    bits = bits.low32
    minimum = UInt64(minimum32)
    maximum = UInt64(maximum32)
    signedMinimum = Int64(minimum32)
    signedMaximum = Int64(maximum32)
  }

  /// The low half, zero-extended: what 32-bit instructions leave.
  var zeroExtended32: Scalar {
    var result = self
    result.dropUpperHalf()
    result.tighten()
    return result
  }

  /// Zero minus this.
  func negated(_ width: Operation.Width) -> Scalar {
    Self.apply(.subtract, width, Scalar(constant: 0), self)
  }
}

// Shifts: known counts only, as in Linux.
extension Scalar {
  private static func shifted(
    _ operation: Operation.Arithmetic, _ width: Operation.Width, _ left: Scalar, by right: Scalar
  ) -> Scalar {
    let count: UInt64
    switch width {
    case .bits64:
      guard let known = right.constant, known < 64 else { return .anything }
      count = known
    case .bits32:
      guard let known = right.constant32, known < 32 else { return .anything }
      count = UInt64(known)
    }
    var result = Scalar.anything
    switch (operation, width) {
    case (.shiftLeft, _): result.setShiftedLeft(left, count, width)
    case (.shiftRight, .bits64):
      result.bits = left.bits.shiftedRight(count)
      result.minimum = left.minimum &>> count
      result.maximum = left.maximum &>> count
    case (.shiftRight, .bits32):
      result.bits = left.bits.low32.shiftedRight(count)
      result.minimum32 = left.minimum32 &>> UInt32(truncatingIfNeeded: count)
      result.maximum32 = left.maximum32 &>> UInt32(truncatingIfNeeded: count)
    case (_, .bits64):
      result.bits = left.bits.arithmeticallyShiftedRight(count, width: .bits64)
      result.signedMinimum = left.signedMinimum &>> Int64(count)
      result.signedMaximum = left.signedMaximum &>> Int64(count)
    case (_, .bits32):
      result.bits = left.bits.arithmeticallyShiftedRight(count, width: .bits32)
      result.signedMinimum32 = left.signedMinimum32 &>> Int32(truncatingIfNeeded: count)
      result.signedMaximum32 = left.signedMaximum32 &>> Int32(truncatingIfNeeded: count)
    }
    if width == .bits32 { result.dropUpperHalf() }
    result.tighten()
    return result
  }

  private mutating func setShiftedLeft(_ left: Scalar, _ count: UInt64, _ width: Operation.Width) {
    bits = left.bits.shiftedLeft(count)
    if left.maximum <= UInt64.max &>> count {
      minimum = left.minimum &<< count
      maximum = left.maximum &<< count
    }
    // The first half of the idiom that sign-extends a word.
    if count == 32, width == .bits64 {
      signedMinimum = Int64(left.signedMinimum32) &<< 32
      signedMaximum = Int64(left.signedMaximum32) &<< 32
    }
    if count < 32, left.maximum32 <= UInt32.max &>> UInt32(truncatingIfNeeded: count) {
      minimum32 = left.minimum32 &<< UInt32(truncatingIfNeeded: count)
      maximum32 = left.maximum32 &<< UInt32(truncatingIfNeeded: count)
    }
  }
}

// Changes of width.
extension Scalar {
  /// The low bytes, zero-extended.
  func truncated(toBytes count: Int) -> Scalar {
    guard count < 8 else { return self }
    let width = UInt64(truncatingIfNeeded: count * 8)
    let mask: UInt64 = (1 &<< width) &- 1
    var result = Scalar.anything
    result.bits = bits.truncated(toBits: width)
    if minimum & ~mask == maximum & ~mask {
      (result.minimum, result.maximum) = (minimum & mask, maximum & mask)
    } else {
      (result.minimum, result.maximum) = (0, mask)
    }
    if count == 4 {
      (result.minimum32, result.maximum32) = (minimum32, maximum32)
      (result.signedMinimum32, result.signedMaximum32) = (signedMinimum32, signedMaximum32)
    }
    result.tighten()
    return result
  }

  /// The low bits, sign-extended to 64; for width 32 the upper half becomes zero.
  func signExtended(fromBits count: Int, _ width: Operation.Width = .bits64) -> Scalar {
    let shift = Int64(64 &- count)
    let lowest = Int64.min &>> shift
    let highest = Int64.max &>> shift
    var result = Scalar.anything
    if isConstant {
      let unused = UInt64(64 &- count)
      result.bits = bits.shiftedLeft(unused).arithmeticallyShiftedRight(unused, width: .bits64)
    }
    (result.signedMinimum, result.signedMaximum) = (lowest, highest)
    let (from, to) =
      count == 32
      ? (Int64(signedMinimum32), Int64(signedMaximum32)) : (signedMinimum, signedMaximum)
    // Numbers that share their upper part keep their order unless the sign changes in between.
    if from &>> Int64(count) == to &>> Int64(count) || from >= lowest && to <= highest {
      let low = (from &<< shift) &>> shift
      let high = (to &<< shift) &>> shift
      if low <= high { (result.signedMinimum, result.signedMaximum) = (low, high) }
    }
    result.tighten()
    return width == .bits64 ? result : result.zeroExtended32
  }
}
