import BPFInstructions
import BPFRuntime
import X86Assembler

/// Turns instructions into steps, block by block, and puts together what belongs together.
///
/// Nothing here needs to know what is superfluous afterwards: an operand is taken from where it
/// came from, and ``Liveness`` removes what nobody reads any more.
struct Rewriter: ~Copyable {
  let unit: CompilationUnit
  let shape: ProgramShape
  let flow: ControlFlow
  let context: ContextTracking?
  let processor: ProcessorFeatures
  let isHardened: Bool

  var steps: [Step] = []
  var known = KnownValues()
  /// By register, the step that made what is in it; negative for what was there before the block.
  var makers = InlineArray<16, Int32>(repeating: -1)
  /// Registers whose content was read after it was made.
  var readSince: UInt16 = 0
  /// Registers whose content was stored as a number.
  var storedNumbers: UInt16 = 0
  /// The first step of the block.
  var start: Int32 = 0
  var held = HeldConstants()
  /// Steps that have to go in front of others in the block.
  var insertions: [(position: Int, step: Step)] = []
  /// By step of the block, the bytes that it puts together out of memory.
  var recomposed: [Int: [Rewriter.LoadedByte]] = [:]
  private var snapshots: [KnownValues] = []
  private var outcomes: [KnownValues] = []
  private var loopStarts: [Int: Plan.LoopStart] = [:]

  init(
    _ unit: CompilationUnit, _ shape: ProgramShape, _ context: ContextTracking?,
    _ processor: ProcessorFeatures, isHardened: Bool
  ) {
    self.isHardened = isHardened
    self.unit = unit
    self.shape = shape
    self.context = context
    self.processor = processor
    flow = ControlFlow(unit, shape)
  }

  consuming func rewrite() -> Plan {
    steps.reserveCapacity(unit.instructions.count)
    outcomes = [KnownValues](repeating: KnownValues(), count: flow.blocks.count)
    var blocks: [Plan.Block] = []
    blocks.reserveCapacity(flow.blocks.count)
    var heldByFunction: [[Plan.HeldConstant]] = []
    for number in flow.blocks.indices {
      let block = flow.blocks[number]
      if heldByFunction.count <= block.function {
        held = HeldConstants(function: block.function, unit, shape, flow)
        heldByFunction.append(held.held)
      }
      var planned = Plan.Block(
        range: steps.count..<steps.count, function: block.function, isEntry: block.isEntry,
        isInLoop: block.isInLoop, loop: block.loop, branch: nil, taken: block.taken,
        next: block.next)
      if block.isReached { rewrite(block, number, &planned) }
      planned.range = planned.range.lowerBound..<steps.count
      blocks.append(planned)
    }
    return Plan(
      steps: steps, blocks: blocks, held: heldByFunction, snapshots: snapshots,
      loopStarts: loopStarts, hasLoops: flow.hasLoops)
  }

  private mutating func rewrite(
    _ block: ControlFlow.Block, _ number: Int, _ planned: inout Plan.Block
  ) {
    known = knownValues(atEntryOf: number)
    if block.loopEnd >= 0 { noteStart(ofLoopAt: number) }
    makers = InlineArray(repeating: -1)
    readSince = 0
    storedNumbers = 0
    start = Int32(truncatingIfNeeded: steps.count)
    insertions.removeAll(keepingCapacity: true)
    if !recomposed.isEmpty { recomposed = [:] }
    let isDirected = block.endsInJump || block.endsInBranch
    for index in block.range.dropLast(isDirected ? 1 : 0) {
      rewrite(unit.instructions[index], at: index)
    }
    if block.endsInBranch { rewriteBranch(at: block.range.upperBound - 1, &planned) }
    outcomes[number] = known
    insertSteps()
  }

  // MARK: Between blocks

  /// What holds on all ways to a block. Of ways back nothing is known yet, so registers that
  /// change on them are left out.
  @inline(__always)
  private func knownValues(atEntryOf number: Int) -> KnownValues {
    let block = flow.blocks[number]
    guard !block.isEntry else { return KnownValues() }
    var result = KnownValues()
    var isFirst = true
    var written: UInt16 = 0
    var writtenWide: UInt16 = 0
    for member in number...max(number, block.loopEnd) {
      guard flow.blocks[member].isReached else { continue }
      if block.loopEnd >= 0 {
        written |= flow.blocks[member].written
        writtenWide |= flow.blocks[member].writtenWide
        if flow.blocks[member].isEntry { return KnownValues() }
      }
      flow.forEachSource(of: member) { source in
        guard source < number else { return }
        if isFirst { result = outcomes[source] } else { result.formCommon(with: outcomes[source]) }
        isFirst = false
      }
    }
    result.forget(constants: written, upperHalves: writtenWide)
    return result
  }

