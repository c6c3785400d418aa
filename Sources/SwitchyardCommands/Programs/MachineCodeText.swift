import Switchyard

/// Machine code as text, by the disassembler of GNU binutils where it is installed.
struct MachineCodeText {
  /// One instruction of the machine.
  struct Line {
    var offset: Int
    var bytes: [UInt8]
    /// `nil` where there is no disassembler: then the bytes are those of a whole BPF instruction.
    var text: String?
  }

  let lines: [Line]

  init(_ program: Program) {
    let code = program.machineCode
    lines = Self.disassembled(code) ?? Self.pieces(code, program.machineCodeOrigins)
  }

  private static func disassembled(_ code: [UInt8]) -> [Line]? {
    guard let path = System.temporaryFile(code) else { return nil }
    defer { System.remove(path) }
    // The path is of our own making, so the shell finds nothing in it.
    let command = "objdump -D -z -w -b binary -m i386:x86-64 \(path) 2>/dev/null"
    guard let output = System.output(ofCommand: command) else { return nil }
    let lines = output.split(separator: "\n").compactMap { line -> Line? in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard columns.count >= 3,
        let offset = Int(columns[0].filter { $0 != " " && $0 != ":" }, radix: 16)
      else { return nil }
      let bytes = columns[1].split(separator: " ").compactMap { UInt8($0, radix: 16) }
      let text = columns[2...].joined(separator: " ")
      return Line(offset: offset, bytes: bytes, text: Self.trimmed(text))
    }
    // A disassembler that we do not understand is none.
    return lines.map(\.bytes.count).reduce(0, +) == code.count ? lines : nil
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.last == " " { text.removeLast() }
    return text.split(separator: " ").joined(separator: " ")
  }

  private static func pieces(_ code: [UInt8], _ origins: [CodeOrigin]) -> [Line] {
    var starts = [0] + origins.map { Int($0.offset) }.filter { $0 > 0 && $0 < code.count }
    starts.append(code.count)
    return zip(starts, starts.dropFirst()).filter { $0 < $1 }.map { start, end in
      Line(offset: start, bytes: Array(code[start..<end]))
    }
  }
}
