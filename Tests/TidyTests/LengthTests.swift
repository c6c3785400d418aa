import Testing

@Suite("Lengths")
struct LengthTests {
  private static let sources = Repository.textFiles.filter(\.isSource)

  @Test("Files, lines and functions of the repository stay within their limits")
  func repository() {
    #expect(Self.sources.contains { $0.path == "Package.swift" })
    for file in Self.sources {
      expectNone(LengthRules.fileLength(file))
      expectNone(LengthRules.lineLength(file))
      expectNone(LengthRules.functionLength(file))
    }
  }

  @Test("Executables of the repository only start their library")
  func executables() throws {
    expectNone(LengthRules.executables(Repository.textFiles, try RepositoryManifest.read()))
  }

  @Test("A file one line too long is found, one at the limit is not")
  func fileLength() {
    let line = "let one = 1\n"
    let long = TextFile("a.swift", String(repeating: line, count: 601))
    let fitting = TextFile("a.swift", String(repeating: line, count: 600))
    #expect(LengthRules.fileLength(long).map(\.line) == [601])
    #expect(LengthRules.fileLength(fitting).isEmpty)
    #expect(LengthRules.fileLength(TextFile("a.md", long.text)).isEmpty)
  }

  @Test("A line of 101 columns is found; columns are characters, not bytes")
  func lineLength() {
    let long = String(repeating: "x", count: 101)
    let fitting = String(repeating: "é", count: 100)
    let found = LengthRules.lineLength(TextFile("a.c", "\(fitting)\n\(long)\n"))
    #expect(found.map(\.line) == [2])
  }

  @Test(
    "A body of more than 70 lines is found in every kind of declaration",
    arguments: [
      "func f<T>(_ g: () -> T = { 1 }) -> T where T: P {", "init?(a: Int) throws(E) {",
      "subscript(i: Int) -> Int {", "deinit {", "static var table: [Int] {",
    ])
  func functionLength(opening: String) {
    let body = { count in
      TextFile("a.swift", opening + "\n" + String(repeating: "  g(\"}\")\n", count: count) + "}\n")
    }
    #expect(LengthRules.functionLength(body(69)).map(\.line) == [1])
    #expect(LengthRules.functionLength(body(68)).isEmpty)
    let marked = TextFile("a.swift", "// tidy: table\n@inline(always)\n" + body(69).text)
    #expect(LengthRules.functionLength(marked).isEmpty)
  }

  @Test("Declarations without a body and calls of initialisers are no functions")
  func declarationsWithoutBody() {
    let text = """
      protocol P {
        func a() -> Int
        init(b: Int)
      }
      struct S { let x = T.init(1), y = 2 }
      func real() {}
      """
    let found = FunctionScanner.functions(in: TextFile("a.swift", text))
    #expect(found == [FunctionScanner.Function(name: "real", firstLine: 6, lastLine: 6)])
  }

  @Test("A C function's body is measured, a struct's is not")
  func cFunctions() {
    let body = String(repeating: "  a = '}';\n", count: 70)
    let long = TextFile("a.c", "struct s {\n\(body)};\nint f(void)\n{\n\(body)}\n")
    #expect(LengthRules.functionLength(long).map(\.line) == [74])
  }

  @Test("An executable with a long or a second file is found")
  func longExecutable() {
    let manifest = Manifest(#".executableTarget(name: "tool", dependencies: ["Library"])"#)
    let long = TextFile("Sources/tool/Main.swift", String(repeating: "//\n", count: 21))
    let second = TextFile("Sources/tool/More.swift", "//\n")
    #expect(LengthRules.executables([long], manifest).count == 1)
    #expect(LengthRules.executables([second, second], manifest).count == 1)
    #expect(LengthRules.executables([second], manifest).isEmpty)
  }
}
