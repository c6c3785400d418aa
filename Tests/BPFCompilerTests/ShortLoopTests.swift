import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

/// Loops that are written down several times do what they did.
@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct ShortLoopTests {
  /// What a loop does in one round, with its counter in r3 and its sum in r0.
  static let bodies = [
    "r0 += r4",
    "r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5",
    "r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); w0 += w5",
    "r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5; r4 += r0",
    "r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5; r4 += r5",
    "r5 = r1; r5 += r3; r5 = *(u16 *)(r5 +1); w0 += w5; r4 ^= r5",
    "r5 = r1; r5 += r3; r2 = *(u8 *)(r5 +2); *(u8 *)(r5 +1) = r2; r0 += r3",
    "r5 = r1; r5 += r3; r2 = *(u8 *)(r5 +0); r5 = 1; if r2 > 100 goto over; r5 = 0; over: r0 += r5",
  ]

  /// How a loop counts and when it goes on: a start, the end of a round, and the condition for a
  /// number of rounds.
  struct Counting: CustomTestStringConvertible, Sendable {
    var name: String
    var start: @Sendable (Int) -> Int
    var step: String
    var condition: @Sendable (Int) -> String

    var testDescription: String { name }
  }

  static let countings = [
    Counting(name: "up to", start: { _ in 0 }, step: "r3 += 1", condition: { "r3 != \($0)" }),
    Counting(
      name: "by two", start: { _ in 4 }, step: "r3 += 2", condition: { "r3 < \($0 * 2 + 4)" }),
    Counting(
      name: "old value", start: { _ in 0 }, step: "r2 = r3; r3 += 1",
      condition: { "r2 < \($0 - 1)" }),
    Counting(
      name: "new value", start: { _ in 0 }, step: "r3 += 1; r2 = r3", condition: { "r2 != \($0)" }),
    Counting(
      name: "words", start: { _ in 0 }, step: "w3 += 1", condition: { "w3 s< \($0)" }),
    Counting(name: "down", start: { $0 }, step: "r3 += -1", condition: { _ in "r3 != 0" }),
    Counting(
      name: "down, words", start: { $0 }, step: "w3 += -1", condition: { _ in "w3 s> 0" }),
    Counting(
      name: "bits", start: { 64 - $0 }, step: "r3 += 1", condition: { _ in "r3 & 63" }),
  ]

  @Test("A loop does the same however many rounds it has", arguments: countings)
  func rounds(_ counting: Counting) throws {
    let memory = (0..<160).map { UInt8(truncatingIfNeeded: $0 * 37 + 201) }
    for rounds in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 18, 21, 24, 30, 32, 35, 48, 49, 53] {
      for (number, body) in Self.bodies.enumerated() {
        // Where the copy of the counter is in use already there is no such loop.
        if counting.step.contains("r2"), body.contains("r2") { continue }
        let lines = """
          r0 = 0; r4 = 7; r3 = \(counting.start(rounds))
          again: \(body); \(counting.step); if \(counting.condition(rounds)) goto again
          r4 *= 31; r0 ^= r4; r3 *= 77; r0 += r3
          \(counting.step.contains("r2") ? "r0 ^= r2" : "r0 += 1"); exit
          """
        let text = lines.split(separator: ";").map { String($0) }.joined(separator: "\n")
        let instructions = try Assembler().assemble(text).instructions
        for compiler in try Compilers.all() {
          let runtime = Runtime(compiler: compiler)
          let expected = try runtime.outcome(of: instructions, on: memory, engine: .interpreter)
          let outcome = try runtime.outcome(of: instructions, on: memory, engine: .compiled)
          #expect(
            outcome.value == expected.value && outcome.memory == expected.memory,
            "\(rounds) rounds of body \(number)")
        }
      }
    }
  }

  @Test("Loops in loops, entered with different counters, do the same")
  func nested() throws {
    let memory = (0..<160).map { UInt8(truncatingIfNeeded: $0 * 37 + 201) }
    // The inner loop starts where the outer one is, so its rounds are not known.
    let texts = [
      """
      r0 = 0; r6 = 0
      outer: r3 = r6
      inner: r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5; r3 += 1; if r3 != 24 goto inner
      r6 += 1; if r6 != 24 goto outer; exit
      """,
      """
      r0 = 0; r6 = 0
      outer: r3 = 8
      inner: r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5; r3 += 1; if r3 != 24 goto inner
      r6 += 1; r0 *= 3; if r6 != 24 goto outer; exit
      """,
      """
      r0 = 0; r3 = 0; r4 = *(u8 *)(r1 +0); if r4 > 3 goto inner; r3 = 1
      inner: r5 = r1; r5 += r3; r5 = *(u8 *)(r5 +0); r0 += r5; r3 += 1; if r3 != 25 goto inner
      exit
      """,
    ]
    for lines in texts {
      let text = lines.split(separator: ";").map { String($0) }.joined(separator: "\n")
      let instructions = try Assembler().assemble(text).instructions
      for compiler in try Compilers.all() {
        for first: UInt8 in [0, 200] {
          let memory = [first] + memory
          let runtime = Runtime(compiler: compiler)
          let expected = try runtime.outcome(of: instructions, on: memory, engine: .interpreter)
          let outcome = try runtime.outcome(of: instructions, on: memory, engine: .compiled)
          #expect(outcome.value == expected.value, "\(text)")
        }
      }
    }
  }
}
