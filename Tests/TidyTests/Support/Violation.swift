import Testing

/// One place of the repository that breaks a rule of the house.
struct Violation: Equatable, CustomStringConvertible {
  /// Path from the root of the repository.
  var path: String
  /// Counts from 1; nil when the rule is about the file as a whole.
  var line: Int?
  var message: String

  init(_ path: String, line: Int? = nil, _ message: String) {
    self.path = path
    self.line = line
    self.message = message
  }

  var description: String {
    guard let line else { return "\(path): \(message)" }
    return "\(path):\(line): \(message)"
  }
}

/// Reports every violation as an issue of its own, so that one run shows all of them.
func expectNone(
  _ violations: [Violation], sourceLocation: SourceLocation = #_sourceLocation
) {
  for violation in violations {
    Issue.record("\(violation.description)", sourceLocation: sourceLocation)
  }
}
