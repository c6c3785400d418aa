public import BPFObject

/// Why a program is refused.
public struct VerifierError: Error, Hashable, Sendable {
  /// Linux's error number for the case, positive: 22 (EINVAL), 13 (EACCES), 7 (E2BIG), ...
  public var errno: Int32
  /// The slot of the instruction that is wrong; `nil` for the program as a whole.
  public var instruction: Int?
  /// What is wrong, in Linux's words where it has some.
  public var message: String
  /// What that means, in plain words.
  public var why: String
  /// What to do about it, as it can be typed in; empty if there is no advice.
  public var hint: String
  /// How the values that matter came about, the latest first.
  public var history: [HistoryStep] = []
  /// The source line of the instruction.
  public var line: LineInfo?

  /// A step on the way to an error.
  public struct HistoryStep: Hashable, Sendable {
    /// The slot of the instruction.
    public var instruction: Int
    /// What it did there.
    public var text: String
    /// The source line of the instruction.
    public var line: LineInfo?
  }
}

extension VerifierError: CustomStringConvertible {
  /// One line: where, and Linux's message.
  public var description: String {
    let place = instruction.map { "instruction \($0): " } ?? ""
    let source = line.map { " (\($0.file):\($0.line))" } ?? ""
    return "\(place)\(message)\(source)"
  }
}

/// A refusal inside the verifier: the instruction is added where it is known.
struct Refusal: Error {
  var errno: Int32
  var message: String
  var instruction: Int?
  /// The register that it is about.
  var register: Int?

  static func access(_ message: String, register: Int? = nil) -> Refusal {
    Refusal(errno: 13, message: message, register: register)
  }
  static func invalid(_ message: String, register: Int? = nil) -> Refusal {
    Refusal(errno: 22, message: message, register: register)
  }
  static func tooBig(_ message: String) -> Refusal { Refusal(errno: 7, message: message) }

  func at(_ instruction: Int) -> Refusal {
    var refusal = self
    if refusal.instruction == nil { refusal.instruction = instruction }
    return refusal
  }
}
