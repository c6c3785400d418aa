import BPFInstructions
import BPFRuntime
import X86Assembler

extension Rewriter {
  mutating func rewriteArithmetic(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ operand: Operation.Operand,
    _ i: DecodedInstruction, at index: Int
  ) {
    let right = operand == .register ? known.constant(i.source) : UInt64(bitPattern: i.immediate)
    if operation == .move {
      if let right {
        appendConstant(i.destination, size == .word ? right & 0xffff_ffff : right, at: index)
      } else {
        appendMove(i.destination, i.source, size, at: index)
      }
      return
    }
    if isHardened, size == .doubleWord, operand == .register,
      mayMoveTooFar(operation, i, at: index)
    {
      return appendPlain(at: index)
    }
    if let right, let left = known.constant(i.destination),
      let result = operation.result(size, left, right)
    {
      return appendConstant(i.destination, result, at: index)
    }
    switch operation {
    case .shiftLeft, .shiftRight, .arithmeticShiftRight:
      rewriteShift(operation, size, right, i, at: index)
    case .divide, .modulo, .signedDivide, .signedModulo:
      rewriteDivision(operation, size, right, i, at: index)
    case .add: rewriteSum(size, right, i, at: index)
    case .subtract:
      if let right, let immediate = Step.immediate(0 &- right, size), immediate != .min {
        rewriteSum(size, UInt64(bitPattern: Int64(immediate)), i, at: index)
      } else {
        appendBinary(.subtract, size, right, i, at: index)
      }
    case .multiply: rewriteProduct(size, right, i, at: index)
    case .or: rewriteUnion(.or, size, right, i, at: index)
    case .xor: rewriteUnion(.xor, size, right, i, at: index)
    case .and: rewriteMask(size, right, i, at: index)
    case .move: break
    }
  }

  /// Whether an address is moved by a number that a processor may have guessed wrong: what is put
  /// together of it is not, because the steps before it show nothing of its limits.
  private mutating func mayMoveTooFar(
    _ operation: Operation.Arithmetic, _ i: DecodedInstruction, at index: Int
  ) -> Bool {
    guard operation == .add || operation == .subtract else { return false }
    return switch unit.movement(at: index) {
    case .none: false
    case .byDestination: known.constant(i.destination) == nil
    case .bySource: known.constant(i.source) == nil
    case .varies: true
    }
  }

  /// `destination = destination operation right`.
  @discardableResult
  private mutating func appendBinary(
    _ operation: BinaryOperation, _ size: OperandSize, _ right: UInt64?,
    _ i: DecodedInstruction, at index: Int, isProduct: Bool = false
  ) -> Bool {
    var step = Step(.binary, origin: index)
    step.binary = operation
    step.isProduct = isProduct
    step.size = size
    step.destination = i.destination
    step.left = source(i.destination, size)
    if let right, let immediate = Step.immediate(right, size) {
      step.hasImmediate = true
      step.immediate = Int64(immediate)
    } else {
      step.right = source(i.source, size)
      if let right {
        step.isRightKnown = true
        step.immediate = Int64(bitPattern: right)
      }
    }
    append(step)
    return true
  }

  // MARK: Sums

  private mutating func rewriteSum(
    _ size: OperandSize, _ right: UInt64?, _ i: DecodedInstruction, at index: Int
  ) {
    if let right, let immediate = Step.immediate(right, size) {
      return rewriteSum(size, immediate, i, at: index)
    }
    if size == .doubleWord {
      if let left = known.constant(i.destination), i.destination != i.source {
        if appendSum(of: left, i.source, i.destination, at: index) { return }
      } else if let right, appendSum(of: right, i.destination, i.destination, at: index) {
        return
      }
      if appendScaledSum(i, at: index) { return }
    }
    let left = source(i.destination, size)
    if left == i.destination {
      rewriteUnion(.add, size, right, i, at: index)
      return
    }
    var step = Step(.address, origin: index)
    step.size = size
    step.destination = i.destination
    step.base = left
    step.index = source(i.source, size)
    append(step)
  }

