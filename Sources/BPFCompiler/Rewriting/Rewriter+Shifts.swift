import BPFInstructions
import BPFRuntime
import X86Assembler

extension Rewriter {
  mutating func rewriteShift(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ right: UInt64?,
    _ i: DecodedInstruction, at index: Int
  ) {
    if let right {
      let count = Int(right & (size == .word ? 31 : 63))
      return appendShift(operation.shift, size, by: count, i.destination, at: index)
    }
    // Without BMI2 the machine shifts in place, by cl.
    guard processor.hasBMI2 else { return appendPlain(at: index) }
    var step = Step(.shift, origin: index)
    step.shift = operation.shift
    step.size = size
    step.destination = i.destination
    step.left = source(i.destination, size)
    step.right = source(i.source, .word)
    append(step)
  }

  mutating func appendShift(
    _ shift: ShiftOperation, _ size: OperandSize, by count: Int, _ register: UInt8,
    at index: Int
  ) {
    guard count > 0 else { return appendMove(register, register, size, at: index) }
    if shift != .shiftLeft, size == .doubleWord,
      appendExtension(isSigned: shift == .arithmeticShiftRight, count, register, at: index)
    {
      return
    }
    if shift == .shiftRight, appendBitCount(size, by: count, register, at: index) { return }
    var step = Step(.shift, origin: index)
    step.shift = shift
    step.size = size
    step.destination = register
    step.left = source(register, size)
    step.hasImmediate = true
    step.immediate = Int64(count)
    append(step)
  }

  /// `r <<= 32; r >>= 32`, logical or arithmetic, and the same with 48 and 56: an extension.
  private mutating func appendExtension(
    isSigned: Bool, _ count: Int, _ register: UInt8, at index: Int
  ) -> Bool {
    guard let maker = maker(of: register) else { return false }
    let shift = steps[maker]
    let accessSize: OperandSize
    switch count {
    case 32: accessSize = .word
    case 48: accessSize = .half
    case 56: accessSize = .byte
    default: return false
    }
    guard shift.form == .shift, shift.shift == .shiftLeft, shift.hasImmediate,
      shift.immediate == Int64(count), shift.size == .doubleWord
    else { return false }
    if shift.left == register {
      guard takeBack(register) != nil else { return false }
    } else if !isUnchanged(shift.left, since: maker) {
      return false
    }
    if !isSigned, accessSize == .word {
      appendMove(register, shift.left, .word, at: index)
      return true
    }
    var step = Step(isSigned ? .signExtend : .zeroExtend, origin: index)
    step.size = isSigned ? .doubleWord : .word
    step.accessSize = accessSize
    step.destination = register
    step.left = shift.left
    append(step)
    return true
  }

  // MARK: Bits that are set

  /// The masks and the factor of counting bits by adding neighbours up, in 32 or 64 bits.
  private static let pairs: UInt64 = 0x5555_5555_5555_5555
  private static let fours: UInt64 = 0x3333_3333_3333_3333
  private static let bytes: UInt64 = 0x0f0f_0f0f_0f0f_0f0f
  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// Recognises the end of the usual way to count bits without an instruction for it:
  ///
  ///     x -= (x >> 1) & 0x5555...; x = (x & 0x3333...) + ((x >> 2) & 0x3333...)
  ///     x = (x + (x >> 4)) & 0x0f0f...; x * 0x0101... >> 56
  ///
  /// What it is replaced by counts at the subtraction, where x is still there, into a register
  /// that nothing in between uses.
  private mutating func appendBitCount(
    _ size: OperandSize, by count: Int, _ register: UInt8, at index: Int
  ) -> Bool {
    guard processor.hasPopulationCount, count == (size == .word ? 24 : 56),
      let product = maker(of: register),
      let masked = operand(of: product, size, .product, Self.ones),
      let sum = operand(of: masked, size, .mask, Self.bytes),
      let (fours, shifted) = summands(of: sum, size),
      let quarter = shiftedBy(4, shifted, size), quarter == fours,
      let (low, high) = summands(of: fours, size),
      let pairs = operand(of: low, size, .mask, Self.fours),
      let upper = operand(of: high, size, .mask, Self.fours),
      let lowered = shiftedBy(2, upper, size), lowered == pairs,
      pairs >= Int(start), steps[pairs].form == .binary, steps[pairs].binary == .subtract,
      steps[pairs].size == size, !steps[pairs].isProduct, !steps[pairs].hasImmediate,
      steps[pairs].rightMaker >= start,
      let halves = operand(of: Int(steps[pairs].rightMaker), size, .mask, Self.pairs),
      halves >= Int(start), steps[halves].form == .shift, steps[halves].shift == .shiftRight,
      steps[halves].hasImmediate, steps[halves].immediate == 1, steps[halves].size == size,
      steps[halves].left == steps[pairs].left, steps[halves].leftMaker == steps[pairs].leftMaker,
      leavesScratchAlone(from: pairs)
    else { return false }
    var counting = Step(.countBits, origin: index)
    counting.size = size
    counting.destination = Self.countRegister
    counting.left = steps[pairs].left
    insertions.append((pairs, counting))
    var move = Step(.move, origin: index)
    move.destination = register
    move.left = Self.countRegister
    append(move)
    known.forget(Step.bit(register), zeroExtended: Step.bit(register))
    return true
  }

  /// The second of the machine's two registers that no BPF register is in.
  private static let countRegister: UInt8 = 12

  private enum Use { case mask, product }

  /// The step whose result is masked by, or multiplied with, a constant in a step.
  private func operand(of step: Int, _ size: OperandSize, _ use: Use, _ value: UInt64) -> Int? {
    guard step >= Int(start) else { return nil }
    let step = steps[step]
    let mask: UInt64 = size == .word ? 0xffff_ffff : .max
    // A mask without upper half may have made a step shorter.
    guard step.form == .binary, step.size == size, step.isProduct == (use == .product),
      use == .product || step.binary == .and, step.hasImmediate || step.isRightKnown,
      UInt64(bitPattern: step.immediate) & mask == value & mask, step.leftMaker >= start
    else { return nil }
    return Int(step.leftMaker)
  }

  private func summands(of step: Int, _ size: OperandSize) -> (Int, Int)? {
    guard step >= Int(start) else { return nil }
    let step = steps[step]
    guard step.form == .binary, step.binary == .add, !step.isProduct, step.size == size,
      !step.hasImmediate, step.leftMaker >= start, step.rightMaker >= start
    else { return nil }
    return (Int(step.leftMaker), Int(step.rightMaker))
  }

  /// The step whose result another step shifts right by a number of bits.
  private func shiftedBy(_ count: Int64, _ step: Int, _ size: OperandSize) -> Int? {
    guard step >= Int(start) else { return nil }
    let step = steps[step]
    guard step.form == .shift, step.shift == .shiftRight, step.hasImmediate,
      step.immediate == count, step.size == size, step.leftMaker >= start
    else { return nil }
    return Int(step.leftMaker)
  }

  /// Whether what follows a step leaves the register for counting alone.
  private func leavesScratchAlone(from step: Int) -> Bool {
    steps[step...].allSatisfy {
      $0.form != .plain && $0.form != .lookup && ($0.writes | $0.reads) & 1 << 12 == 0
    }
  }
}
