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
  func run() -> [UInt16] {
    let count = code.kinds.count
    var effects = [(reads: UInt16, writes: UInt16)](repeating: (0, 0), count: count)
    for slot in 0..<count { effects[slot] = effect(of: slot) }
    var live = [UInt16](repeating: 0, count: count)
    let predecessors = Predecessors(code, program.instructions)
    // Backwards, so that straight code needs one visit.
    var pending = Array(0..<count)
    var isPending = [Bool](repeating: true, count: count)
    while let slot = pending.popLast() {
      isPending[slot] = false
      var after: UInt16 = 0
      let next = code.successors(of: slot, program.instructions[slot])
      if let first = next.0, first < count { after |= live[first] }
      if let second = next.1, second < count { after |= live[second] }
      let before = after & ~effects[slot].writes | effects[slot].reads
      guard before != live[slot] else { continue }
      live[slot] = before
      for predecessor in predecessors.of(slot) where !isPending[predecessor] {
        isPending[predecessor] = true
        pending.append(predecessor)
      }
    }
    return live
  }

  private func bit(_ register: Register) -> UInt16 { 1 &<< UInt16(register.rawValue) }

  private func effect(of slot: Int) -> (reads: UInt16, writes: UInt16) {
    let instruction = program.instructions[slot]
    let destination = bit(instruction.destination)
    let source = bit(instruction.source)
    let callerSaved: UInt16 = 0b11_1111
    guard let kind = code.kinds[slot] else { return (0, 0) }
    switch kind {
    case .arithmetic(.move, _, let operand):
      return (operand == .register ? source : 0, destination)
    case .arithmetic(_, _, let operand):
      return (destination | (operand == .register ? source : 0), destination)
    case .signExtendingMove: return (source, destination)
    case .negate, .byteOrder: return (destination, destination)
    case .branch(_, _, let operand):
      return (destination | (operand == .register ? source : 0), 0)
    case .jump, .mayGoto: return (0, 0)
    case .tailCall: return (0b1110, callerSaved)
    case .callHelper:
      let signature = program.type.signature(of: instruction.immediate)
      let count = UInt16(signature?.arguments.count ?? 5)
      return (((1 &<< (count &+ 1)) &- 1) & ~1, callerSaved)
    case .callSubprogram, .callKernelFunction: return (0b11_1110, callerSaved)
    case .callRegister: return (0b11_1110 | bit(instruction.calledRegister), callerSaved)
    case .exit: return (1, 0)
    case .loadImmediate64: return (0, destination)
    case .loadPacket(_, let indirect):
      return (bit(.r6) | (indirect ? source : 0), callerSaved)
    case .load: return (source, destination)
    case .loadAcquire: return (source, destination)
    case .store(_, let operand):
      return (destination | (operand == .register ? source : 0), 0)
    case .storeRelease: return (destination | source, 0)
    case .atomic(let update, _):
      switch update {
      case .compareExchange: return (destination | source | 1, 1)
      case .fetchAdd, .fetchOr, .fetchAnd, .fetchXor, .exchange:
        return (destination | source, source)
      case .add, .or, .and, .xor: return (destination | source, 0)
      }
    }
  }
}

/// The slots that may come before a slot.
private struct Predecessors {
  private var starts: [Int]
  private var slots: [Int]

  init(_ code: CodeMap, _ instructions: [Instruction]) {
    let count = code.kinds.count
    var edges: [(from: Int, to: Int)] = []
    edges.reserveCapacity(count)
    for slot in 0..<count {
      let next = code.successors(of: slot, instructions[slot])
      if let first = next.0, first < count { edges.append((slot, first)) }
      if let second = next.1, second < count { edges.append((slot, second)) }
    }
    starts = [Int](repeating: 0, count: count + 1)
    for edge in edges { starts[edge.to + 1] += 1 }
    for slot in 0..<count { starts[slot + 1] += starts[slot] }
    slots = [Int](repeating: 0, count: edges.count)
    var filled = starts
    for edge in edges {
      slots[filled[edge.to]] = edge.from
      filled[edge.to] += 1
    }
  }

  func of(_ slot: Int) -> ArraySlice<Int> { slots[starts[slot]..<starts[slot + 1]] }
}
