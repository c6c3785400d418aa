/// A small program with what it returns: one case of the files in `Fixtures/instructions`, whose
/// README describes the format.
public struct InstructionCase: Hashable, Sendable {
  /// The file's name, without folder and ending.
  public var group: String
  /// What the case is about; unique in its file.
  public var name: String
  /// The line that begins the case, from 1.
  public var line: Int
  /// The program, for `Assembler`.
  public var assembly = ""
  /// What r1 points to; `nil` when the program gets no memory.
  public var memory: [UInt8]?
  /// How the program ends.
  public var expectation = Expectation.result(0)

  /// How a program ends.
  public enum Expectation: Hashable, Sendable {
    /// With this value in r0.
    case result(UInt64)
    /// Refused or faulting, with a message that contains this.
    case error(String)
  }

  /// The cases of all files, in order.
  ///
  /// - Throws: `FormatError`, or what reading the files gives.
  public static var all: [InstructionCase] {
    get throws {
      try Fixtures.files(in: "instructions", endingIn: ".data").flatMap { file in
        try parse(Fixtures.text("instructions/\(file)"), group: String(file.dropLast(5)))
      }
    }
  }

  /// A file that does not keep to the format.
  public struct FormatError: Error, CustomStringConvertible {
    /// File, line and what is wrong there.
    public var description: String
  }

  /// Reads the cases of one file.
  public static func parse(_ text: String, group: String) throws -> [InstructionCase] {
    var parser = InstructionCaseParser(group: group)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      try parser.take(String(line), number: index + 1)
    }
    return try parser.finish()
  }
}

extension InstructionCase: CustomStringConvertible {
  /// `divide.data:3: 64 bits, immediate: 0x2a / 5`.
  public var description: String { "\(group).data:\(line): \(name)" }
}

private struct InstructionCaseParser {
  let group: String
  var cases: [InstructionCase] = []
  var names: Set<String> = []
  var current: (name: String, line: Int)?
  var blocks: [String: String] = [:]
  var block: String?

  init(group: String) {
    self.group = group
  }

  mutating func take(_ line: String, number: Int) throws {
    guard !line.hasPrefix("#") || block == "asm" else { return }
    if line.hasPrefix("-- case ") {
      try endCase()
      let name = String(line.dropFirst("-- case ".count))
      current = (name, number)
      guard names.insert(name).inserted else { throw error("the name is there twice") }
    } else if line.hasPrefix("-- ") {
      let name = String(line.dropFirst(3))
      guard ["asm", "mem", "result", "error"].contains(name), blocks[name] == nil else {
        throw error("block '\(name)' is unknown or there twice")
      }
      block = name
      blocks[name] = ""
    } else if let block {
      blocks[block, default: ""] += line + "\n"
    } else if !line.isEmpty {
      throw error("line \(number) is in no block")
    }
  }

  mutating func finish() throws -> [InstructionCase] {
    try endCase()
    return cases
  }

  private mutating func endCase() throws {
    defer { (current, blocks, block) = (nil, [:], nil) }
    guard let current else {
      guard blocks.isEmpty else { throw error("a block before the first case") }
      return
    }
    guard let assembly = blocks["asm"] else { throw error("no block 'asm'") }
    var parsed = InstructionCase(group: group, name: current.name, line: current.line)
    parsed.assembly = assembly
    parsed.memory = try blocks["mem"].map { bytes in
      try bytes.split(whereSeparator: \.isWhitespace).map { digits in
        guard digits.count == 2, let byte = UInt8(digits, radix: 16) else {
          throw error("'\(digits)' is no byte")
        }
        return byte
      }
    }
    switch (blocks["result"].map(trimmed), blocks["error"].map(trimmed)) {
    case (let result?, nil):
      guard result.hasPrefix("0x"), let value = UInt64(result.dropFirst(2), radix: 16) else {
        throw error("'\(result)' is no result")
      }
      parsed.expectation = .result(value)
    case (nil, let message?) where !message.isEmpty: parsed.expectation = .error(message)
    default: throw error("needs one of the blocks 'result' and 'error'")
    }
    cases.append(parsed)
  }

  private func trimmed(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private func error(_ what: String) -> InstructionCase.FormatError {
    InstructionCase.FormatError(
      description: "\(group).data:\(current?.line ?? 1): \(current?.name ?? ""): \(what)")
  }
}
