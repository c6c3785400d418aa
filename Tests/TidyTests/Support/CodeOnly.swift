/// Source text in which comments and the inside of literals are blanks, every line in its place.
///
/// The rules scan words and braces; without this, a brace in a string or a word in a comment
/// would count. It is no parser: regular-expression literals are not recognised.
struct CodeOnly {
  enum Language {
    case swift
    case c
  }

  let bytes: [UInt8]

  init(_ text: String, language: Language) {
    var blanker = Blanker(input: Array(text.utf8), language: language)
    blanker.scanCode(insideInterpolation: false)
    bytes = blanker.output
  }

  /// For the rules that look at words line by line.
  var lines: [String] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

private struct Blanker {
  let input: [UInt8]
  let language: CodeOnly.Language
  var output: [UInt8] = []
  private var position = 0

  init(input: [UInt8], language: CodeOnly.Language) {
    self.input = input
    self.language = language
    output.reserveCapacity(input.count)
  }

  mutating func scanCode(insideInterpolation: Bool) {
    var depth = 0
    while position < input.count {
      let byte = input[position]
      if !insideInterpolation, !Blanker.opensSomething(byte) {
        output.append(byte)
        position += 1
      } else if looking(at: "//") {
        blankLineComment()
      } else if looking(at: "/*") {
        blankBlockComment()
      } else if stringStartsHere {
        blankString()
      } else if language == .c, byte == UInt8(ascii: "'") {
        blankCharacter()
      } else if insideInterpolation {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") { depth -= 1 }
        if depth < 0 { return }
        blank(1)
      } else {
        output.append(byte)
        position += 1
      }
    }
  }

  /// Most bytes start no comment and no literal, and are done with one comparison.
  private static func opensSomething(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "/"), UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "'"): true
    default: false
    }
  }

  private func looking(at text: StaticString, offset: Int = 0) -> Bool {
    let wanted = Array("\(text)".utf8)
    let start = position + offset
    return start + wanted.count <= input.count
      && input[start..<start + wanted.count].elementsEqual(wanted)
  }

  private var hashesHere: Int {
    input[position...].prefix { $0 == UInt8(ascii: "#") }.count
  }

  private var stringStartsHere: Bool {
    if input[position] == UInt8(ascii: "\"") { return true }
    guard language == .swift, input[position] == UInt8(ascii: "#") else { return false }
    return looking(at: "\"", offset: hashesHere)
  }

  private mutating func blank(_ count: Int) {
    for _ in 0..<count where position < input.count {
      let byte = input[position]
      output.append(byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
      position += 1
    }
  }

  private mutating func blankLineComment() {
    while position < input.count, input[position] != UInt8(ascii: "\n") { blank(1) }
  }

  private mutating func blankBlockComment() {
    var depth = 0
    repeat {
      if looking(at: "/*"), language == .swift || depth == 0 {
        depth += 1
        blank(2)
      } else if looking(at: "*/") {
        depth -= 1
        blank(2)
      } else {
        blank(1)
      }
    } while depth > 0 && position < input.count
  }

  private mutating func blankCharacter() {
    blank(1)
    while position < input.count, input[position] != UInt8(ascii: "\n") {
      if input[position] == UInt8(ascii: "'") { return blank(1) }
      blank(input[position] == UInt8(ascii: "\\") ? 2 : 1)
    }
  }

  private mutating func blankString() {
    let hashes = language == .swift ? hashesHere : 0
    let isBlock = language == .swift && looking(at: "\"\"\"", offset: hashes)
    let quotes = isBlock ? 3 : 1
    blank(hashes + quotes)
    while position < input.count {
      let byte = input[position]
      if byte == UInt8(ascii: "\\"), hashesFollow(hashes, offset: 1) {
        blank(1 + hashes)
        if language == .swift, looking(at: "(") {
          blank(1)
          scanCode(insideInterpolation: true)
        }
        blank(1)
      } else if closes(quotes: quotes, hashes: hashes) {
        return blank(quotes + hashes)
      } else if byte == UInt8(ascii: "\n"), !isBlock {
        return
      } else {
        blank(1)
      }
    }
  }

  private func hashesFollow(_ count: Int, offset: Int) -> Bool {
    guard position + offset <= input.count else { return false }
    return input[(position + offset)...].prefix(count).elementsEqual(
      repeatElement(UInt8(ascii: "#"), count: count))
  }

  private func closes(quotes: Int, hashes: Int) -> Bool {
    let quoted = input[position...].prefix(quotes)
    return quoted.count == quotes && quoted.allSatisfy { $0 == UInt8(ascii: "\"") }
      && hashesFollow(hashes, offset: quotes)
  }
}
