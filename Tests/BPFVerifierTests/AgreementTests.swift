import Glibc
import BPFKernel
import BPFVerifier
import TestSupport
import Testing

@Suite("Agreement with Linux's recorded verdicts")
struct AgreementTests {
  @Test("Every case has Linux's verdict")
  func verdicts() throws {
    var compared = 0
    for verifierCase in try VerifierCase.all {
      guard let program = try verifierCase.verifierProgram() else { continue }
      compared += 1
      let line = "\(verifierCase)\n"; _ = write(2, line, line.utf8.count)
      do throws(VerifierError) {
        _ = try Verifier(program).verify()
        if case .reject = verifierCase.verdict {
          Issue.record("false accept: \(verifierCase): \(verifierCase.verdict)")
        }
      } catch {
        guard case .reject(let errno, let message) = verifierCase.verdict else {
          Issue.record("false reject: \(verifierCase): \(error)")
          continue
        }
        let name = KernelErrno(rawValue: error.errno).name ?? String(error.errno)
        if name != errno { print("errno: \(verifierCase): \(name) for \(errno): \(error.message)") }
        if !error.message.contains(message) {
          print("message: \(verifierCase): \(error.message) | \(message)")
        }
      }
    }
    print("compared \(compared)")
    #expect(compared > 0)
  }
}
