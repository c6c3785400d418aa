import BPFKernel
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

/// Compared with Linux as it speaks to a process that may load programs, but not see addresses
/// (`CAP_BPF` without `CAP_PERFMON`).
@Suite("The rules for people without privileges")
struct StrictTests {
  /// What Linux refuses such programs for because of what a processor does with them while it
  /// guesses: `docs/verifier.md` says that this is not checked here.
  private static let guesses = [
    "arithmetic of map value goes out of range", "arithmetic goes out of range",
    "tried to add from different maps", "has pointer with unsupported alu operation",
    "infinite loop detected", "too large. Processed", "is too complex",
  ]

  /// Cases in which the verdict is not Linux's; `docs/verifier.md` says why.
  private static let deviations = [
    "Linux 6.18 lets a constant zero through, which is a hole",
    "a global function is never called with effect: in dead code it is not verified",
    "memory with a length of zero, where a helper takes it",
  ]

  /// Programs of other types see the kernel by nature: without the right to, Linux loads none.
  static func isOpen(_ programType: String) -> Bool {
    ![
      "kprobe", "tracepoint", "perf_event", "raw_tracepoint", "raw_tracepoint_writable", "tracing",
      "lsm", "struct_ops", "ext",
    ].contains(programType)
  }

  private static func refusal(_ program: VerifierProgram) -> VerifierError? {
    do throws(VerifierError) {
      _ = try Verifier(program, options: VerifierOptions(isStrict: true)).verify()
      return nil
    } catch {
      return error
    }
  }

  @Test("Every recorded case has Linux's verdict under strict rules too", .requiresKernel)
  func verdicts() throws {
    var compared = 0
    var guessed = 0
    for var verifierCase in try VerifierCase.all where Self.isOpen(verifierCase.programType) {
      verifierCase.isStrict = true
      verifierCase.packet = nil
      guard let program = try verifierCase.verifierProgram() else { continue }
      compared += 1
      let linux = try verifierCase.kernelVerdict()
      switch (Self.refusal(program), linux) {
      case (nil, .reject(_, let message)) where Self.guesses.contains { message.contains($0) }:
        guessed += 1
      case (nil, .accept), (.some, .reject): break
      case (let ours, _):
        let isKnown = Self.deviations.contains { verifierCase.name.hasSuffix($0) }
        #expect(isKnown, "\(verifierCase): here \(ours?.message ?? "accepted"), Linux \(linux)")
      }
    }
    print("agreement: strict: \(compared) cases, \(guessed) of them refused for guesses only")
    #expect(compared > 2000)
  }

  @Test("Helpers that show addresses or memory of the kernel are refused", .requiresKernel)
  func helpers() throws {
    for (name, attach) in HelperProbeTests.places where Self.isOpen(name) {
      var verifierCase = VerifierCase(group: name, name: "a helper", line: 0)
      verifierCase.programType = name
      verifierCase.attachType = attach
      verifierCase.isSleepable = name == "syscall"
      verifierCase.isStrict = true
      for helper in Int32(1)...211 where helper != 12 {
        guard let helperName = HelperNames.name(of: helper) else { continue }
        verifierCase.assembly = "call \(helperName)\nr0 = 0\nexit"
        let program = try #require(try verifierCase.verifierProgram())
        let linux = "\(try verifierCase.kernelVerdict())"
        // Without a reason, it is not about the helper.
        guard linux != "reject EINVAL" else { continue }
        let ours = Self.refusal(program)?.message ?? "accepted"
        let isRefused = linux.contains("cannot use helper") || linux.contains("unknown func")
        #expect(
          isRefused == ours.contains("cannot use helper"),
          "\(name): \(helperName)#\(helper): here \(ours), Linux \(linux)")
      }
    }
  }
}
