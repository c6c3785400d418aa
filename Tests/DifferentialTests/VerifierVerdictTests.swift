import BPFInstructions
import Foundation
import TestSupport
import Testing

@Suite("Recorded verdicts of Linux's verifier", .requiresKernel)
struct VerifierVerdictTests {
  private static let isRecording =
    ProcessInfo.processInfo.environment["SWITCHYARD_RECORD"] == "1"

  @Test("Linux says today what was recorded", .disabled(if: isRecording, "recording"))
  func verdicts() throws {
    let cases = try VerifierCase.all
    for verifierCase in cases {
      let verdict = try verifierCase.kernelVerdict()
      #expect(verdict == verifierCase.verdict, "\(verifierCase)")
    }
    #expect(!cases.isEmpty)
  }

  /// With `SWITCHYARD_RECORD=1`, writes what Linux says into the files, and prints every case the
  /// verdict of which was written down as the opposite.
  @Test("Verdicts are recorded", .enabled(if: isRecording, "set SWITCHYARD_RECORD=1 to record"))
  func record() throws {
    for file in try VerifierCase.files {
      let text = try Fixtures.text("verifier/\(file)")
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for verifierCase in try VerifierCase.parse(text, file: file) {
        do {
          let verdict = try verifierCase.kernelVerdict()
          let before = lines[verifierCase.verdictLine - 1]
          lines[verifierCase.verdictLine - 1] = "-- \(verdict)"
          if before.prefix(9) != "-- \(verdict)".prefix(9) {
            print("changed: \(verifierCase): \(before) -> \(verdict)")
          }
        } catch {
          Issue.record("\(verifierCase): \(error)")
        }
      }
      let recorded = lines.joined(separator: "\n")
      if recorded != text {
        try recorded.write(
          toFile: Fixtures.path("verifier/\(file)"), atomically: true, encoding: .utf8)
      }
    }
  }
}
