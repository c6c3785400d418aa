import BPFInstructions
import BPFRuntime
import X86Assembler

/// Writes a program down in machine code, step by step.
///
/// The extensions of this type are the table of what each step and each operation becomes.
struct Lowering: ~Copyable {
  var out: Encoder
  let unit: CompilationUnit
  let shape: ProgramShape
  let context: ContextTracking?
  let entryCode: EntryCode
  let region: Range<UInt64>
  let processor: ProcessorFeatures
  /// Whether the code is made harder to abuse.
  let isHardened: Bool
  /// Whether jumps may be short where an estimate says that they reach.
  let usesShortJumps: Bool

  let plan: Plan
  let order: [Int]
  /// The blocks that are loops by themselves.
  let shortLoops: [Int: ShortLoop]
  /// One per block, used where a jump leads to it.
  let labels: [Encoder.Label]
  /// The entries of functions, by number.
  let functionLabels: [Encoder.Label]
  /// The function that is being compiled.
  var function: ProgramShape.Function
  /// What is known at a tail call.
  var known = KnownValues()
  /// Which register's value the processor's flags tell about.
  var flags: Flags?
  /// What comes behind the last instruction, because it is rarely executed.
  var cold: [ColdCode] = []
  /// Whether the program is a function of C, as far as is known.
  var isBare: Bool
  /// Which instructions the code so far comes from.
  var origins: [CodeOrigin] = []
  private var notedSlot = UInt32.max
  /// By block, the sum of the longest codes of all blocks up to its end.
  private var ends: [Int32]
  /// By block, the same up to its start.
  private var starts: [Int32]

  /// What the flags tell.
  struct Flags {
    var register: UInt8
    var size: OperandSize
    /// Whether they are those of a comparison with zero in every respect.
    var isComplete: Bool
  }

  init(
    _ unit: CompilationUnit, _ region: CodeRegion, _ processor: ProcessorFeatures,
    isHardened: Bool, usesShortJumps: Bool
  ) throws(LoadError) {
    let shape = try ProgramShape(unit)
    let context = unit.context.isKeptAsSeen ? nil : ContextTracking(unit, shape)
    var plan = Rewriter(
      unit, shape, context, processor, isHardened: isHardened
    ).rewrite()
    Liveness.removeDead(from: &plan, shape.effects)
    // Both need the registers that hardened code has its numbers in.
    if !isHardened {
      Selects.form(in: &plan, shape.effects)
      plan.joinLoops()
    }
    order = Layout(&plan).order
    var out = Encoder(capacity: unit.instructions.count * 6 + 256)
    labels = out.makeLabels(plan.blocks.count)
    functionLabels = out.makeLabels(shape.functions.count)
    function = shape.functions[0]
    starts = [Int32](repeating: 0, count: plan.blocks.count)
    ends = starts
    let shortLoops = isHardened ? [:] : Self.shortLoops(of: plan, order)
    self.shortLoops = shortLoops
    var sum: Int32 = 0
    for number in order {
      starts[number] = sum
      sum &+= Self.longestCode(of: number, plan, unit, copies: shortLoops[number]?.copies ?? 1)
      ends[number] = sum
    }
    isBare = plan.canBeBare(unit, shape)
    self.plan = plan
    self.out = out
    self.unit = unit
    self.shape = shape
    self.context = context
    self.processor = processor
    self.isHardened = isHardened
    // The estimates are of code with numbers in it.
    self.usesShortJumps = usesShortJumps && !isHardened
    entryCode = region.entryCode
    self.region = region.addresses
  }

  private static func shortLoops(of plan: Plan, _ order: [Int]) -> [Int: ShortLoop] {
    guard plan.hasLoops else { return [:] }
    let heads = order.filter { plan.blocks[$0].taken == $0 || plan.blocks[$0].next == $0 }
    guard !heads.isEmpty else { return [:] }
    var sources: [Int: [Int]] = [:]
    for number in order {
      plan.blocks[number].forEachTarget { target in
        if target != number { sources[target, default: []].append(number) }
      }
    }
    var loops: [Int: ShortLoop] = [:]
    for head in heads { loops[head] = ShortLoop(head, plan, sources: sources[head] ?? []) }
    return loops
  }

  /// Compiles the whole program.
  consuming func lower() throws(LoadError) -> LoweredCode {
    let isLoopHead = loopHeads()
    origins.reserveCapacity(plan.steps.count)
    for (position, number) in order.enumerated() {
      let block = plan.blocks[number]
      function = shape.functions[block.function]
      if block.isEntry { enterBlock(number) }
      // What is in front of a short loop's sums is no part of the loop.
      if plan.hasLoops, isLoopHead[number], shortLoops[number]?.sums.isEmpty ?? true { alignLoop() }
      out.bind(labels[number])
      let next = position + 1 < order.count ? order[position + 1] : -1
      try lower(block, number, followedBy: next)
    }
    lowerCold()
    let usesPreserved = plan.usesPreserved(shape)
    return LoweredCode(
      encoder: out, usesPreserved: usesPreserved, isBare: isBare, origins: origins)
  }

