/// What the documents and the Makefile claim has to agree with what is there.
enum DriftRules {
  /// The heading under which a document lists the modules, one table row for each.
  static let moduleHeading = "## Modules"

  static func modules(_ document: TextFile, _ manifest: Manifest) -> [Violation] {
    let rows = moduleRows(document)
    if rows.isEmpty {
      return [Violation(document.path, "no table of modules under `\(moduleHeading)`")]
    }
    let names = Set(manifest.shipped.map(\.name))
    let unknown = rows.filter { !names.contains($0.name) }.map {
      Violation(document.path, line: $0.line, "\($0.name) is no target of Package.swift")
    }
    let listed = Set(rows.map(\.name))
    let missing = names.subtracting(listed).sorted().map {
      Violation(document.path, "target \($0) is missing under `\(moduleHeading)`")
    }
    return unknown + missing
  }

  private static func moduleRows(_ document: TextFile) -> [(name: String, line: Int)] {
    let prose = MarkdownRules.prose(document)
    guard let start = prose.firstIndex(where: { $0.text.trimmed == moduleHeading }) else {
      return []
    }
    let section = prose[(start + 1)...].prefix { !$0.text.hasPrefix("#") }
    return section.compactMap { row -> (name: String, line: Int)? in
      guard row.text.hasPrefix("|"), let cell = row.text.split(separator: "|").first,
        let name = cell.firstBackquoted
      else { return nil }
      return (name, row.line)
    }
  }

  struct MakeTarget: Equatable {
    var name: String
    var line: Int
    /// `make help` prints what follows `##`.
    var hasHelp: Bool
  }

  static func makeTargets(_ makefile: TextFile) -> [MakeTarget] {
    makefile.lines.enumerated().compactMap { index, line -> MakeTarget? in
      guard line.first?.isLetter == true, let colon = line.firstIndex(of: ":"),
        !line[colon...].hasPrefix(":=")
      else { return nil }
      let name = line[..<colon]
      guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }) else { return nil }
      return MakeTarget(name: String(name), line: index + 1, hasHelp: line.contains("## "))
    }
  }

  /// Every target is documented, and every `make` command that a document shows exists.
  static func makefile(_ makefile: TextFile, documents: [TextFile]) -> [Violation] {
    let targets = makeTargets(makefile)
    let commands = documents.flatMap { document in
      makeCommands(in: document).map { (document.path, $0.line, $0.name) }
    }
    let undocumented = targets.filter { target in
      !target.hasHelp && !commands.contains { $0.2 == target.name }
    }
    let names = Set(targets.map(\.name))
    return undocumented.map {
      Violation(
        makefile.path, line: $0.line, "target \($0.name) is neither in `make help` nor in the docs")
    }
      + commands.filter { !names.contains($0.2) }.map {
        Violation($0.0, line: $0.1, "`make \($0.2)` is no target of the Makefile")
      }
  }

  /// Commands start a line of code or stand between backquotes: `make` in a sentence is a verb.
  private static func makeCommands(in document: TextFile) -> [(name: String, line: Int)] {
    document.lines.enumerated().flatMap { index, line -> [(name: String, line: Int)] in
      let quoted = line.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
      let inline = quoted.indices.filter { $0 % 2 == 1 }.map { quoted[$0] }
      let whole = line.trimmed.replacing("$ ", with: "")
      return (inline + [whole]).compactMap(makeTarget).map { (name: $0, line: index + 1) }
    }
  }

  private static func makeTarget(in command: String) -> String? {
    guard command.hasPrefix("make ") else { return nil }
    let arguments = command.split(separator: " ").dropFirst()
    guard let name = arguments.first(where: { !$0.contains("=") }), !name.hasPrefix("-"),
      name.allSatisfy({ $0.isLetter || $0 == "-" })
    else { return nil }
    return String(name)
  }
}
