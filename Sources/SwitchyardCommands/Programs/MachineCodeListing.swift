import Switchyard

/// A program's machine code, with what it comes from in between.
struct MachineCodeListing {
  private struct Row {
    var line: MachineCodeText.Line
    /// The slot of the BPF instruction that begins here.
    var slot: Int?
    /// The source line that begins here.
    var source: LineInfo?
  }

  private let loaded: Collection.LoadedProgram
  private let keywords: Set<ProgramDumpMachineCommand.Keyword>
  private let instructions: [Int: DisassembledInstruction]
  private let rows: [Row]

  init(
    _ loaded: Collection.LoadedProgram, maps: [MapSpec],
    keywords: Set<ProgramDumpMachineCommand.Keyword>
  ) {
    self.loaded = loaded
    self.keywords = keywords
    instructions = Dictionary(
      ProgramListing(loaded.spec, maps: maps).instructions.map { ($0.index, $0) },
      uniquingKeysWith: { first, _ in first })
    let origins = Dictionary(
      loaded.program.machineCodeOrigins.map { (Int($0.offset), Int($0.slot)) },
      uniquingKeysWith: { _, last in last })
    var last: String?
    rows = MachineCodeText(loaded.program).lines.map { line in
      let slot = origins[line.offset]
      var source = slot.flatMap { loaded.spec.line(at: $0) }
      if source?.place == last { source = nil }
      last = source?.place ?? last
      return Row(line: line, slot: slot, source: source)
    }
  }

  /// The listing in the form of `bpftool prog dump jited`.
  func lines(_ style: Style) -> [String] {
    var lines = ["\(style.cyan(loaded.program.symbolName.printable)):"]
    for row in rows {
      if let source = row.source {
        let place = "[file:\(source.path) line_num:\(source.line) line_col:\(source.column)]"
        let text = "; \(Self.trimmed(source.text))"
        let line = keywords.contains(.linum) ? "\(text) \(place)" : text
        lines.append(style.dim(line.printable))
      }
      if keywords.contains(.xlated), let instruction = row.slot.flatMap({ instructions[$0] }) {
        lines.append(style.dim("; \(instruction.description.printable)"))
      }
      let offset = String(row.line.offset, radix: 16)
      let padding = String(repeating: " ", count: max(0, 4 - offset.count))
      lines.append("\(padding)\(offset):\t\(row.line.text ?? hexadecimal(row.line.bytes))")
      if keywords.contains(.opcodes), row.line.text != nil {
        lines.append("\t\(hexadecimal(row.line.bytes))")
      }
    }
    return lines
  }

  var document: JSON {
    .object([
      ("name", .string(loaded.spec.name)), ("symbol", .string(loaded.program.symbolName)),
      ("tag", .string(loaded.program.instructions.tag)),
      ("bytes_jited", .integer(loaded.program.machineCode.count)),
      ("insns", .array(rows.map(document))),
    ])
  }

  private func document(_ row: Row) -> JSON {
    var members: [(key: String, value: JSON)] = []
    if let source = row.source {
      members.append(("src", .string(Self.trimmed(source.text))))
      if keywords.contains(.linum) {
        members += [
          ("file_name", .string(source.path)), ("line_num", .integer(source.line)),
          ("line_col", .integer(source.column)),
        ]
      }
    }
    if keywords.contains(.xlated), let slot = row.slot, let instruction = instructions[slot] {
      members += [("insn", .integer(slot)), ("xlated", .string(instruction.text))]
    }
    members.append(("pc", .string("0x" + String(row.line.offset, radix: 16))))
    if let text = row.line.text { members.append(("disasm", .string(text))) }
    if keywords.contains(.opcodes) || row.line.text == nil {
      members.append(("opcodes", .bytes(row.line.bytes)))
    }
    return .object(members)
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map(\.hexadecimal).joined(separator: " ")
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " || $0 == "\t" })
  }
}
