import BPFVerifier
import TestSupport
import Testing

/// Linux 6.18 takes some of these programs, and warns of others: it must not be asked.
@Suite("Tail calls in callbacks")
struct CallbackTailCallTests {
  private static let call = """
    *(u64 *)(r10 -8) = r1
    r1 = 3
    r2 = function[work]
    r3 = r10
    r3 += -8
    r4 = 0
    call loop
    r0 = 0
    exit
    """
  private static let tail = "r2 = map[programs]\nr3 = 0\ncall tail_call\nr0 = 0\nexit"

  @Test(
    "R2.12: E21: E25: they are rejected, directly and below, and not as an internal error",
    arguments: [
      "\(call)\nwork: r1 = *(u64 *)(r2 +0)\n\(tail)",
      "\(call)\nwork: r1 = *(u64 *)(r2 +0)\ncall below\nexit\nbelow: \(tail)",
      "\(call)\nwork: r1 = *(u64 *)(r2 +0)\ncall below\nr0 = 0\nexit\nbelow: \(tail)",
    ])
  func rejected(code: String) throws {
    var found = try #require(
      try VerifierCase.all.first { $0.name == "R2.9 a static function that returns int" })
    found.assembly = code
    if code.contains("below:") {
      var below = try #require(found.functions.first)
      below.name = "below"
      found.functions.append(below)
    }
    let program = try #require(try found.verifierProgram())
    let error = #expect(throws: VerifierError.self) { try Verifier(program).verify() }
    #expect(error?.message.contains("cannot tail call within callback") == true, "\(error!)")
  }

  @Test("R2.12: a program with a callback may make tail calls elsewhere")
  func beside() throws {
    var found = try #require(
      try VerifierCase.all.first { $0.name == "R2.9 a static function that returns int" })
    found.assembly = """
      r6 = r1
      r1 = 3
      r2 = function[work]
      r3 = 0
      r4 = 0
      call loop
      r1 = r6
      \(Self.tail)
      work: r0 = 0
      exit
      """
    _ = try Verifier(try #require(try found.verifierProgram())).verify()
  }
}
