import Switchyard

/// A program as text, instruction by instruction, with the source lines that it comes from.
struct ProgramListing {
  private struct Row {
    var instruction: DisassembledInstruction
    /// The function that begins here, unless it is the program itself.
    var function: String?
    /// The source line that begins here.
    var line: LineInfo?
  }

  private let spec: ProgramSpec
  private let rows: [Row]

  init(_ spec: ProgramSpec, maps: [MapSpec]) {
    self.spec = spec
    let functions = Dictionary(
      spec.functions.map { ($0.start, $0.name) }, uniquingKeysWith: { first, _ in first })
    let lines = Dictionary(
      spec.lines.map { ($0.slot, $0) }, uniquingKeysWith: { first, _ in first })
    var last: LineInfo?
    rows = Self.disassembler(spec, maps).disassemble(spec.instructions).map { instruction in
      let function = functions[instruction.index]
      if function != nil { last = nil }
      var line = lines[instruction.index]
      // A line has many records when the compiler has mixed it with others.
      if let found = line, let before = last, found.place == before.place { line = nil }
      last = line ?? last
      return Row(instruction: instruction, function: function, line: line)
    }
  }

  private static func disassembler(_ spec: ProgramSpec, _ maps: [MapSpec]) -> Disassembler {
    var symbols: [Int: Disassembler.Symbol] = [:]
    for (slot, reference) in spec.references where maps.indices.contains(reference.mapIndex) {
      let name = maps[reference.mapIndex].displayName
      switch reference {
      case .map: symbols[slot] = .map(name)
      case .mapValue(_, let offset): symbols[slot] = .mapValue(name, offset: offset)
      }
    }
    for (slot, instruction) in spec.instructions.enumerated() {
      guard let operation = try? Operation(instruction, at: slot),
        operation.kind == .callSubprogram,
        let function = spec.function(at: slot &+ 1 &+ Int(instruction.immediate))
      else { continue }
      symbols[slot] = .function(function.name)
    }
    let names = symbols
    return Disassembler(
      helperName: { HelperNames.name(of: $0).map { "bpf_\($0)" } }, symbol: { names[$0] })
  }

  /// The instructions as text, in order.
  var instructions: [DisassembledInstruction] { rows.map(\.instruction) }

  /// The listing in the form of `bpftool prog dump xlated linum`.
  func lines(_ style: Style) -> [String] {
    let type = spec.kind?.name ?? "no type"
    var lines = ["\(style.cyan(spec.name.printable)) \(style.dim("(\(type))")):"]
    for row in rows {
      if let function = row.function, row.instruction.index > 0 {
        lines.append("\(style.cyan(function.printable)):")
      }
      if let line = row.line {
        let place = "[file:\(line.path) line_num:\(line.line) line_col:\(line.column)]"
        lines.append(style.dim("; \(Self.trimmed(line.text).printable) \(place.printable)"))
      }
      lines.append(row.instruction.description.printable)
    }
    return lines
  }

  var document: JSON {
    .object([
      ("name", .string(spec.name)), ("type", .string(spec.kind?.name ?? "unspec")),
      ("section", .string(spec.section)),
      (
        "insns",
        .array(
          rows.map { row in
            var members: [(key: String, value: JSON)] = [
              ("insn", .integer(row.instruction.index)),
              (
                "disasm", .string("(\(row.instruction.opcode.hexadecimal)) \(row.instruction.text)")
              ),
            ]
            if let function = row.function { members.append(("function", .string(function))) }
            if let line = row.line {
              members += [
                ("src", .string(Self.trimmed(line.text))), ("file_name", .string(line.path)),
                ("line_num", .integer(line.line)), ("line_col", .integer(line.column)),
              ]
            }
            return .object(members)
          })
      ),
    ])
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " || $0 == "\t" })
  }
}