  /// Notes what is known where a loop is entered, if there is only one way back into it.
  private mutating func noteStart(ofLoopAt number: Int) {
    guard !flow.blocks[number].isEntry else { return }
    var sources: [Int] = []
    var waysBack = 0
    flow.forEachSource(of: number) { source in
      if source < number { sources.append(source) } else { waysBack += 1 }
    }
    guard waysBack == 1, let first = sources.first else { return }
    var known = outcomes[first]
    for source in sources.dropFirst() { known.formCommon(with: outcomes[source]) }
    loopStarts[number] = Plan.LoopStart(sources: sources, known: known)
  }

  private mutating func insertSteps() {
    guard !insertions.isEmpty else { return }
    for (position, step) in insertions.sorted(by: { $0.position > $1.position }) {
      steps.insert(step, at: position)
    }
  }

  // MARK: Within a block

  mutating func append(_ step: consuming Step) {
    // Nothing ever makes what is in no register.
    step.leftMaker = makers[Int(step.left & 0xf)]
    step.rightMaker = makers[Int(step.right & 0xf)]
    readSince |= step.reads
    let writes = step.writes
    if writes != 0 {
      step.previousMaker = makers[Int(step.destination)]
      makers[Int(step.destination)] = Int32(truncatingIfNeeded: steps.count)
      readSince &= ~writes
      storedNumbers &= ~writes
      known.forget(writes, zeroExtended: isZeroExtended(step) ? writes : 0)
      if step.form == .constant {
        known.set(step.destination, UInt64(bitPattern: step.immediate))
      }
    }
    steps.append(step)
  }

  @inline(__always)
  private func isZeroExtended(_ step: Step) -> Bool {
    if step.clearsUpperHalf { return true }
    switch step.form {
    case .move: return known.isZeroExtended(step.left)
    case .shift:
      return step.shift == .shiftRight
        && (known.isZeroExtended(step.left) || (step.hasImmediate && step.immediate >= 32))
    case .binary where !step.isProduct && !step.hasImmediate:
      let left = known.isZeroExtended(step.left)
      let right = known.isZeroExtended(step.right)
      switch step.binary {
      case .and: return left || right
      case .or, .xor: return left && right
      default: return false
      }
    default: return false
    }
  }

  /// The instruction as it stands.
  mutating func appendPlain(at index: Int) {
    let instruction = unit.instructions[index]
    var step = Step(.plain, origin: index)
    if instruction.operation == .tailCall {
      step.immediate = Int64(snapshots.count)
      snapshots.append(known)
    }
    let effect = shape.effects[index]
    readSince = (readSince | effect.reads) & ~effect.writes
    storedNumbers &= ~effect.writes
    var writes = effect.writes
    while writes != 0 {
      makers[writes.trailingZeroBitCount] = Int32(truncatingIfNeeded: steps.count)
      writes &= writes &- 1
    }
    known.forget(effect.writes, zeroExtended: effect.clearsUpperHalf ? effect.writes : 0)
    steps.append(step)
  }

  /// The step of this block that made what is in a register.
  @inline(__always)
  func maker(of register: UInt8) -> Int? {
    let maker = makers[Int(register & 0xf)]
    return maker >= start ? Int(maker) : nil
  }

  /// Whether a register has held the same since before a step.
  @inline(__always)
  func isUnchanged(_ register: UInt8, since step: Int) -> Bool {
    register == Step.none || makers[Int(register & 0xf)] < Int32(truncatingIfNeeded: step)
  }

  /// Where the content of a register was copied from, if it is still there.
  @inline(__always)
  func source(_ register: UInt8, _ size: OperandSize) -> UInt8 {
    guard let maker = maker(of: register), steps[maker].form == .move else { return register }
    let move = steps[maker]
    guard isUnchanged(move.left, since: maker),
      move.left <= 10,
      size != .doubleWord || move.size == .doubleWord || known.isZeroExtended(move.left)
    else { return register }
    return move.left
  }

  /// Takes back the step that made what is in a register, if nobody has read it, so that the
  /// register holds what it held before. The caller overwrites it.
  mutating func takeBack(_ register: UInt8) -> Step? {
    guard let maker = maker(of: register), readSince & Step.bit(register) == 0,
      steps[maker].form != .plain
    else { return nil }
    let step = steps[maker]
    steps[maker].form = .removed
    makers[Int(register & 0xf)] = step.previousMaker
    readSince |= Step.bit(register)
    known.forget(Step.bit(register))
    return step
  }
}
