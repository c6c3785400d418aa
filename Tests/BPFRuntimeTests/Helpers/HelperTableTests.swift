import BPFRuntime
import Foundation
import Testing

/// docs/helpers.md lists every helper by type of program, and says what the code says.
///
/// `SWITCHYARD_WRITE_DOCUMENTS=1` writes the table anew.
@Suite("The table of helpers")
struct HelperTableTests {
  static let path = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs/helpers.md").path

  private static let begin = "<!-- table begins -->\n"
  private static let end = "<!-- table ends -->\n"

  /// Helpers that will not come, because there is nothing behind them here; docs/helpers.md says
  /// why.
  static let notByDesign: Set<Int32> = [
    36, 56, 61, 62, 63, 73, 74, 75, 76, 77, 78, 92, 111, 119, 121, 126, 127, 128, 129,
    136, 137, 138, 139, 140, 141, 147, 149, 150, 153, 154, 159, 161, 162, 166, 167, 168, 175, 176,
    178, 179, 180, 191, 193, 194, 196, 209,
  ]

  /// The same in some types only: there Linux takes an argument that only kernel functions have.
  static let notByDesignIn: [Int32: Set<String>] = [188: ["syscall"]]

  static var table: String {
    let types = (0...UInt32(32)).compactMap { ProgramType.linux(number: $0) }
    var lines = ["| Helper | Works in | Not yet in |", "| --- | --- | --- |"]
    for number in Int32(1)...211 {
      guard let name = HelperNames.name(of: number) else { continue }
      let isTailCall = number == 12
      let works = types.filter { isTailCall || $0.helpers[number] != nil }.map(\.name)
      let missing = types.filter { !isTailCall && $0.missingHelpers.contains(number) }.map(\.name)
      guard !works.isEmpty || !missing.isEmpty else { continue }
      let isByDesign =
        notByDesign.contains(number) || notByDesignIn[number]?.isSuperset(of: missing) == true
      let rest = missing.isEmpty ? "" : isByDesign ? "by design" : list(missing, types)
      lines.append("| `\(name)` (\(number)) | \(list(works, types)) | \(rest) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func list(_ names: [String], _ types: [ProgramType]) -> String {
    names.count == types.count ? "all" : names.joined(separator: ", ")
  }

  @Test("docs/helpers.md says what the code says")
  func document() throws {
    let text = try String(contentsOfFile: Self.path, encoding: .utf8)
    let start = try #require(text.firstRange(of: Self.begin))
    let stop = try #require(text.firstRange(of: Self.end))
    let written = String(text[start.upperBound..<stop.lowerBound])
    if ProcessInfo.processInfo.environment["SWITCHYARD_WRITE_DOCUMENTS"] == "1" {
      let new = text[..<start.upperBound] + Self.table + text[stop.lowerBound...]
      try String(new).write(toFile: Self.path, atomically: true, encoding: .utf8)
    } else {
      #expect(written == Self.table, "write it anew with SWITCHYARD_WRITE_DOCUMENTS=1")
    }
  }
}
