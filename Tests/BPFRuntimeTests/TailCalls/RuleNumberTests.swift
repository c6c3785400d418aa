import Foundation
import TestSupport
import Testing

/// Holds tests and list to the specification.
@Suite("Tail calls: every rule has a test or a reason")
struct RuleNumberTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  /// `shared/spec/tail-calls.md` beside the package; not part of it, so it may be missing.
  static let specification: String? = {
    let package = folder.appending(path: "../../..").standardizedFileURL
    let besides = package.deletingLastPathComponent().appending(path: "shared/spec/tail-calls.md")
    let given = ProcessInfo.processInfo.environment["SWITCHYARD_SPEC"].map {
      URL(filePath: $0).appending(path: "tail-calls.md")
    }
    return [given, besides].compactMap { $0 }.lazy
      .compactMap { try? String(contentsOf: $0, encoding: .utf8) }.first
  }()

  /// The rules at the beginning of lines, in sections 1 to 4.
  static func rules(in text: String) -> Set<String> {
    Set(
      text.split(separator: "\n").compactMap { line in
        let word = line.prefix { !$0.isWhitespace }
        let isRule = ["R1.", "R2.", "R3.", "R4."].contains { word.hasPrefix($0) }
        return isRule && word.dropFirst(3).allSatisfy(\.isNumber) ? String(word) : nil
      })
  }

  /// Every `R2.3` in a text.
  static func numbers(in text: Substring) -> Set<String> {
    Set(
      text.split { !($0.isLetter || $0.isNumber || $0 == ".") }
        .map { $0.hasSuffix(".") ? String($0.dropLast()) : String($0) }
        .filter { $0.hasPrefix("R") && $0.contains(".") })
  }

  /// The rules that tests carry in their names.
  static func tested() throws -> Set<String> {
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return try files.filter { $0.pathExtension == "swift" }.reduce(into: []) { rules, file in
      let text = try String(contentsOf: file, encoding: .utf8)
      for test in text.components(separatedBy: "@Test(").dropFirst() {
        let parts = test.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count == 3 { rules.formUnion(numbers(in: parts[1])) }
      }
    }
  }

  @Test(
    "the rules of sections 1 to 4 are all there",
    .enabled(if: specification != nil, "needs the specification beside the package"))
  func complete() throws {
    let rules = Self.rules(in: try #require(Self.specification))
    #expect(rules.count >= 60)
    let list = try String(contentsOf: Self.folder.appending(path: "README.md"), encoding: .utf8)
    let listed = list.split(separator: "\n").filter { $0.hasPrefix("| R") }
      .map { $0.split(separator: "|", maxSplits: 1)[0] }
      .reduce(into: Set<String>()) { $0.formUnion(Self.numbers(in: $1)) }
    let known = try Self.tested().union(listed)
    #expect(rules.subtracting(known).sorted() == [])
    #expect(known.subtracting(rules).sorted() == [], "numbers that no rule has")
  }
}
