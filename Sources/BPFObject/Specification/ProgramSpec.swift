public import BPFInstructions

/// A program as the object describes it, linked and ready to be given its maps.
public struct ProgramSpec: Hashable, Sendable {
  /// The function's name.
  public var name: String
  /// The section that it stands in.
  public var section: String
  /// What the section's name says about the program's type; `nil` if it says nothing, and then the
  /// loader has to be told.
  public var kind: ProgramKind?
  /// The program's own code, followed by every subprogram that it reaches. Calls of subprograms
  /// and addresses of functions are resolved to distances.
  ///
  /// A `ld_imm64` of a map has ``PseudoSource/mapIndex`` or ``PseudoSource/mapValueByIndex`` as
  /// its source and the map's index in ``ObjectFile/maps`` in its first immediate.
  public var instructions: [Instruction]
  /// By the slot of a `ld_imm64`: what it refers to.
  public var references: [Int: Reference]
  /// The functions in ``instructions``, in that order; the program itself is the first.
  public var functions: [FunctionSpec]
  /// Source lines, by ascending slot; empty without debug information.
  public var lines: [LineInfo]
  /// The slots of program arrays that the program asks for, by tag or by its section's name.
  public var tailSlots: [TailSlot]

  /// The source line that an instruction comes from: the last one at or before the slot, within
  /// the same function.
  public func line(at slot: Int) -> LineInfo? {
    let next = lines.boundary { $0.slot <= slot }
    guard next > 0, let function = function(at: slot), lines[next - 1].slot >= function.start
    else { return nil }
    return lines[next - 1]
  }

  /// The function that a slot belongs to.
  public func function(at slot: Int) -> FunctionSpec? {
    functions.first { $0.slots.contains(slot) }
  }
}

/// What a `ld_imm64` refers to.
public enum Reference: Hashable, Sendable {
  /// A map, by index in ``ObjectFile/maps``.
  case map(Int)
  /// A byte of the first value of a map: a global variable.
  case mapValue(map: Int, offset: UInt32)
}

/// One function of a linked program.
public struct FunctionSpec: Hashable, Sendable {
  /// The first slot.
  public var start: Int
  /// How many slots it has.
  public var count: Int
  /// Its name; made up from section and offset if the object has none.
  public var name: String
  /// Whether other objects may call it: not static and not hidden.
  public var isGlobal: Bool
  /// The function's type in the object's type information; a kernel asks for it where
  /// subprograms make tail calls (R2.9).
  public var btfTypeID: UInt32?

  /// Its slots.
  public var slots: Range<Int> { start..<start + count }
}

/// Where in the source an instruction comes from.
public struct LineInfo: Hashable, Sendable {
  /// The first slot that comes from there.
  public var slot: Int
  /// The source file as the compiler was given it.
  public var file: String
  /// The line, from 1.
  public var line: Int
  /// The column, from 1; 0 if unknown.
  public var column: Int
  /// The line itself.
  public var text: String
  /// Where ``file`` stands in the string table of ``ObjectFile/btfBytes``.
  public var fileNameOffset: UInt32
  /// Where ``text`` stands in the string table of ``ObjectFile/btfBytes``.
  public var textOffset: UInt32

  /// Describes a line.
  public init(
    slot: Int, file: String, line: Int, column: Int, text: String, fileNameOffset: UInt32 = 0,
    textOffset: UInt32 = 0
  ) {
    self.slot = slot
    self.file = file
    self.line = line
    self.column = column
    self.text = text
    self.fileNameOffset = fileNameOffset
    self.textOffset = textOffset
  }
}

/// A slot of a program array that a program asks for.
public struct TailSlot: Hashable, Sendable {
  /// The array's name.
  public var array: String
  /// The index in it.
  public var slot: UInt32

  /// Names a slot.
  public init(array: String, slot: UInt32) {
    self.array = array
    self.slot = slot
  }
}

/// A program that the object has, but that cannot be used.
public struct RefusedProgram: Hashable, Sendable {
  /// The function's name.
  public var name: String
  /// The section that it stands in.
  public var section: String
  /// What the section's name says about the program's type.
  public var kind: ProgramKind?
  /// Why it cannot be used.
  public var error: ObjectFileError
}
