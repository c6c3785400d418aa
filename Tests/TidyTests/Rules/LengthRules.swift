/// Limits that keep a file readable in one sitting and a function on one screen.
enum LengthRules {
  static let maximumLinesPerFile = 600
  static let maximumColumns = 100
  static let maximumLinesPerFunction = 70
  static let maximumLinesPerMain = 20

  static func fileLength(_ file: TextFile) -> [Violation] {
    let count = file.lines.count
    guard file.isSource, count > maximumLinesPerFile else { return [] }
    return [
      Violation(
        file.path, line: maximumLinesPerFile + 1,
        "\(count) lines; split it by concern, \(maximumLinesPerFile) are the limit")
    ]
  }

  static func lineLength(_ file: TextFile) -> [Violation] {
    guard file.isSource else { return [] }
    return file.lines.enumerated().compactMap { index, line in
      // Bytes are counted first because counting characters is slow.
      guard line.utf8.count > maximumColumns, line.count > maximumColumns else { return nil }
      return Violation(
        file.path, line: index + 1,
        "\(line.count) columns; \(maximumColumns) are the limit")
    }
  }

  /// A body that is one table may be long; the mark above it says that it is one.
  static let tableMarks = ["tidy: table", "swift-format-ignore"]

  static func functionLength(_ file: TextFile) -> [Violation] {
    let lines = file.lines
    return FunctionScanner.functions(in: file).compactMap { function in
      let count = function.lastLine - function.firstLine + 1
      guard count > maximumLinesPerFunction, !isMarked(function.firstLine, in: lines) else {
        return nil
      }
      return Violation(
        file.path, line: function.firstLine,
        "\(function.name) has \(count) lines; \(maximumLinesPerFunction) are the limit "
          + "(a table is marked `// \(tableMarks[0])` on the line above)")
    }
  }

  /// Looks at the declaration's line and at the comments and attributes right above it.
  private static func isMarked(_ line: Int, in lines: [Substring]) -> Bool {
    var index = line - 1
    repeat {
      if tableMarks.contains(where: { lines[index].contains($0) }) { return true }
      index -= 1
    } while index >= 0 && ["//", "@"].contains { lines[index].trimmed.hasPrefix($0) }
    return false
  }

  /// An executable only starts the library that does the work, so that tests can reach it.
  static func executables(_ files: [TextFile], _ manifest: Manifest) -> [Violation] {
    manifest.targets.filter { $0.kind == .executable }.flatMap { target in
      let sources = files.filter { $0.path.hasPrefix(target.path + "/") && $0.isSwift }
      var violations = sources.filter { $0.lines.count > maximumLinesPerMain }.map {
        Violation(
          $0.path, line: maximumLinesPerMain + 1,
          "\($0.lines.count) lines in an executable; move them into a library, "
            + "\(maximumLinesPerMain) are the limit")
      }
      if sources.count != 1 {
        violations.append(
          Violation(target.path, "\(sources.count) source files in an executable; one is the rule"))
      }
      return violations
    }
  }
}
