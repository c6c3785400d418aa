import BPFVerifier
import Switchyard

/// What the verifier said of one program.
struct VerifyOutcome {
  let name: String
  let section: String
  let instructionCount: Int
  let type: String
  /// Why the verifier was not asked: what the program needs that is not here.
  var obstacle: String?
  var statistics: VerifierStatistics?
  var error: VerifierError?
  var log = ""
  var duration = Duration.zero

  init(spec: ProgramSpec, type: String) {
    name = spec.name
    section = spec.section
    instructionCount = spec.instructions.count
    self.type = type
  }

  /// A program that the object's reader could not link.
  init(_ program: RefusedProgram) {
    name = program.name
    section = program.section
    instructionCount = 0
    type = program.kind?.name ?? "unspec"
    obstacle = "\(program.error)"
  }

  private var nanoseconds: Int {
    Int(duration.components.seconds) * 1_000_000_000
      + Int(duration.components.attoseconds / 1_000_000_000)
  }

  /// The first line of the message: Linux says more in the next ones.
  private func message(_ error: VerifierError) -> String {
    error.message.split(separator: "\n").first.map(String.init) ?? error.message
  }

  /// The element of `programs` in `verify -j`.
  var document: JSON {
    var members: [(key: String, value: JSON)] = [
      ("program", .string(name)), ("section", .string(section)), ("type", .string(type)),
      ("insns", .integer(instructionCount)),
      (
        "verdict",
        .string(obstacle != nil ? "not verified" : error == nil ? "accepted" : "rejected")
      ),
    ]
    if let obstacle {
      members.append(("reason", .string(obstacle)))
      return .object(members)
    }
    if let statistics {
      members.append(("verified_insns", .integer(statistics.processedInstructions)))
    }
    members.append(("duration_ns", .integer(nanoseconds)))
    if let error {
      members.append(
        (
          "error",
          .object([
            ("insn", JSON(error.instruction)), ("errno", .integer(Int(error.errno))),
            ("message", .string(message(error))), ("file", JSON(error.line?.path)),
            ("line", JSON(error.line?.line)), ("why", .string(error.why)),
            ("hint", .string(error.hint)),
          ])
        ))
    }
    if !log.isEmpty { members.append(("log", .string(log))) }
    return .object(members)
  }

  /// The lines for people.
  func lines(style: Style) -> [String] {
    var lines = log.isEmpty ? [] : log.split(separator: "\n").map { String($0).printable }
    if let obstacle { return ["\(name): not verified (\(type)): \(obstacle)".printable] }
    guard let error else {
      let verified = statistics?.processedInstructions ?? 0
      lines.append(
        "\(name): accepted (\(type), \(instructionCount) instructions, "
          + "\(verified) verified, \(nanoseconds / 1000) us)")
      return lines
    }
    lines.append("\(name): rejected (\(type), \(instructionCount) instructions)")
    lines += error.message.split(separator: "\n").map { "  \(String($0).printable)" }
    if let line = error.line {
      lines.append("  at \(line.place)  \(Self.trimmed(line.text))".printable)
    } else if let instruction = error.instruction {
      lines.append("  at instruction \(instruction)")
    }
    lines.append("  why:  \(error.why)")
    if !error.hint.isEmpty { lines.append("  hint: \(error.hint)") }
    if !error.history.isEmpty { lines.append("  on the way there, the latest first:") }
    for step in error.history {
      let source = step.line.map { "  \($0.place)  \(Self.trimmed($0.text))" } ?? ""
      lines.append("    \(step.instruction): \(step.text)\(source)".printable)
    }
    return lines
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0 == " " || $0 == "\t" })
  }
}
