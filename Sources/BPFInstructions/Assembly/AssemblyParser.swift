/// Reads line after line, keeps the program so far, and fills labels in at the end.
struct AssemblyParser {
  let assembler: Assembler
  var program = AssembledProgram()
  var scanner = LineScanner([], line: 0)
  private var statementStart = 0
  private var uses: [LabelUse] = []

  /// A field that waits for a label's place.
  private struct LabelUse {
    var slot: Int
    var field: LabelField
    var name: String
    var scanner: LineScanner
    var position: Int
  }

  /// Which field a label goes to.
  enum LabelField {
    /// Of a jump: 16 bits.
    case offset
    /// Of a long jump or a function's address: 32 bits.
    case immediate
    /// Of a call: a subprogram's distance or a helper's number.
    case call
  }

  init(assembler: Assembler) {
    self.assembler = assembler
  }

  mutating func parse(_ line: LineScanner) throws(AssemblyError) {
    scanner = line
    skipListingPrefix()
    while try parseLabel() {}
    guard !scanner.isAtEnd else { return }
    statementStart = scanner.position
    try parseStatement()
    try scanner.expectEnd()
  }

  /// Skips the number and opcode of a listing's line, as in `   0: (b7) r0 = 1`.
  private mutating func skipListingPrefix() {
    var ahead = scanner
    ahead.skipBlanks()
    guard !ahead.take(while: LineScanner.isDigit).isEmpty, ahead.accept(":") else { return }
    scanner = ahead
    guard ahead.accept("("), ahead.take(while: LineScanner.isWord).utf8.count == 2,
      ahead.accept(")")
    else { return }
    scanner = ahead
  }

  private mutating func parseLabel() throws(AssemblyError) -> Bool {
    var ahead = scanner
    ahead.skipBlanks()
    let start = ahead.position
    guard let name = ahead.word(), ahead.accept(":") else { return false }
    guard program.labels.updateValue(program.instructions.count, forKey: name) == nil else {
      throw scanner.error(.duplicateLabel(name), at: start)
    }
    scanner = ahead
    return true
  }

  /// Appends the slot of an operation; the statement is refused if BPF has none of this kind.
  mutating func emit(
    _ kind: Operation.Kind, destination: Register = .r0, source: Register = .r0,
    offset: Int16 = 0, immediate: Int32 = 0
  ) throws(AssemblyError) {
    guard let operation = Operation(kind) else {
      throw scanner.error(.noSuchInstruction, at: statementStart)
    }
    program.instructions.append(
      Instruction(
        operation, destination: destination, source: source, offset: offset,
        immediate: immediate))
  }

  /// Remembers that the slot to be emitted next needs a label's place.
  mutating func use(_ name: String, in field: LabelField, at position: Int) {
    uses.append(
      LabelUse(
        slot: program.instructions.count, field: field, name: name, scanner: scanner,
        position: position))
  }

  /// Fills in what ``use(_:in:at:)`` remembered; a label goes before a helper of the same name.
  mutating func resolveLabels() throws(AssemblyError) {
    for use in uses {
      if let target = program.labels[use.name] {
        try place(target - use.slot - 1, use)
      } else if use.field == .call, let number = assembler.helperNumber(use.name) {
        program.instructions[use.slot] = Instruction(.callHelper, immediate: number)
      } else {
        let reason: AssemblyError.Reason =
          use.field == .call ? .unknownFunction(use.name) : .undefinedLabel(use.name)
        throw use.scanner.error(reason, at: use.position)
      }
    }
  }

  private mutating func place(_ distance: Int, _ use: LabelUse) throws(AssemblyError) {
    if use.field == .offset, let offset = Int16(exactly: distance) {
      program.instructions[use.slot].offset = offset
    } else if use.field != .offset, let immediate = Int32(exactly: distance) {
      program.instructions[use.slot].immediate = immediate
    } else {
      throw use.scanner.error(.labelTooFar(use.name), at: use.position)
    }
  }
}
