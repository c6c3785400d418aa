import BPFInstructions
import BPFRuntime

/// Which accesses may go to the context, for program types whose context has fields that are not
/// kept as the program sees them (packet pointers, mostly).
///
/// r1 is the context at entry. A forward analysis follows it through registers. What comes back
/// from memory or into a subprogram may be the context; such an access compares its base with the
/// context's address while it runs. So nothing here has to be right about memory.
struct ContextTracking {
  /// What a register holds.
  enum Holding: UInt32 {
    case other = 0
    case context = 1
    case unknown = 2
  }

  /// Two bits per register.
  private struct State: Equatable {
    var bits: UInt32

    subscript(register: UInt8) -> Holding {
      get { Holding(rawValue: bits >> (UInt32(register & 0xf) * 2) & 3) ?? .unknown }
      set {
        let shift = UInt32(register & 0xf) * 2
        bits = bits & ~(3 << shift) | newValue.rawValue << shift
      }
    }

    static let unknown = State(bits: 0b00_10_10_10_10_10_10_10_10_10_10)
    /// No path has got there.
    static let unreached = State(bits: .max)

    func merged(_ other: State) -> State {
      var result = self
      for register: UInt8 in 0...10 where self[register] != other[register] {
        result[register] = .unknown
      }
      return result
    }
  }

  /// By slot, what a verifier has seen; empty when there was none.
  private let facts: [InstructionFacts]
  private let slots: [UInt32]
  /// By instruction; empty where there are facts.
  private var states: [State] = []

  /// What the base of the access at an instruction is: as a verifier has seen it, or as far as it
  /// can be followed.
  func base(of instruction: DecodedInstruction, at index: Int, _ register: UInt8) -> Holding {
    guard states.isEmpty else {
      return states[index] == .unreached ? .unknown : states[index][register]
    }
    return switch facts[Int(slots[index])].memory {
    case .context: .context
    case .none: .unknown
    default: .other
    }
  }

  init(_ unit: CompilationUnit, _ shape: ProgramShape) {
    facts = unit.facts
    slots = unit.slots
    guard facts.isEmpty else { return }
    states = Array(repeating: .unreached, count: unit.instructions.count)
    var worklist: [Int] = []
    for function in shape.functions {
      var state = State.unknown
      if function.range.lowerBound == 0 {
        state = State(bits: 0)
        state[1] = .context
      }
      flow(state, to: function.range.lowerBound, &worklist)
    }
    while let start = worklist.popLast() {
      var index = start
      while true {
        var state = states[index]
        let instruction = unit.instructions[index]
        let effect = shape.effects[index]
        Self.apply(instruction, effect, &state)
        if effect.isTransfer, let target = ProgramShape.target(of: instruction, at: index) {
          flow(state, to: target, &worklist)
        }
        guard !instruction.operation.endsBlock else { break }
        index += 1
        // Go on here while that changes something; a new state needs no entry in the worklist.
        guard merge(state, into: index) else { break }
      }
    }
  }

  private mutating func flow(_ state: State, to index: Int, _ worklist: inout [Int]) {
    if merge(state, into: index) { worklist.append(index) }
  }

  private mutating func merge(_ state: State, into index: Int) -> Bool {
    let old = states[index]
    guard old != .unreached else {
      states[index] = state
      return true
    }
    guard old != state else { return false }
    let merged = old.merged(state)
    guard merged != old else { return false }
    states[index] = merged
    return true
  }

  private static func apply(
    _ instruction: DecodedInstruction, _ effect: InstructionEffect, _ state: inout State
  ) {
    let destination = instruction.destination
    switch instruction.operation.kind {
    case .arithmetic(.move, .bits64, .register):
      state[destination] = state[instruction.source]
    case .arithmetic(.move, _, _), .arithmetic(_, .bits32, _), .signExtendingMove, .byteOrder,
      .loadImmediate64:
      state[destination] = .other
    case .arithmetic, .negate:
      // The sum of two others is another one; anything else may lead back to the context.
      let isOther =
        state[destination] == .other
        && (!instruction.operation.usesRegister || state[instruction.source] == .other)
      state[destination] = isOther ? .other : .unknown
    case .load(let size, _):
      // A spilled pointer has eight bytes; there are none in the context.
      let isPointer = size == .doubleWord && state[instruction.source] != .context
      state[destination] = isPointer ? .unknown : .other
    default:
      guard effect.writes != 0 else { break }
      for register: UInt8 in 0...10 where effect.writes >> UInt16(register) & 1 != 0 {
        state[register] = .unknown
      }
    }
  }
}

extension Operation {
  /// Whether the second operand of arithmetic is a register.
  fileprivate var usesRegister: Bool {
    guard case .arithmetic(_, _, .register) = kind else { return false }
    return true
  }
}
