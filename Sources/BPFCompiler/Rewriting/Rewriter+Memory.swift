import BPFInstructions
import BPFRuntime
import X86Assembler

extension Rewriter {
  /// `destination = *(size *)(source + offset)`.
  mutating func rewriteLoad(
    _ size: OperandSize, isSigned: Bool, _ i: DecodedInstruction, at index: Int
  ) {
    var step = Step(.load, origin: index)
    step.destination = i.destination
    step.accessSize = size
    step.isSigned = isSigned
    var offset = i.offset
    if size == .word || size == .doubleWord, !isSigned,
      let word = unit.context.redirectedWord(
        ofLoadAt: Int(i.offset), byteCount: Int(size.rawValue))
    {
      switch holding(i.source, i, at: index) {
      case .context:
        offset = Int32(truncatingIfNeeded: word)
        step.accessSize = .doubleWord
      case .unknown: return appendPlain(at: index)
      case .other: break
      }
    }
    if i.destination != i.source {
      // What is in the destination is gone; if nobody has read it, it need not be made.
      _ = takeBack(i.destination)
    }
    setPlace(&step, i.source, offset)
    if step.base == i.source, step.index == Step.none, i.destination == i.source {
      absorbSum(&step, i.source)
    }
    append(step)
  }

  /// `*(size *)(destination + offset) = source`, or an immediate.
  mutating func rewriteStore(
    _ size: OperandSize, _ operand: Operation.Operand, _ i: DecodedInstruction, at index: Int
  ) {
    if size == .word, unit.context.storage(ofStoreAt: Int(i.offset)) != .plain,
      holding(i.destination, i, at: index) != .other
    {
      return appendPlain(at: index)
    }
    var step = Step(.store, origin: index)
    step.accessSize = size
    setPlace(&step, i.destination, i.offset)
    let value = operand == .register ? known.constant(i.source) : UInt64(bitPattern: i.immediate)
    if let value, let immediate = Step.immediate(value, size == .doubleWord ? size : .word) {
      step.immediate = Int64(immediate)
      step.hasImmediate = operand == .immediate || !isStoredAgain(i.source)
      step.isRightKnown = !step.hasImmediate
    }
    if !step.hasImmediate { step.right = source(i.source, size == .doubleWord ? size : .word) }
    append(step)
  }

  /// Whether a number that a register holds has been stored before: once, the register may turn out
  /// not to be needed; after that, a store that names the register is up to four bytes shorter.
  private mutating func isStoredAgain(_ register: UInt8) -> Bool {
    let bit = Step.bit(register)
    defer { storedNumbers |= bit }
    return storedNumbers & bit != 0
  }

  /// What the base of an access is.
  @inline(__always)
  private func holding(
    _ register: UInt8, _ i: DecodedInstruction, at index: Int
  ) -> ContextTracking.Holding {
    context?.base(of: i, at: index, register) ?? .other
  }

  /// `[register + offset]`, or where the register came from.
  mutating func setPlace(_ step: inout Step, _ register: UInt8, _ offset: Int32) {
    step.base = source(register, .doubleWord)
    step.displacement = offset
    if let value = known.constant(register), let place = held.place(of: value),
      let sum = Int32(exactly: Int64(place.distance) + Int64(offset))
    {
      step.base = place.register
      step.displacement = sum
      return
    }
    guard let maker = maker(of: step.base), steps[maker].form == .address,
      steps[maker].size == .doubleWord
    else { return }
    let address = steps[maker]
    guard isUnchanged(address.base, since: maker), isUnchanged(address.index, since: maker),
      let sum = Int32(exactly: Int64(address.displacement) + Int64(offset))
    else { return }
    step.base = address.base
    step.index = address.index
    step.scale = address.scale
    step.displacement = sum
  }

  /// `r += x; r = [r]` is `r = [r + x]`.
  private mutating func absorbSum(_ step: inout Step, _ register: UInt8) {
    guard let maker = maker(of: register) else { return }
    let sum = steps[maker]
    guard sum.size == .doubleWord else { return }
    switch sum.form {
    case .binary:
      guard sum.binary == .add, !sum.isProduct, sum.left == register, sum.right != register,
        isUnchanged(sum.hasImmediate ? Step.none : sum.right, since: maker)
      else { return }
      let displacement =
        Int64(step.displacement) + (sum.hasImmediate ? sum.immediate : 0)
      guard let displacement = Int32(exactly: displacement), takeBack(register) != nil else {
        return
      }
      step.displacement = displacement
      if !sum.hasImmediate { step.index = sum.right }
    case .address:
      let others = [sum.base, sum.index].filter { $0 != register }
      guard others.allSatisfy({ isUnchanged($0, since: maker) }),
        let displacement = Int32(exactly: Int64(step.displacement) + Int64(sum.displacement)),
        takeBack(register) != nil
      else { return }
      step.base = sum.base
      step.index = sum.index
      step.scale = sum.scale
      step.displacement = displacement
    default: break
    }
  }
}
