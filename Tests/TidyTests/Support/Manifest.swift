import Foundation

/// What `Package.swift` declares, read from its text: asking SwiftPM would need the lock that the
/// running `swift test` holds.
struct Manifest {
  enum Kind: String {
    case library = "target"
    case executable = "executableTarget"
    case test = "testTarget"
    case system = "systemLibrary"
  }

  struct Target {
    var name: String
    var kind: Kind
    /// Names of targets of this package and of products of others, as they are imported.
    var dependencies: [String]
    /// `Sources/NAME` or `Tests/NAME` unless the manifest says otherwise.
    var path: String
  }

  var targets: [Target]

  init(_ text: String) {
    let characters = Array(CommentFree(text).text)
    targets = []
    var index = 0
    while index < characters.count {
      let (kind, length) = Manifest.targetStarts(at: index, in: characters)
      guard let kind else {
        index += 1
        continue
      }
      let start = index + length
      let end = Manifest.closing(from: start, in: characters)
      let body = String(characters[start..<end])
      if let target = Manifest.target(kind, body) { targets.append(target) }
      index = end
    }
  }

  subscript(name: String) -> Target? { targets.first { $0.name == name } }

  /// Targets that make up what users get: no tests and nothing that only tests use.
  var shipped: [Target] { targets.filter { !$0.path.hasPrefix("Tests/") } }

  private static func targetStarts(at index: Int, in text: [Character]) -> (Kind?, Int) {
    for kind in [Kind.library, .executable, .test, .system] {
      let wanted = Array(".\(kind.rawValue)(")
      if text[index...].starts(with: wanted) { return (kind, wanted.count) }
    }
    return (nil, 0)
  }

  /// Index of the parenthesis that closes the call whose arguments start at `start`.
  private static func closing(from start: Int, in text: [Character]) -> Int {
    var depth = 1
    var index = start
    while index < text.count {
      if text[index] == "(" { depth += 1 }
      if text[index] == ")" { depth -= 1 }
      if depth == 0 { break }
      index += 1
    }
    return index
  }

  private static func target(_ kind: Kind, _ body: String) -> Target? {
    guard let name = quoted(after: "name:", in: body) else { return nil }
    let folder = kind == .test ? "Tests" : "Sources"
    var dependencies: [String] = []
    if let list = body.range(of: "dependencies:") {
      let rest = body[list.upperBound...]
      let inner = rest.prefix { $0 != "]" }
      dependencies = names(in: inner)
    }
    return Target(
      name: name, kind: kind, dependencies: dependencies,
      path: quoted(after: "path:", in: body) ?? "\(folder)/\(name)")
  }

  private static func quoted(after label: String, in text: String) -> String? {
    guard let range = text.range(of: label) else { return nil }
    let parts = text[range.upperBound...].split(separator: "\"", maxSplits: 2)
    return parts.count >= 2 ? String(parts[1]) : nil
  }

  /// Every quoted name of a list, without the package that a product comes from.
  private static func names(in list: Substring) -> [String] {
    let parts = list.split(separator: "\"", omittingEmptySubsequences: false)
    return parts.indices.filter { $0 % 2 == 1 }
      .filter { !parts[$0 - 1].trimmed.hasSuffix("package:") }
      .map { String(parts[$0]) }
  }
}

/// The manifest's text without line comments; a `//` inside a string, as in an address, stays.
private struct CommentFree {
  var text: String

  init(_ source: String) {
    text = source.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.trimmed.hasPrefix("//") ? "" : $0 }
      .joined(separator: "\n")
  }
}
