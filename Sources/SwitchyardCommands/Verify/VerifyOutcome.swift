import BPFVerifier
import Switchyard

/// What the verifier said of one program.
struct VerifyOutcome {
  let spec: ProgramSpec
  let type: String
  var statistics: VerifierStatistics?
  var error: VerifierError?
  var log = ""
  var duration = Duration.zero

  init(spec: ProgramSpec, type: String) {
    self.spec = spec
    self.type = type
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
      ("program", .string(spec.name)), ("section", .string(spec.section)),
      ("type", .string(type)), ("insns", .integer(spec.instructions.count)),
      ("verdict", .string(error == nil ? "accepted" : "rejected")),
    ]
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
    guard let error else {
      let verified = statistics?.processedInstructions ?? 0
      lines.append(
        "\(spec.name): accepted (\(type), \(spec.instructions.count) instructions, "
          + "\(verified) verified, \(nanoseconds / 1000) us)")
      return lines
    }
    lines.append("\(spec.name): rejected (\(type), \(spec.instructions.count) instructions)")
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
