import BPFKernel
import Glibc
import TestSupport
import Testing

/// More by hand: `SWITCHYARD_SOUNDNESS=1000000 swift test --filter SoundnessTests`, from a seed on
/// with `SWITCHYARD_SOUNDNESS_FROM`.
@Suite("What the verifier accepts is safe")
struct SoundnessTests {
  private static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  private static func seeds(_ count: UInt64, from start: UInt64 = 0) -> Range<UInt64> {
    let first = number("SWITCHYARD_SOUNDNESS_FROM") ?? start
    return first..<first + (number("SWITCHYARD_SOUNDNESS") ?? count)
  }

  @Test("Accepted random programs run without a fault and end", arguments: [false, true])
  func acceptedProgramsRun(isAboutLoops: Bool) throws {
    let run = try SoundnessRun(asksLinux: false, isAboutLoops: isAboutLoops)
    // Many of those about loops take a million steps before they are refused.
    let seeds = isAboutLoops ? Self.seeds(40, from: 180) : Self.seeds(1200)
    var accepted = 0
    var ran = 0
    for seed in seeds {
      let outcome = try run.check(seed)
      if outcome.isAccepted { accepted += 1 }
      if outcome.hasRun { ran += 1 }
      if !outcome.complaint.isEmpty { Issue.record("\(outcome.complaint)") }
    }
    let kind = isAboutLoops ? "programs about loops" : "programs"
    print("soundness: \(accepted) of \(seeds.count) random \(kind) were accepted, \(ran) ran")
    #expect(accepted > seeds.count / 4, "the generator has to make programs that pass")
    #expect(ran > accepted / 2)
  }

  @Test("Linux says the same of random programs", .requiresKernel)
  func agreesWithLinux() throws {
    let run = try SoundnessRun(asksLinux: true)
    var differences = 0
    let seeds = Self.seeds(500)
    for seed in seeds {
      let outcome = try run.check(seed)
      guard !outcome.complaint.isEmpty else { continue }
      differences += 1
      Issue.record("\(outcome.complaint)")
    }
    print("agreement: \(differences) differences in \(seeds.count) random programs")
  }
}
