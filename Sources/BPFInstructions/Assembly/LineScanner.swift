/// Reads one line of assembly from left to right, skipping blanks before every piece.
struct LineScanner {
  private let bytes: [UInt8]
  private let line: Int
  private(set) var position = 0

  init(_ text: some Sequence<UInt8>, line: Int) {
    bytes = Self.withoutComment(Array(text))
    self.line = line
  }

  /// A comment begins with `;` or `//` anywhere, or with `#` at the start or after a blank; but
  /// the `#` of `call #12` belongs to the call.
  private static func withoutComment(_ bytes: [UInt8]) -> [UInt8] {
    for (index, byte) in bytes.enumerated() {
      let before = bytes[..<index]
      switch byte {
      case UInt8(ascii: ";"): return Array(before)
      case UInt8(ascii: "/") where bytes[index...].starts(with: "//".utf8): return Array(before)
      case UInt8(ascii: "#") where before.last.map(isBlank) ?? true:
        let word = before.reversed().drop(while: isBlank)
        let follows = bytes[(index + 1)...].first.map(isDigit) ?? false
        if !(follows && word.starts(with: "llac".utf8)) { return Array(before) }
      default: break
      }
    }
    return bytes
  }

  var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return position >= bytes.count
    }
  }

  func error(_ reason: AssemblyError.Reason, at place: Int? = nil) -> AssemblyError {
    AssemblyError(line: line, column: (place ?? position) + 1, reason: reason)
  }

  mutating func skipBlanks() {
    while position < bytes.count, Self.isBlank(bytes[position]) { position += 1 }
  }

  /// Takes `text` if it comes next.
  mutating func accept(_ text: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  mutating func expect(_ text: String) throws(AssemblyError) {
    guard accept(text) else { throw error(.expected("'\(text)'")) }
  }

  /// Takes a word that must be this one, not just begin with it.
  mutating func expectWord(_ expected: String) throws(AssemblyError) {
    skipBlanks()
    let start = position
    guard word() == expected else { throw error(.expected("'\(expected)'"), at: start) }
  }

  mutating func expectEnd() throws(AssemblyError) {
    guard isAtEnd else { throw error(.expected("the end of the line")) }
  }

  /// Takes the first of `spellings` that comes next; the caller orders them longest first.
  mutating func acceptAny<Value>(of spellings: [(String, Value)]) -> Value? {
    for (spelling, value) in spellings where accept(spelling) { return value }
    return nil
  }

  /// Takes letters, digits, `_`, `.` and `$`, if a letter, `_`, `.` or `$` comes next.
  mutating func word() -> String? {
    skipBlanks()
    guard position < bytes.count, Self.isWord(bytes[position]), !Self.isDigit(bytes[position])
    else { return nil }
    return take(while: Self.isWord)
  }

  /// Looks at the next word without taking it.
  func peekWord() -> String? {
    var copy = self
    return copy.word()
  }

  /// Takes everything up to one of the closing bytes.
  mutating func text(upTo closing: String) -> String {
    take { !closing.utf8.contains($0) }
  }

  mutating func take(while condition: (UInt8) -> Bool) -> String {
    let start = position
    while position < bytes.count, condition(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }

  static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "$")
  }
}
