/// What is wrong with an instruction, and where.
public struct InstructionError: Error, Hashable, Sendable {
  /// The slot's index in the program.
  public var index: Int
  /// What is wrong there.
  public var reason: Reason

  /// What can be wrong with the form of an instruction.
  public enum Reason: Hashable, Sendable {
    /// The program ends inside a slot: this many bytes of it are there.
    case truncated(byteCount: Int)
    /// No instruction has this opcode byte.
    case unknownOpcode(UInt8)
    /// The opcode exists, but not with these values in the other fields.
    case reservedFields(opcode: UInt8)
    /// Registers go from r0 to r10.
    case invalidRegister(UInt8)
    /// r10 cannot be written.
    case framePointerWritten
    /// The second slot of a wide instruction is missing or not empty.
    case malformedWideImmediate
    /// A source field of `ld_imm64` that means nothing.
    case unknownPseudoSource(UInt8)
    /// A jump or call to a slot that does not exist.
    case targetOutOfRange(Int)
    /// A jump or call into the second half of a wide instruction.
    case targetInsideWideInstruction(Int)
    /// Execution would run past the last slot.
    case fallsOffTheEnd
    /// A program needs at least one instruction.
    case empty
  }

  /// Puts a reason at a place.
  public init(index: Int, reason: Reason) {
    self.index = index
    self.reason = reason
  }
}

extension InstructionError: CustomStringConvertible {
  /// One line that names the instruction.
  public var description: String { "instruction \(index): \(reason)" }
}

extension InstructionError.Reason: CustomStringConvertible {
  /// What is wrong, in words; Linux's where it has some.
  public var description: String {
    switch self {
    case .truncated(let byteCount): "the program ends after \(byteCount) of 8 bytes"
    case .unknownOpcode(let opcode): "unknown opcode \(hexadecimal(opcode))"
    case .reservedFields(let opcode):
      "opcode \(hexadecimal(opcode)) with values in its reserved fields"
    case .invalidRegister(let number): "R\(number) is invalid"
    case .framePointerWritten: "frame pointer is read only"
    case .malformedWideImmediate: "invalid ld_imm64: its second half is missing or malformed"
    case .unknownPseudoSource(let source): "unrecognized ld_imm64 pseudo source \(source)"
    case .targetOutOfRange(let target): "jump out of range to \(target)"
    case .targetInsideWideInstruction(let target):
      "jump into the middle of the ld_imm64 that ends at \(target)"
    case .fallsOffTheEnd: "last insn is not an exit or jmp"
    case .empty: "the program has no instructions"
    }
  }

  private func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count < 2 ? "0\(digits)" : digits
  }
}
