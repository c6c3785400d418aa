/// Documents have one title, and what they point to is there.
enum MarkdownRules {
  /// The lines outside fenced code, with their numbers, which count from 1.
  static func prose(_ file: TextFile) -> [(line: Int, text: Substring)] {
    var isFenced = false
    return file.lines.enumerated().compactMap { index, line in
      if line.trimmed.hasPrefix("```") {
        isFenced.toggle()
        return nil
      }
      return isFenced ? nil : (index + 1, line)
    }
  }

  static func title(_ file: TextFile) -> [Violation] {
    guard file.isMarkdown else { return [] }
    let titles = prose(file).filter { $0.text.hasPrefix("# ") }
    if titles.count == 1 { return [] }
    return [
      Violation(
        file.path, line: titles.dropFirst().first?.line,
        "\(titles.count) titles (`# ...`); a document has exactly one")
    ]
  }

  /// `exists` is asked for paths from the root of the repository.
  static func links(_ file: TextFile, exists: (String) -> Bool) -> [Violation] {
    guard file.isMarkdown else { return [] }
    return prose(file).flatMap { line, text in
      targets(in: text).compactMap { target in
        guard let path = resolve(target, from: file.folder) else {
          return Violation(file.path, line: line, "link `\(target)` leaves the repository")
        }
        if exists(path) { return nil }
        return Violation(file.path, line: line, "link `\(target)` leads nowhere")
      }
    }
  }

  /// Relative targets of `[text](target)`, without fragments.
  private static func targets(in text: Substring) -> [String] {
    var targets: [String] = []
    var rest = text
    while let start = rest.firstRange(of: "](") {
      rest = rest[start.upperBound...]
      let target = rest.prefix { $0 != ")" && $0 != " " }.prefix { $0 != "#" }
      let isRemote = target.contains("://") || target.hasPrefix("mailto:")
      if !target.isEmpty, !isRemote { targets.append(String(target)) }
    }
    return targets
  }

  private static func resolve(_ target: String, from folder: String) -> String? {
    var parts = folder.split(separator: "/")
    for part in target.split(separator: "/") where part != "." {
      if part != ".." {
        parts.append(part)
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.joined(separator: "/")
  }
}
