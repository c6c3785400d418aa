public import BPFObject
public import BPFVerifier

/// Why an object cannot be loaded into a runtime.
public struct CollectionError: Error, Hashable, Sendable {
  /// What kind of problem it is.
  public var code: Code
  /// The map or program that it is about.
  public var subject: String
  /// What is wrong, in words.
  public var reason: String
  /// The source line that it comes from, if the object says.
  public var line: LineInfo?
  /// What the verifier says, if it has rejected the program, or one that the slot needs.
  public var rejection: VerifierError?

  /// Kinds of problems.
  public enum Code: Hashable, Sendable {
    /// The object's program cannot be linked.
    case link
    /// The map cannot be created or filled.
    case map
    /// The program was refused by the runtime.
    case load
    /// The program was rejected by the verifier.
    case rejected
    /// The type of the program is unknown, or cannot run outside Linux.
    case programType
    /// The slot cannot be filled.
    case slot
    /// There is no program of this name.
    case noSuchProgram
    /// There is no map of this name.
    case noSuchMap
  }

  /// Makes an error.
  public init(
    code: Code, subject: String, reason: String, line: LineInfo? = nil,
    rejection: VerifierError? = nil
  ) {
    self.code = code
    self.subject = subject
    self.reason = reason
    self.line = line
    self.rejection = rejection
  }
}

extension CollectionError {
  /// The verifier has rejected a program. Its error says more than this one line.
  init(rejected program: String, _ error: VerifierError) {
    self.init(
      code: .rejected, subject: program, reason: error.summary, line: error.line,
      rejection: error)
  }
}

extension VerifierError {
  /// Linux's message; what follows its first line are details.
  fileprivate var summary: String {
    let first = message.split(separator: "\n").first.map(String.init) ?? message
    return instruction.map { "instruction \($0): \(first)" } ?? first
  }
}

extension CollectionError: CustomStringConvertible {
  /// One line: what, why and where in the source.
  public var description: String {
    // Compilers are given `./` so that objects do not name anybody's folders.
    let place =
      line.map {
        " (\($0.file.hasPrefix("./") ? String($0.file.dropFirst(2)) : $0.file):\($0.line))"
      }
      ?? ""
    switch code {
    case .link: return "program \(subject) cannot be linked: \(reason)\(place)"
    case .map: return "map \(subject): \(reason)"
    case .load: return "program \(subject): \(reason)\(place)"
    case .rejected: return "the verifier rejected \(subject): \(reason)\(place)"
    case .programType: return "program \(subject): \(reason)"
    case .slot: return "\(subject): \(reason)"
    case .noSuchProgram: return "there is no program \(subject); the object \(reason)"
    case .noSuchMap: return "there is no map \(subject); the object \(reason)"
    }
  }
}
