/// Code that the compiler cannot vouch for lives in few files, and `docs/unsafe.md` says for each
/// what it relies on.
enum UnsafeRules {
  static let list = "docs/unsafe.md"

  /// Long enough to say something.
  static let minimumReason = 30

  /// The first place where a file claims to know better than the compiler.
  static func firstUse(in file: TextFile) -> (line: Int, what: String)? {
    guard file.isSwift, file.text.contains("unsafe") || file.text.contains("@unchecked")
    else { return nil }
    for (index, line) in CodeOnly(file.text, language: .swift).lines.enumerated() {
      if line.contains("@unchecked") { return (index + 1, "@unchecked") }
      if line.words.contains("unsafe") { return (index + 1, "unsafe") }
    }
    return nil
  }

  struct Entry: Equatable {
    var path: String
    var reason: String
    var line: Int
  }

  /// Rows of the form ``| [`Sources/...`](...) | reason |``.
  static func entries(_ list: TextFile) -> [Entry] {
    list.lines.enumerated().compactMap { index, line in
      let cells = line.split(separator: "|").map(\.trimmed)
      guard cells.count >= 2, let path = cells[0].firstBackquoted, path.hasPrefix("Sources/")
      else { return nil }
      return Entry(path: path, reason: cells[1], line: index + 1)
    }
  }

  static func violations(_ files: [TextFile], list: TextFile) -> [Violation] {
    let entries = entries(list)
    let listed = Set(entries.map(\.path))
    let unlisted = files.filter { $0.module != nil }.compactMap { file -> Violation? in
      guard !listed.contains(file.path), let use = firstUse(in: file) else { return nil }
      return Violation(
        file.path, line: use.line,
        "`\(use.what)` in a file that \(list.path) does not list; move it or add the row "
          + "`| [`\(file.path)`](../\(file.path)) | what it relies on |`")
    }
    return unlisted + entries.flatMap { check($0, files, list) }
  }

  private static func check(
    _ entry: Entry, _ files: [TextFile], _ list: TextFile
  ) -> [Violation] {
    guard let file = files.first(where: { $0.path == entry.path }) else {
      return [Violation(list.path, line: entry.line, "\(entry.path) does not exist")]
    }
    if firstUse(in: file) == nil {
      return [Violation(list.path, line: entry.line, "\(entry.path) has nothing unsafe in it")]
    }
    guard entry.reason.count >= minimumReason else {
      return [
        Violation(list.path, line: entry.line, "\(entry.path) does not say what it relies on")
      ]
    }
    return []
  }
}
