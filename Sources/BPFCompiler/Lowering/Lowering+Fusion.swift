import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// Compiles several instructions into one where BPF needs more than the machine.
  ///
  /// Returns how many were compiled; 0 when the first has to be compiled alone.
  mutating func lowerFused(at index: Int) -> Int {
    guard continues(at: index + 1), unit.functionAddresses[index] == nil else { return 0 }
    let first = unit.instructions[index]
    let second = unit.instructions[index + 1]
    switch first.operation {
    case .move64Register, .move32Register:
      guard first.destination != first.source else { return 0 }
      return lowerMoveAnd(first, second, at: index)
    case .shiftLeft64Immediate:
      let count = lowerExtension(first, first.destination, at: index)
      return count > 0 ? count : lowerScaled(first, first.destination, at: index)
    case .add64Register where first.destination != first.source:
      guard let load = loadThrough(first.destination, at: index + 1) else { return 0 }
      lowerLoad(
        load, MemoryOperand(machine(first.source), index: machine(first.destination)))
      return 2
    default: return 0
    }
  }

  /// A move and what is then done to the copy.
  private mutating func lowerMoveAnd(
    _ move: DecodedInstruction, _ second: DecodedInstruction, at index: Int
  ) -> Int {
    guard second.destination == move.destination else { return 0 }
    let size: OperandSize = move.operation == .move64Register ? .doubleWord : .word
    let destination = machine(move.destination)
    let source = machine(move.source)
    switch (size, second.operation) {
    case (.doubleWord, .add64Immediate), (.word, .add32Immediate):
      let memory = MemoryOperand(source, Int32(truncatingIfNeeded: second.immediate))
      return 2 + lowerAddress(size, memory, move.destination, at: index + 2)
    case (.doubleWord, .add64Register), (.word, .add32Register):
      let added = second.source == move.destination ? source : machine(second.source)
      let memory = MemoryOperand(source, index: added)
      return 2 + lowerAddress(size, memory, move.destination, at: index + 2)
    case (.doubleWord, .and64Immediate), (.word, .and32Immediate):
      lowerMask(size, destination, source, Int32(truncatingIfNeeded: second.immediate))
      return 2
    case (.doubleWord, .shiftLeft64Register), (.doubleWord, .shiftRight64Register),
      (.doubleWord, .arithmeticShiftRight64Register), (.word, .shiftLeft32Register),
      (.word, .shiftRight32Register), (.word, .arithmeticShiftRight32Register):
      guard hasBMI2, second.source != move.destination,
        case .arithmetic(let operation, _, _) = second.operation.kind
      else { return 0 }
      out.shift(operation.shift, size, destination, source, by: machine(second.source))
      return 2
    case (.doubleWord, .shiftLeft64Immediate) where continues(at: index + 2):
      let extended = lowerExtension(second, move.source, at: index + 1)
      let count = extended > 0 ? extended : lowerScaled(second, move.source, at: index + 1)
      return count == 0 ? 0 : count + 1
    default: return 0
    }
  }

  // MARK: Addresses

  /// `r <<= 1, 2 or 3; r += base`, what is shifted being in `source`.
  private mutating func lowerScaled(
    _ shift: DecodedInstruction, _ source: UInt8, at index: Int
  ) -> Int {
    guard continues(at: index + 1), (1...3).contains(shift.immediate),
      let scale = MemoryOperand.Scale(rawValue: UInt8(truncatingIfNeeded: shift.immediate))
    else { return 0 }
    let sum = unit.instructions[index + 1]
    guard sum.operation == .add64Register, sum.destination == shift.destination,
      sum.source != shift.destination
    else { return 0 }
    let memory = MemoryOperand(machine(sum.source), index: machine(source), scale)
    return 2 + lowerAddress(.doubleWord, memory, shift.destination, at: index + 2)
  }

  /// Computes an address into a register, or loads through it at once if that is all that the
  /// register is for. Returns how many more instructions that took.
  private mutating func lowerAddress(
    _ size: OperandSize, _ memory: MemoryOperand, _ register: UInt8, at next: Int
  ) -> Int {
    if size == .doubleWord, let load = loadThrough(register, at: next),
      Int32(exactly: Int64(memory.displacement) + Int64(load.offset)) != nil
    {
      lowerLoad(load, memory)
      return 1
    }
    out.loadAddress(size, machine(register), memory)
    return 0
  }

  /// The instruction, if it loads through a register and overwrites it.
  private func loadThrough(_ register: UInt8, at index: Int) -> DecodedInstruction? {
    guard continues(at: index) else { return nil }
    let load = unit.instructions[index]
    guard case .load = load.operation.kind, load.source == register,
      load.destination == register,
      redirectedWord(at: Int(load.offset), base: register, load, index) == nil
    else { return nil }
    return load
  }

  private mutating func lowerLoad(_ i: DecodedInstruction, _ base: MemoryOperand) {
    guard case .load(let size, let signExtended) = i.operation.kind else { return }
    var memory = base
    memory.displacement &+= i.offset
    load(size, signExtended, machine(i.destination), memory)
  }

  /// `r <<= 32; r >>= 32`, logical or arithmetic: an extension of the low half, of `source`.
  private mutating func lowerExtension(
    _ shift: DecodedInstruction, _ source: UInt8, at index: Int
  ) -> Int {
    guard continues(at: index + 1) else { return 0 }
    let second = unit.instructions[index + 1]
    guard shift.immediate == 32, second.immediate == 32, second.destination == shift.destination
    else { return 0 }
    let destination = machine(shift.destination)
    switch second.operation {
    case .shiftRight64Immediate:
      if shift.destination != source || !known.isZeroExtended(source) {
        out.move(.word, destination, machine(source))
      }
      return 2
    case .arithmeticShiftRight64Immediate:
      out.moveSignExtended(.word, destination, machine(source))
      return 2
    default: return 0
    }
  }
}
