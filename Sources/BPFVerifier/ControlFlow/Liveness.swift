import BPFInstructions

/// Which registers may still be read, before every instruction: what a path left in the others
/// makes no difference.
struct Liveness {
  private let program: VerifierProgram
  private let code: CodeMap

  init(_ program: VerifierProgram, _ code: CodeMap) {
    self.program = program
    self.code = code
  }

  /// One set per slot, a bit for each register.
  ///
  /// One pass backwards settles all code but loops: what those change is followed back from the
  /// jumps that close them.
  func run() -> [UInt16] {
    let count = code.kinds.count
    let noEffect = Effect(reads: 0, writes: 0)
    var effects = [Effect](repeating: noEffect, count: count)
    var live = [UInt16](repeating: 0, count: count)
    var jumps: [Jump] = []
    var pending: [Int] = []
    for slot in stride(from: count - 1, through: 0, by: -1) {
      effects[slot] = effect(of: slot)
      if code.goesOn[slot] {
        let after = slot + 1 < count ? live[slot + 1] : 0
        live[slot] = after & ~effects[slot].writes | effects[slot].reads
        continue
      }
      let next = code.successors(of: slot, program.instructions[slot])
      if let target = jumpTarget(slot, next) {
        jumps.append(Jump(target: target, source: slot))
        if target <= slot { pending.append(slot) }
      }
      live[slot] = before(slot, next, effects[slot], live)
    }
    guard !pending.isEmpty else { return live }
    let sources = JumpSources(jumps, count: count)
    while let slot = pending.popLast() {
      let next = code.successors(of: slot, program.instructions[slot])
      let registers = before(slot, next, effects[slot], live)
      // Jumps that close loops are looked at once in any case.
      guard registers != live[slot] else { continue }
      live[slot] = registers
      if slot > 1, code.kinds[slot - 2] == .loadImmediate64 {
        pending.append(slot - 2)
      } else if slot > 0, code.successors(of: slot - 1, program.instructions[slot - 1]).0 == slot {
        pending.append(slot - 1)
      }
      pending += sources.of(slot)
    }
    return live
  }

  private func before(
    _ slot: Int, _ next: (Int?, Int?), _ effect: Effect, _ live: [UInt16]
  ) -> UInt16 {
    var after: UInt16 = 0
    if let first = next.0, first < live.count { after |= live[first] }
    if let second = next.1, second < live.count { after |= live[second] }
    return after & ~effect.writes | effect.reads
  }

  /// Where a slot goes to besides what is next to it.
  private func jumpTarget(_ slot: Int, _ next: (Int?, Int?)) -> Int? {
    if let second = next.1 { return second }
    guard case .jump = code.kinds[slot] else { return nil }
    return next.0
  }

  /// What an instruction does to registers: one bit each.
  private struct Effect {
    var reads: UInt16
    var writes: UInt16
  }

  private func bit(_ register: Register) -> UInt16 { 1 &<< UInt16(register.rawValue) }

  private func effect(of slot: Int) -> Effect {
    let instruction = program.instructions[slot]
    let destination = bit(instruction.destination)
    let source = bit(instruction.source)
    let callerSaved: UInt16 = 0b11_1111
    guard let kind = code.kinds[slot] else { return Effect(reads: 0, writes: 0) }
    switch kind {
    case .arithmetic(.move, _, let operand):
      return Effect(reads: operand == .register ? source : 0, writes: destination)
    case .arithmetic(_, _, let operand):
      return Effect(reads: destination | (operand == .register ? source : 0), writes: destination)
    case .signExtendingMove: return Effect(reads: source, writes: destination)
    case .negate, .byteOrder: return Effect(reads: destination, writes: destination)
    case .branch(_, _, let operand):
      return Effect(reads: destination | (operand == .register ? source : 0), writes: 0)
    case .jump, .mayGoto: return Effect(reads: 0, writes: 0)
    case .tailCall: return Effect(reads: 0b1110, writes: callerSaved)
    case .callHelper:
      let signature = program.type.signature(of: instruction.immediate)
      let count = UInt16(signature?.arguments.count ?? 5)
      return Effect(reads: ((1 &<< (count &+ 1)) &- 1) & ~1, writes: callerSaved)
    case .callSubprogram, .callKernelFunction: return Effect(reads: 0b11_1110, writes: callerSaved)
    case .callRegister:
      return Effect(reads: 0b11_1110 | bit(instruction.calledRegister), writes: callerSaved)
    case .exit: return Effect(reads: 1, writes: 0)
    case .loadImmediate64: return Effect(reads: 0, writes: destination)
    case .loadPacket(_, let indirect):
      return Effect(reads: bit(.r6) | (indirect ? source : 0), writes: callerSaved)
    case .load: return Effect(reads: source, writes: destination)
    case .loadAcquire: return Effect(reads: source, writes: destination)
    case .store(_, let operand):
      return Effect(reads: destination | (operand == .register ? source : 0), writes: 0)
    case .storeRelease: return Effect(reads: destination | source, writes: 0)
    case .atomic(let update, _):
      switch update {
      case .compareExchange: return Effect(reads: destination | source | 1, writes: 1)
      case .fetchAdd, .fetchOr, .fetchAnd, .fetchXor, .exchange:
        return Effect(reads: destination | source, writes: source)
      case .add, .or, .and, .xor: return Effect(reads: destination | source, writes: 0)
      }
    }
  }
}

/// A jump within a program.
private struct Jump {
  var target: Int
  var source: Int
}

/// The slots from which jumps come to a slot.
private struct JumpSources {
  private var starts: [Int]
  private var slots: [Int]

  init(_ jumps: [Jump], count: Int) {
    starts = [Int](repeating: 0, count: count + 1)
    for jump in jumps where jump.target < count { starts[jump.target + 1] += 1 }
    for slot in 0..<count { starts[slot + 1] += starts[slot] }
    slots = [Int](repeating: 0, count: jumps.count)
    var filled = starts
    for jump in jumps where jump.target < count {
      slots[filled[jump.target]] = jump.source
      filled[jump.target] += 1
    }
  }

  func of(_ slot: Int) -> ArraySlice<Int> { slots[starts[slot]..<starts[slot + 1]] }
}
