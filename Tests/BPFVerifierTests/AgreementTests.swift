import BPFKernel
import BPFVerifier
import TestSupport
import Testing

@Suite("Agreement with Linux's recorded verdicts")
struct AgreementTests {
  /// Cases in which the verdict is not Linux's on purpose; `docs/verifier.md` says why.
  private static let deviations: Set<String> = [
    "Linux 6.18 lets a constant zero through, which is a hole",
    "the map's own memory is read: its first word",
  ]

  private static func isDeviation(_ verifierCase: VerifierCase) -> Bool {
    deviations.contains { verifierCase.name.hasSuffix($0) }
  }

  @Test("Every case has Linux's verdict, or is a deviation that is written down")
  func verdicts() throws {
    var compared = 0
    var sameMessage = 0
    var rejected = 0
    for verifierCase in try VerifierCase.all {
      guard let program = try verifierCase.verifierProgram() else { continue }
      compared += 1
      var ours: VerifierError?
      do throws(VerifierError) {
        _ = try Verifier(program, options: VerifierOptions(isStrict: verifierCase.isStrict))
          .verify()
      } catch {
        ours = error
      }
      if Self.isDeviation(verifierCase) {
        #expect((ours == nil) != verifierCase.isAccepted, "no deviation any more: \(verifierCase)")
        continue
      }
      switch (ours, verifierCase.verdict) {
      case (nil, .reject): Issue.record("false accept: \(verifierCase): \(verifierCase.verdict)")
      case (let error?, .accept): Issue.record("false reject: \(verifierCase): \(error)")
      case (let error?, .reject(let errno, let message)):
        rejected += 1
        let name = KernelErrno(rawValue: error.errno).name ?? String(error.errno)
        if name == errno, error.message.contains(message) {
          sameMessage += 1
        } else {
          print("words: \(verifierCase): \(name) \(error.message) | \(errno) \(message)")
        }
      case (nil, .accept): break
      }
    }
    print("agreement: \(compared) cases; \(sameMessage) of \(rejected) refusals in Linux's words")
    #expect(compared >= 600)
    #expect(sameMessage * 100 >= rejected * 95)
  }
}