  /// `destination += immediate`.
  private mutating func rewriteSum(
    _ size: OperandSize, _ immediate: Int32, _ i: DecodedInstruction, at index: Int
  ) {
    guard immediate != 0 else {
      return appendMove(i.destination, i.destination, size, at: index)
    }
    let left = source(i.destination, size)
    guard left == i.destination else {
      var step = Step(.address, origin: index)
      step.size = size
      step.destination = i.destination
      step.base = left
      step.displacement = immediate
      return append(step)
    }
    // A sum of a sum: the first one is not needed if its parts are still there, or would be.
    if let maker = maker(of: left), steps[maker].form == .address, steps[maker].size == size,
      [steps[maker].base, steps[maker].index].allSatisfy({
        $0 == left || isUnchanged($0, since: maker)
      }),
      let displacement = Int32(exactly: Int64(steps[maker].displacement) + Int64(immediate)),
      (steps[maker].base != left && steps[maker].index != left) || takeBack(left) != nil
    {
      var step = steps[maker]
      step.form = .address
      step.origin = Int32(truncatingIfNeeded: index)
      step.displacement = displacement
      return append(step)
    }
    appendBinary(.add, size, UInt64(bitPattern: Int64(immediate)), i, at: index)
  }

  /// `destination = constant + register`, if the constant has a place in addresses.
  private mutating func appendSum(
    of constant: UInt64, _ register: UInt8, _ destination: UInt8, at index: Int
  ) -> Bool {
    var step = Step(.address, origin: index)
    step.destination = destination
    if let immediate = Step.immediate(constant, .doubleWord) {
      step.base = source(register, .doubleWord)
      step.displacement = immediate
      append(step)
      return true
    }
    guard let place = held.place(of: constant) else { return false }
    step.base = place.register
    step.displacement = place.distance
    let scaled = source(register, .doubleWord)
    if let maker = maker(of: scaled), let scale = scale(of: maker) {
      let shift = steps[maker]
      if shift.left != scaled, isUnchanged(shift.left, since: maker) {
        step.index = shift.left
        step.scale = scale
        append(step)
        return true
      }
      if shift.left == scaled, scaled != destination, takeBack(scaled) != nil {
        // The sum comes before the shift, which may turn out not to be needed.
        step.index = scaled
        step.scale = scale
        append(step)
        append(shift)
        return true
      }
      if shift.left == scaled, scaled == destination, takeBack(scaled) != nil {
        step.index = scaled
        step.scale = scale
        append(step)
        return true
      }
    }
    step.index = scaled
    append(step)
    return true
  }

  /// The factor of a step that shifts left by 1 to 3.
  @inline(__always)
  private func scale(of maker: Int) -> MemoryOperand.Scale? {
    let step = steps[maker]
    guard step.form == .shift, step.shift == .shiftLeft, step.size == .doubleWord,
      step.hasImmediate
    else { return nil }
    return (1...3).contains(step.immediate)
      ? MemoryOperand.Scale(rawValue: UInt8(truncatingIfNeeded: step.immediate)) : nil
  }

  /// `r <<= 1, 2 or 3; r += base`.
  private mutating func appendScaledSum(_ i: DecodedInstruction, at index: Int) -> Bool {
    guard i.destination != i.source, let maker = maker(of: i.destination),
      let scale = scale(of: maker)
    else { return false }
    let shift = steps[maker]
    var step = Step(.address, origin: index)
    step.destination = i.destination
    step.scale = scale
    step.index = shift.left
    if shift.left == i.destination {
      guard takeBack(i.destination) != nil else { return false }
    } else if !isUnchanged(shift.left, since: maker) {
      return false
    }
    step.base = source(i.source, .doubleWord)
    append(step)
    return true
  }

  // MARK: Products and masks

  private mutating func rewriteProduct(
    _ size: OperandSize, _ right: UInt64?, _ i: DecodedInstruction, at index: Int
  ) {
    guard let right, let factor = Step.immediate(right, size) else {
      appendBinary(.add, size, right, i, at: index, isProduct: true)
      return
    }
    switch factor {
    case 0: appendConstant(i.destination, 0, at: index)
    case 1: appendMove(i.destination, i.destination, size, at: index)
    case 3, 5, 9:
      var step = Step(.address, origin: index)
      step.size = size
      step.destination = i.destination
      step.base = source(i.destination, size)
      step.index = step.base
      step.scale = factor == 3 ? .two : factor == 5 ? .four : .eight
      append(step)
    case let factor where factor > 1 && factor.nonzeroBitCount == 1:
      appendShift(.shiftLeft, size, by: factor.trailingZeroBitCount, i.destination, at: index)
    default: appendBinary(.add, size, right, i, at: index, isProduct: true)
    }
  }

