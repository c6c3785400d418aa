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
      return lowerExtension(first, first.destination, at: index)
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
      out.loadAddress(size, destination, memory)
      return 2
    case (.doubleWord, .add64Register), (.word, .add32Register):
      let added = second.source == move.destination ? source : machine(second.source)
      out.loadAddress(size, destination, MemoryOperand(source, index: added))
      return 2
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
      let count = lowerExtension(second, move.source, at: index + 1)
      return count == 0 ? 0 : count + 1
    default: return 0
    }
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
