import Testing

@Suite("Unsafe code is listed")
struct UnsafeTests {
  @Test("docs/unsafe.md lists every file with unsafe code, with what it relies on, and no other")
  func repository() throws {
    let list = try #require(Repository.text(UnsafeRules.list))
    expectNone(UnsafeRules.violations(Repository.textFiles, list: list))
  }

  private static let reason = "the buffer lives as long as the owner that frees it"

  private static func row(_ path: String, _ reason: String) -> String {
    "| `\(path)` | \(reason) |"
  }

  private func violations(_ source: String, rows: [String]) -> [Violation] {
    let file = TextFile("Sources/M/A.swift", source)
    let list = TextFile("docs/unsafe.md", rows.joined(separator: "\n"))
    return UnsafeRules.violations([file], list: list)
  }

  @Test(
    "Every way to overrule the compiler is found in a file that is not listed",
    arguments: [
      "let a = unsafe pointer.pointee", "nonisolated(unsafe) var a = 1",
      "struct A: @unchecked Sendable {}", "@unsafe func a() {}",
    ])
  func findsUnlisted(source: String) {
    #expect(violations("\n" + source, rows: []).map(\.line) == [2])
    let row = "| [`Sources/M/A.swift`](../Sources/M/A.swift) | \(Self.reason) |"
    #expect(violations(source, rows: [row]).isEmpty)
  }

  @Test("The word in a comment, a string or a longer name is no unsafe code")
  func ignoresMentions() {
    let source = "// unsafe\nlet a = \"unsafe \\(\"unsafe\")\"\nlet unsafeName = 1\n"
    #expect(violations(source, rows: []).isEmpty)
  }

  @Test("A row without a file, without unsafe code or without a reason is found")
  func findsBadRows() {
    let unsafe = "let a = unsafe b"
    let good = Self.row("Sources/M/A.swift", Self.reason)
    #expect(violations(unsafe, rows: [good]).isEmpty)
    #expect(
      violations(unsafe, rows: [good, Self.row("Sources/M/Gone.swift", Self.reason)]).count == 1)
    #expect(violations("let a = b", rows: [good]).count == 1)
    #expect(violations(unsafe, rows: [Self.row("Sources/M/A.swift", "safe")]).count == 1)
  }
}