  private mutating func rewriteMask(
    _ size: OperandSize, _ right: UInt64?, _ i: DecodedInstruction, at index: Int
  ) {
    switch right {
    case 0xff: appendZeroExtension(.byte, i.destination, at: index)
    case 0xffff: appendZeroExtension(.half, i.destination, at: index)
    case 0xffff_ffff: appendMove(i.destination, i.destination, .word, at: index)
    case let right? where right <= UInt64(Int32.max):
      // A mask whose upper half is zero leaves nothing of the register's upper half.
      appendBinary(.and, .word, right, i, at: index)
    default: appendBinary(.and, size, right, i, at: index)
    }
  }

  /// `or`, `xor` or `add` of two shifts of the same value may be a rotation.
  private mutating func rewriteUnion(
    _ operation: BinaryOperation, _ size: OperandSize, _ right: UInt64?,
    _ i: DecodedInstruction, at index: Int
  ) {
    if right == nil, i.destination != i.source, let left = maker(of: i.destination),
      let other = maker(of: source(i.source, .word)), readSince & Step.bit(i.destination) == 0,
      rotate(left, other, size)
    {
      return
    }
    if operation == .or, right == nil, appendRecomposedLoad(size, i, at: index) { return }
    appendBinary(operation, size, right, i, at: index)
  }

  /// Makes the first of two shifts a rotation if that is what both together are.
  private mutating func rotate(_ first: Int, _ second: Int, _ size: OperandSize) -> Bool {
    let a = steps[first]
    let b = steps[second]
    guard a.form == .shift, b.form == .shift, a.hasImmediate, b.hasImmediate, a.size == size,
      b.size == size, a.left == b.left, a.leftMaker == b.leftMaker
    else { return false }
    let bits: Int64 = size == .word ? 32 : 64
    guard a.immediate + b.immediate == bits else { return false }
    switch (a.shift, b.shift) {
    case (.shiftLeft, .shiftRight): steps[first].immediate = a.immediate
    case (.shiftRight, .shiftLeft): steps[first].immediate = b.immediate
    default: return false
    }
    steps[first].shift = .rotateLeft
    known.forget(Step.bit(a.destination), zeroExtended: size == .word ? Step.bit(a.destination) : 0)
    return true
  }

  private mutating func rewriteDivision(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ right: UInt64?,
    _ i: DecodedInstruction, at index: Int
  ) {
    let divisor = right.map { size == .word ? $0 & 0xffff_ffff : $0 }
    if let divisor, divisor.nonzeroBitCount == 1 {
      switch operation {
      case .divide:
        return appendShift(
          .shiftRight, size, by: divisor.trailingZeroBitCount, i.destination, at: index)
      case .modulo where Step.immediate(divisor - 1, size) != nil:
        return rewriteMask(size, divisor - 1, i, at: index)
      default: break
      }
    }
    // Where both upper halves are zero, the machine's shorter division does the same faster.
    let isShort =
      (operation == .divide || operation == .modulo) && known.isZeroExtended(i.destination)
      && (divisor.map { $0 <= UInt64(UInt32.max) } ?? known.isZeroExtended(i.source))
    appendPlain(at: index)
    guard isShort else { return }
    steps[steps.count - 1].size = .word
    let bit = Step.bit(i.destination)
    known.forget(bit, zeroExtended: bit)
  }
}

extension Operation.Arithmetic {
  /// The result for two numbers (RFC 9669 section 4.1); `nil` for operations that are left to the
  /// machine.
  func result(_ size: OperandSize, _ left: UInt64, _ right: UInt64) -> UInt64? {
    guard size == .doubleWord else {
      let a = UInt32(truncatingIfNeeded: left)
      let b = UInt32(truncatingIfNeeded: right)
      return result(a, b, signed: { Int32(bitPattern: $0) &>> Int32(bitPattern: $1) })
    }
    return result(left, right, signed: { Int64(bitPattern: $0) &>> Int64(bitPattern: $1) })
  }

  private func result<Number: FixedWidthInteger & UnsignedInteger, Signed: BinaryInteger>(
    _ a: Number, _ b: Number, signed: (Number, Number) -> Signed
  ) -> UInt64? {
    let result: Number
    switch self {
    case .add: result = a &+ b
    case .subtract: result = a &- b
    case .multiply: result = a &* b
    case .or: result = a | b
    case .and: result = a & b
    case .xor: result = a ^ b
    case .shiftLeft: result = a &<< b
    case .shiftRight: result = a &>> b
    case .arithmeticShiftRight: result = Number(truncatingIfNeeded: signed(a, b))
    case .divide: result = b == 0 ? 0 : a / b
    case .modulo: result = b == 0 ? a : a % b
    case .move: result = b
    case .signedDivide, .signedModulo: return nil
    }
    return UInt64(result)
  }
}
