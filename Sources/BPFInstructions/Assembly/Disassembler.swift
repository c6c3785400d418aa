/// Turns slots into text in the kernel's notation, the one of the verifier's log and of
/// `bpftool prog dump xlated`.
///
/// What ``Assembler`` reads: assembling the text gives the same slots again. To that end three
/// things differ from the kernel: a 64-bit immediate is marked (`r1 = 0x5 ll`), a call through a
/// register named in the immediate field is too (`callx r3 imm`), and a slot that is no
/// instruction comes out as its bytes (`.slot ff 00 ...`).
public struct Disassembler: Sendable {
  /// What a slot refers to, for programs with relocations.
  public enum Symbol: Hashable, Sendable {
    /// A map.
    case map(String)
    /// A byte in a map's first value.
    case mapValue(String, offset: UInt32)
    /// A subprogram or kernel function.
    case function(String)
  }

  /// The name of a helper by its number.
  public var helperName: @Sendable (Int32) -> String?
  /// What the slot with this index refers to.
  public var symbol: @Sendable (Int) -> Symbol?

  /// Makes a disassembler; without names, helpers are `unknown` and maps are shown by number.
  public init(
    helperName: @escaping @Sendable (Int32) -> String? = { _ in nil },
    symbol: @escaping @Sendable (Int) -> Symbol? = { _ in nil }
  ) {
    self.helperName = helperName
    self.symbol = symbol
  }

  /// All instructions of a program in order. Never fails: what is malformed becomes a line whose
  /// ``DisassembledInstruction/error`` says why.
  public func disassemble(_ program: [Instruction]) -> [DisassembledInstruction] {
    var lines: [DisassembledInstruction] = []
    var index = 0
    while index < program.count {
      let slot = program[index]
      do {
        let operation = try Operation(slot, at: index)
        let text = try text(of: operation, in: program, at: index)
        lines.append(DisassembledInstruction(index: index, opcode: slot.opcode, text: text))
        index += operation.slotCount
      } catch {
        lines.append(
          DisassembledInstruction(
            index: index, opcode: slot.opcode, text: Self.raw(slot), error: error))
        index += 1
      }
    }
    return lines
  }

  /// The text of the instruction that begins at `index`.
  ///
  /// - Throws: ``InstructionError`` when the slot, or one of a wide instruction's two, is
  ///   malformed, or does not exist.
  public func text(of program: [Instruction], at index: Int) throws(InstructionError) -> String {
    guard program.indices.contains(index) else {
      throw InstructionError(index: index, reason: .targetOutOfRange(index))
    }
    return try text(of: Operation(program[index], at: index), in: program, at: index)
  }

  private static func raw(_ slot: Instruction) -> String {
    let digits = [slot].littleEndianBytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return ".slot " + digits.joined(separator: " ")
  }
}

/// One line of a listing.
public struct DisassembledInstruction: Hashable, Sendable {
  /// The first slot's index in the program.
  public var index: Int
  /// The opcode byte.
  public var opcode: UInt8
  /// The instruction in the kernel's notation.
  public var text: String
  /// Why the slot is no instruction, if it is none.
  public var error: InstructionError?
}

extension DisassembledInstruction: CustomStringConvertible {
  /// The line as `bpftool prog dump xlated` prints it: `   0: (b7) r0 = 1`. A malformed slot's
  /// reason follows as a comment.
  public var description: String {
    let number = String(index)
    let padding = String(repeating: " ", count: max(0, 4 - number.count))
    let byte = (opcode < 16 ? "0" : "") + String(opcode, radix: 16)
    let comment = error.map { "  // \($0.reason)" } ?? ""
    return "\(padding)\(number): (\(byte)) \(text)\(comment)"
  }
}

extension Operation {
  /// How many slots the operation takes: two for the wide immediate.
  public var slotCount: Int { self == .loadImmediate64 ? 2 : 1 }
}