  /// By block, whether it is jumped back to; empty without loops.
  private func loopHeads() -> [Bool] {
    guard plan.hasLoops else { return [] }
    var heads = [Bool](repeating: false, count: plan.blocks.count)
    var positions = [Int](repeating: .max, count: plan.blocks.count)
    for (position, number) in order.enumerated() { positions[number] = position }
    for number in order {
      guard plan.blocks[number].isInLoop else { continue }
      plan.blocks[number].forEachTarget { target in
        if plan.blocks[target].isInLoop, positions[target] <= positions[number] {
          heads[target] = true
        }
      }
    }
    return heads
  }

  private mutating func enterBlock(_ number: Int) {
    let block = plan.blocks[number]
    out.bind(functionLabels[block.function])
    enterFunction()
    for constant in plan.held[block.function] {
      load(machine(constant.register), constant.value)
    }
  }

  private mutating func lower(
    _ block: Plan.Block, _ number: Int, followedBy next: Int
  ) throws(LoadError) {
    if let branch = block.branch, let loop = shortLoops[number] {
      return lower(loop, block, branch, number, followedBy: next)
    }
    try lowerSteps(of: block)
    if let branch = block.branch { note(branch.origin) }
    guard let branch = block.branch else {
      if block.next >= 0, block.next != next { jump(to: block.next, from: number) }
      return
    }
    compare(branch)
    let code = branch.condition.code
    if block.taken == next {
      jump(if: code.inverted, to: block.next, from: number)
    } else {
      jump(if: code, to: block.taken, from: number)
      if block.next != next { jump(to: block.next, from: number) }
    }
  }

  /// Notes which instruction the next bytes come from.
  mutating func note(_ origin: Int32) {
    let slot = unit.slots[Int(origin)]
    guard slot != notedSlot else { return }
    notedSlot = slot
    origins.append(CodeOrigin(offset: UInt32(truncatingIfNeeded: out.count), slot: slot))
  }

  private mutating func lowerSteps(of block: Plan.Block) throws(LoadError) {
    flags = nil
    for index in block.range {
      let step = plan.steps[index]
      guard step.form != .removed else { continue }
      note(step.origin)
      if step.form == .plain {
        flags = nil
        if !step.hasImmediate, plan.snapshots.indices.contains(Int(step.immediate)) {
          known = plan.snapshots[Int(step.immediate)]
        }
        try lowerPlain(step, block)
      } else {
        lower(step)
      }
    }
  }

  /// Loops start where a fetch of the processor starts.
  mutating func alignLoop() {
    var padding = -(out.count + CodeRegion.headerByteCount) & (CodeRegion.granule - 1)
    while padding > 0 {
      out.nop(byteCount: min(padding, 9))
      padding -= min(padding, 9)
    }
  }

  // MARK: Jumps

  mutating func jump(to target: Int, from block: Int) {
    out.jump(labels[target], isShort: isShort(from: block, to: target))
  }

  private mutating func jump(if code: ConditionCode, to target: Int, from block: Int) {
    out.jump(if: code, labels[target], isShort: isShort(from: block, to: target))
  }

  /// Whether a short jump from the end of a block to the start of another surely reaches.
  @inline(__always)
  private func isShort(from block: Int, to target: Int) -> Bool {
    guard usesShortJumps else { return false }
    if let position = out.position(of: labels[target]) { return out.count - position <= 126 - 12 }
    // The block may end in another jump, and the target may be aligned.
    return starts[target] &- ends[block] <= 127 - 5 - Int32(CodeRegion.granule)
  }

  /// How many bytes the code of a block can have; what is behind the program does not count.
  private static func longestCode(
    of number: Int, _ plan: Plan, _ unit: CompilationUnit, copies: Int
  ) -> Int32 {
    let block = plan.blocks[number]
    // A comparison and two jumps.
    var sum: Int32 = block.branch == nil ? 5 : 18
    for step in plan.steps[block.range] {
      switch step.form {
      case .removed: break
      case .plain: sum &+= longestCode(of: unit.instructions[Int(step.origin)].operation)
      case .load, .store, .binaryLoad, .address: sum &+= 14
      case .lookup: sum &+= 64
      default: sum &+= 12
      }
    }
    // What is in front of and behind short loops; in loops a block may be aligned.
    if copies > 1 { sum = sum &* Int32(copies) &+ 32 &+ Int32(CodeRegion.granule) }
    if block.isEntry { sum &+= 128 }
    return block.isInLoop ? sum &+ Int32(CodeRegion.granule) : sum
  }

  private static func longestCode(of operation: Operation) -> Int32 {
    switch operation.kind {
    case .arithmetic, .load, .loadAcquire, .store, .storeRelease, .atomic: 48
    case .callHelper: 72
    default: 128
    }
  }
}

extension Operation.Width {
  var size: OperandSize { self == .bits32 ? .word : .doubleWord }
}

extension Operation.Size {
  var operandSize: OperandSize {
    switch self {
    case .byte: .byte
    case .half: .half
    case .word: .word
    case .doubleWord: .doubleWord
    }
  }
}

extension ContextLayout {
  /// Whether every field is in memory as the program sees it.
  var isKeptAsSeen: Bool { !fields.contains { !$0.value.isStored || $0.storage != .plain } }
}
