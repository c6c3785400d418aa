import BPFVerifier
import TestSupport
import Testing

/// Verdicts are compared in ``AgreementTests``; this is about the work.
@Suite("Loops through callbacks")
struct CallbackLoopTests {
  @Test("Rounds that add nothing are not followed")
  func rounds() throws {
    let cases = try VerifierCase.parse(
      Fixtures.text("verifier/callback-loops.vt"), file: "callback-loops.vt")
    var count = 0
    for verifierCase in cases where verifierCase.isAccepted {
      let program = try #require(try verifierCase.verifierProgram())
      let verified = try Verifier(program).verify()
      #expect(verified.statistics.processedInstructions < 2000, "\(verifierCase)")
      count += 1
    }
    #expect(count >= 8)
  }
}
