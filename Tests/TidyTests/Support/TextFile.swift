/// A text file of the repository, or a bad example that a rule is tried on.
struct TextFile {
  /// Path from the root of the repository.
  var path: String
  var text: String

  init(_ path: String, _ text: String) {
    self.path = path
    self.text = text
  }

  var lines: [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// Name without folders.
  var name: String {
    String(path.split(separator: "/").last ?? "")
  }

  /// Path of the folder that holds the file, empty at the root.
  var folder: String {
    path.split(separator: "/").dropLast().joined(separator: "/")
  }

  var isSwift: Bool { path.hasSuffix(".swift") }
  var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
  var isShell: Bool { path.hasSuffix(".sh") || path == ".ci/run" }
  var isMakefile: Bool { name == "Makefile" }
  var isMarkdown: Bool { path.hasSuffix(".md") }

  /// Written by hand in a programming language, so that the limits on length apply.
  var isSource: Bool { isSwift || isC || isShell }

  /// The module whose sources hold this file, nil outside `Sources`.
  var module: String? {
    let parts = path.split(separator: "/")
    guard parts.count >= 3, parts[0] == "Sources" else { return nil }
    return String(parts[1])
  }
}
