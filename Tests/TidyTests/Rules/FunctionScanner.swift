/// Finds functions by their words and braces, which is enough to count their lines.
enum FunctionScanner {
  struct Function: Equatable {
    var name: String
    /// Both count from 1 and include the braces.
    var firstLine: Int
    var lastLine: Int
  }

  static func functions(in file: TextFile) -> [Function] {
    if file.isSwift { return swiftFunctions(CodeOnly(file.text, language: .swift).bytes) }
    if file.isC { return cFunctions(CodeOnly(file.text, language: .c).bytes) }
    return []
  }

  private static let openers = Set<String>(["func", "init", "subscript", "deinit", "var"])

  /// Words that begin the next declaration: the one before had no body.
  private static let declarations = openers.union([
    "let", "case", "struct", "class", "enum", "extension", "protocol", "typealias",
    "associatedtype", "static", "public", "private", "fileprivate", "internal", "package",
    "mutating", "import", "nonisolated",
  ])

  private static func swiftFunctions(_ bytes: [UInt8]) -> [Function] {
    var functions: [Function] = []
    let lineNumbers = lineNumbers(bytes)
    var index = 0
    while index < bytes.count {
      guard isWordByte(bytes[index]) else {
        index += 1
        continue
      }
      let end = wordEnd(bytes, index)
      // The first letter decides for most words, without making a string of them.
      if mayOpen(bytes[index]), !isMember(bytes, index) {
        let word = String(decoding: bytes[index..<end], as: UTF8.self)
        if openers.contains(word), let body = bodyStart(bytes, end, of: word) {
          functions.append(
            Function(
              name: name(of: word, bytes, end), firstLine: lineNumbers[index],
              lastLine: lineNumbers[bodyEnd(bytes, body)]))
        }
      }
      index = end
    }
    return functions
  }

  /// A C function's body opens at the outermost level after a closing parenthesis.
  private static func cFunctions(_ bytes: [UInt8]) -> [Function] {
    var functions: [Function] = []
    let lineNumbers = lineNumbers(bytes)
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "{") {
        let end = bodyEnd(bytes, index)
        let before = bytes[..<index].last { !isSpace($0) }
        if before == UInt8(ascii: ")") {
          let lines = (lineNumbers[index], lineNumbers[end])
          functions.append(Function(name: "function", firstLine: lines.0, lastLine: lines.1))
        }
        index = end
      }
      index += 1
    }
    return functions
  }

  private static func mayOpen(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "f") || byte == UInt8(ascii: "i") || byte == UInt8(ascii: "s")
      || byte == UInt8(ascii: "d") || byte == UInt8(ascii: "v")
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...: true
    default: false
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
  }

  private static func wordEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var end = start
    while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
    return end
  }

  /// `.init(`, `` `func` `` and their like name something; they declare nothing.
  private static func isMember(_ bytes: [UInt8], _ index: Int) -> Bool {
    index > 0
      && (bytes[index - 1] == UInt8(ascii: ".") || bytes[index - 1] == UInt8(ascii: "`"))
  }

  private static func name(of word: String, _ bytes: [UInt8], _ end: Int) -> String {
    guard word == "func" || word == "var", end + 1 < bytes.count else { return word }
    let start = end + 1
    let name = String(decoding: bytes[start..<wordEnd(bytes, start)], as: UTF8.self)
    return name.isEmpty ? word : name
  }

  /// Index of the brace that opens the body of the declaration, nil when it has none.
  private static func bodyStart(_ bytes: [UInt8], _ start: Int, of opener: String) -> Int? {
    var depth = 0
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "{") where depth == 0: return index
      case UInt8(ascii: "}") where depth == 0: return nil
      case UInt8(ascii: "\n") where depth == 0 && opener == "var": return nil
      case UInt8(ascii: "=") where depth == 0 && opener == "var": return nil
      case _ where depth == 0 && isWordByte(byte):
        let end = wordEnd(bytes, index)
        if declarations.contains(String(decoding: bytes[index..<end], as: UTF8.self)) { return nil }
        index = end - 1
      default: break
      }
      if depth < 0 { return nil }
      index += 1
    }
    return nil
  }

  /// Index of the brace that closes the one at `start`, or the last byte of an unbalanced file.
  private static func bodyEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var depth = 0
    for index in start..<bytes.count {
      if bytes[index] == UInt8(ascii: "{") { depth += 1 }
      if bytes[index] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return index }
    }
    return bytes.count - 1
  }

  private static func lineNumbers(_ bytes: [UInt8]) -> [Int] {
    var line = 1
    return bytes.map { byte in
      defer { if byte == UInt8(ascii: "\n") { line += 1 } }
      return line
    }
  }
}
