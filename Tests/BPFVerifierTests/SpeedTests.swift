import BPFInstructions
import BPFKernel
import BPFRuntime
import BPFVerifier
import Glibc
import TestSupport
import Testing

/// By hand, in a release build: `SWITCHYARD_SPEED=1 swift test -c release --filter SpeedTests`.
@Suite(
  "Time to verify",
  .enabled(if: getenv("SWITCHYARD_SPEED") != nil, "set SWITCHYARD_SPEED=1, in a release build"),
  .requiresKernel)
struct SpeedTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var name: String
    var code: String

    var testDescription: String { name }
  }

  private static let shapes: [Shape] = [
    Shape(
      name: "straight code, 30,000 instructions",
      code: "r1 = *(u32 *)(r1 +12)\nr0 = 0\n"
        + String(repeating: "r0 += r1\nr0 &= 255\n*(u64 *)(r10 -8) = r0\n", count: 10_000)
        + "exit"),
    Shape(
      name: "a loop of a million instructions",
      code: "r0 = 0\nl: r0 += 1\nif r0 < 499000 goto l\nexit"),
    Shape(name: "5,000 branches over packet bytes", code: branches(5_000)),
  ]

  private static func branches(_ count: Int) -> String {
    var lines = [
      "r2 = *(u32 *)(r1 +0)", "r3 = *(u32 *)(r1 +4)", "r4 = r2", "r4 += 64", "r0 = 1",
      "if r4 > r3 goto out", "r0 = 0",
    ]
    for index in 0..<count {
      lines += [
        "r5 = *(u8 *)(r2 +\(index % 64))", "if r5 > \(index % 200) goto l\(index)",
        "r0 += 3", "r0 &= 1023", "l\(index): r0 ^= \(index % 7)",
      ]
    }
    return (lines + ["out: exit"]).joined(separator: "\n")
  }

  @Test("Compared with BPF_PROG_LOAD", arguments: shapes)
  func time(shape: Shape) throws {
    let code = try Assembler().assemble(shape.code).instructions
    let program = VerifierProgram(instructions: code, type: .xdp)
    let clock = ContinuousClock()
    var statistics = VerifierStatistics()
    var here = Duration.seconds(1000)
    for _ in 0..<3 {
      let start = clock.now
      statistics = try Verifier(program).verify().statistics
      here = min(here, clock.now - start)
    }
    let start = clock.now
    let linux: String
    do throws(KernelError) {
      _ = try KernelProgram(code, KernelProgram.Options(type: 6))
      linux = "\(clock.now - start)"
    } catch {
      linux = "\(error.errno)"
    }
    let nanoseconds = here / statistics.processedInstructions
    print(
      "speed: \(shape.name): \(statistics.processedInstructions) verified in \(here) "
        + "(\(nanoseconds) each), \(statistics.states) states; Linux with its compiler: \(linux)")
    #expect(here < .seconds(2))
  }
}
