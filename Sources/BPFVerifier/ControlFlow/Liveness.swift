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
    var changed = true
    while changed {
      changed = false
      for slot in stride(from: count - 1, through: 0, by: -1) {
        var after: UInt16 = 0
        let next = code.successors(of: slot, program.instructions[slot])
        if let first = next.0, first < count { after |= live[first] }
        if let second = next.1, second < count { after |= live[second] }
        let before = after & ~effects[slot].writes | effects[slot].reads
        if before != live[slot] {
          live[slot] = before
          changed = true
        }
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
