import BPFInstructions
import BPFRuntime
import X86Assembler

extension Rewriter {
  mutating func rewrite(_ i: DecodedInstruction, at index: Int) {
    switch i.operation.kind {
    case .arithmetic(let operation, let width, let operand):
      guard unit.functionAddresses[index] == nil else { return appendPlain(at: index) }
      rewriteArithmetic(operation, width.size, operand, i, at: index)
    case .loadImmediate64:
      appendConstant(i.destination, UInt64(bitPattern: i.immediate), at: index)
    case .signExtendingMove(let bits, let width):
      var step = Step(.signExtend, origin: index)
      step.size = width.size
      step.accessSize = bits == 8 ? .byte : bits == 16 ? .half : .word
      step.destination = i.destination
      step.left = source(i.source, .word)
      append(step)
    case .negate(let width):
      appendUnary(.negate, width.size, i, at: index)
    case .byteOrder(let order, let bits): rewriteByteOrder(order, bits, i, at: index)
    case .load(let size, let isSigned):
      rewriteLoad(size.operandSize, isSigned: isSigned, i, at: index)
    case .loadAcquire(let size):
      rewriteLoad(size.operandSize, isSigned: false, i, at: index)
    case .store(let size, let operand):
      rewriteStore(size.operandSize, operand, i, at: index)
    case .storeRelease(let size): rewriteStore(size.operandSize, .register, i, at: index)
    case .callHelper: rewriteHelperCall(i, at: index)
    default: appendPlain(at: index)
    }
  }

  mutating func rewriteBranch(at index: Int, _ block: inout Plan.Block) {
    let i = unit.instructions[index]
    guard case .branch(let condition, let width, let operand) = i.operation.kind else { return }
    var step = Step(.compare, origin: index)
    step.condition = condition
    step.size = width.size
    step.destination = Step.none
    let right = operand == .register ? known.constant(i.source) : UInt64(bitPattern: i.immediate)
    if let right, let left = known.constant(i.destination) {
      // The way is known; the blocks of the other one are left out unless others lead there.
      if condition.holds(width, left, right) { block.next = block.taken }
      block.taken = -1
      return
    }
    step.left = source(i.destination, width.size)
    if let right, let immediate = Step.immediate(right, width.size) {
      step.hasImmediate = true
      step.immediate = Int64(immediate)
    } else {
      step.right = source(i.source, width.size)
    }
    readSince |= step.reads
    block.branch = step
  }

  /// `destination = value`.
  mutating func appendConstant(_ destination: UInt8, _ value: UInt64, at index: Int) {
    if known.constant(destination) == value { return }
    if let place = held.place(of: value), Step.immediate(value, .doubleWord) == nil,
      value > UInt64(UInt32.max)
    {
      var step = Step(place.distance == 0 ? .move : .address, origin: index)
      step.destination = destination
      if place.distance == 0 { step.left = place.register } else { step.base = place.register }
      step.displacement = place.distance
      append(step)
      known.set(destination, value)
      return
    }
    if Step.immediate(value, .doubleWord) == nil, value > UInt64(UInt32.max),
      let other = known.register(holding: value)
    {
      // Ten bytes less, and sums can be addresses.
      var step = Step(.move, origin: index)
      step.destination = destination
      step.left = other
      append(step)
      known.set(destination, value)
      return
    }
    var step = Step(.constant, origin: index)
    step.destination = destination
    step.immediate = Int64(bitPattern: value)
    append(step)
  }

  /// `destination = source`, of 32 or 64 bits.
  mutating func appendMove(
    _ destination: UInt8, _ from: UInt8, _ size: OperandSize, at index: Int
  ) {
    if let value = known.constant(from) {
      return appendConstant(destination, size == .word ? value & 0xffff_ffff : value, at: index)
    }
    let size = size == .word && known.isZeroExtended(from) ? .doubleWord : size
    let left = source(from, size)
    if left == destination, size == .doubleWord { return }
    var step = Step(.move, origin: index)
    step.size = size
    step.destination = destination
    step.left = left
    append(step)
  }

  private mutating func appendUnary(
    _ form: Step.Form, _ size: OperandSize, _ i: DecodedInstruction, at index: Int
  ) {
    var step = Step(form, origin: index)
    step.size = size
    step.destination = i.destination
    step.left = source(i.destination, size)
    append(step)
  }

  private mutating func rewriteByteOrder(
    _ order: Operation.ByteOrder, _ bits: UInt8, _ i: DecodedInstruction, at index: Int
  ) {
    switch (order, bits) {
    case (.toLittleEndian, 16):
      appendZeroExtension(.half, i.destination, at: index)
    case (.toLittleEndian, 32): appendMove(i.destination, i.destination, .word, at: index)
    case (.toLittleEndian, _): break
    case (_, 16): appendPlain(at: index)
    default: appendUnary(.swapBytes, bits == 32 ? .word : .doubleWord, i, at: index)
    }
  }

  mutating func appendZeroExtension(_ size: OperandSize, _ register: UInt8, at index: Int) {
    var step = Step(.zeroExtend, origin: index)
    step.size = .word
    step.accessSize = size
    step.destination = register
    step.left = source(register, .word)
    append(step)
  }
}

extension Step {
  /// A number as the sign-extended immediate of an operation, if it has one.
  static func immediate(_ value: UInt64, _ size: OperandSize) -> Int32? {
    size == .doubleWord
      ? Int32(exactly: Int64(bitPattern: value)) : Int32(truncatingIfNeeded: value)
  }
}

extension Operation.Condition {
  /// Whether the condition holds for two numbers (RFC 9669 section 4.3).
  func holds(_ width: Operation.Width, _ left: UInt64, _ right: UInt64) -> Bool {
    let isWord = width == .bits32
    let a = isWord ? left & 0xffff_ffff : left
    let b = isWord ? right & 0xffff_ffff : right
    let x = isWord ? Int64(Int32(truncatingIfNeeded: left)) : Int64(bitPattern: left)
    let y = isWord ? Int64(Int32(truncatingIfNeeded: right)) : Int64(bitPattern: right)
    return switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .bitsSet: a & b != 0
    case .signedGreater: x > y
    case .signedGreaterOrEqual: x >= y
    case .signedLess: x < y
    case .signedLessOrEqual: x <= y
    }
  }
}
