import Testing

@Suite("Blanking comments and literals")
struct CodeOnlyTests {
  struct Example: Sendable {
    var name: String
    var source: String
    var code: String
  }

  private static let examples = [
    Example(name: "line comment", source: "a // b \"\nc", code: "a\nc"),
    Example(name: "nested comment", source: "a /* b /* c */ d */ e", code: "a e"),
    Example(name: "string", source: #"f("}\"{", g)"#, code: "f( , g)"),
    Example(name: "interpolation", source: #"f("\(g("}", h(1)))}") i"#, code: "f( ) i"),
    Example(name: "raw string", source: ##"f(#"a"}\"#, g)"##, code: "f( , g)"),
    Example(
      name: "block string", source: "f(\"\"\"\n  } \"quoted\"\n  \"\"\") g", code: "f(\n\n ) g"),
    Example(name: "directive", source: "#if a\nb / c\n#endif", code: "#if a\nb / c\n#endif"),
  ]

  @Test("Only code is left, every line in its place", arguments: examples)
  func swift(example: Example) {
    let blanked = CodeOnly(example.source, language: .swift)
    #expect(blanked.bytes.count == example.source.utf8.count)
    let squeezed = blanked.lines.map { line in
      let inner = line.split(separator: " ").joined(separator: " ")
      return inner
    }
    let expected = example.code.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.split(separator: " ").joined(separator: " ") }
    #expect(squeezed == expected)
  }

  @Test("In C a quoted brace is no brace")
  func characterLiterals() {
    let blanked = CodeOnly("a = '\"'; b = '\\''; c = '}'; d", language: .c)
    #expect(!blanked.bytes.contains(UInt8(ascii: "}")))
    #expect(blanked.bytes.last == UInt8(ascii: "d"))
  }
}
