/// Turns text in the kernel's notation into slots: what ``Disassembler`` prints, and conveniences.
///
/// One instruction a line. Besides the notation itself there are labels (`again: r1 += 1`,
/// `goto again`, `call subprogram`, `r2 = function[callback]`), helpers by name or number
/// (`call 5`, `call #5`), maps by name (`r1 = map[counters]`), and comments after `;`, `//` or a
/// `#` that stands at the start of a line or after a blank. A line of a listing may keep its
/// number and opcode: `   0: (b7) r0 = 1`.
///
/// ```
/// let program = try Assembler().assemble("r0 = 1\nexit").instructions
/// ```
///
/// Only the form of the text is checked; ``Swift/Array/validate()`` checks the program. A number
/// in hexadecimal may be the bit pattern of a negative one: `r1 += 0xffffffff` adds -1.
public struct Assembler: Sendable {
  /// The number of a helper by its name.
  public var helperNumber: @Sendable (String) -> Int32?
  /// What stands for a map in the immediate of `ld_imm64`; `nil` when there is no such map.
  public var mapDescriptor: @Sendable (String) -> Int32?

  /// Makes an assembler; without functions, no helper has a name and every map's descriptor is 0,
  /// to be filled in with the help of ``AssembledProgram/references``.
  public init(
    helperNumber: @escaping @Sendable (String) -> Int32? = { _ in nil },
    mapDescriptor: @escaping @Sendable (String) -> Int32? = { _ in 0 }
  ) {
    self.helperNumber = helperNumber
    self.mapDescriptor = mapDescriptor
  }

  /// Assembles a whole program.
  ///
  /// - Throws: ``AssemblyError`` for the first line that is wrong, then for the first label that
  ///   cannot be found.
  public func assemble(_ text: String) throws(AssemblyError) -> AssembledProgram {
    var parser = AssemblyParser(assembler: self)
    var line = 1
    for bytes in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      try parser.parse(LineScanner(bytes, line: line))
      line += 1
    }
    try parser.resolveLabels()
    return parser.program
  }
}

/// What the assembler makes of a text.
public struct AssembledProgram: Hashable, Sendable {
  /// The slots.
  public var instructions: [Instruction] = []
  /// The names of the maps that `ld_imm64` instructions refer to, by first slot.
  public var references: [Int: String] = [:]
  /// Where the labels are, in slots; the last may be just behind the program.
  public var labels: [String: Int] = [:]
}
