import Foundation

/// Words and bytes that no tracked file may contain.
enum WordRules {
  // Put together from pieces, because this file is held to the rule too.
  static let unfinishedMarks = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
  static let machinePaths = ["/wo" + "rk/", "/tmp/" + "wt", "/ho" + "me/", "/ro" + "ot/"]

  /// Unfinished work belongs in an issue, where it has a reason and an end.
  static func unfinished(_ file: TextFile) -> [Violation] {
    guard file.isSource || file.isMakefile else { return [] }
    return file.lines.enumerated().flatMap { index, line in
      unfinishedMarks.filter { line.contains($0) && line.words.contains(Substring($0)) }.map {
        Violation(file.path, line: index + 1, "\($0); say it in an issue instead")
      }
    }
  }

  /// Looks at bytes, not text: compilers leave the path of their folder in objects.
  static func machinePaths(_ path: String, _ bytes: Data) -> [Violation] {
    machinePaths.compactMap { machinePath in
      guard let range = bytes.range(of: Data(machinePath.utf8)) else { return nil }
      let newline = UInt8(ascii: "\n")
      let line = bytes[bytes.startIndex..<range.lowerBound].count { $0 == newline } + 1
      return Violation(path, line: line, "`\(machinePath)` is a path of somebody's machine")
    }
  }
}
