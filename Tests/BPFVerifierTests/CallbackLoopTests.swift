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

  /// The first reads past the value in its second round, the second one does if numbers of rounds
  /// may come in any order, which is all that a verifier knows of them. Linux 6.18 accepts both.
  @Test("What a covered round turns out to need is needed of it, too")
  func needs() throws {
    let cases = try VerifierCase.parse(Self.needy, file: "needs")
    for verifierCase in cases {
      let program = try #require(try verifierCase.verifierProgram())
      #expect(throws: VerifierError.self, "\(verifierCase)") { try Verifier(program).verify() }
    }
    #expect(cases.count == 2)
  }

  private static let needy = """
    type xdp
    map one array key=4 value=64 entries=1
    function static each: int()

    -- case a number that reaches an access a round later, on the second way to the loop
    -- code
    r6 = *(u32 *)(r1 +16)
    *(u64 *)(r10 -16) = 0
    *(u64 *)(r10 -8) = 0
    if r6 == 0 goto other
    go: r1 = 10
    r2 = function[each]
    r3 = r10
    r3 += -16
    r4 = 0
    call loop
    r0 = 1
    exit
    other: *(u64 *)(r10 -8) = 200
    goto go
    each: if r1 == 1 goto use
    r1 = *(u64 *)(r2 +8)
    *(u64 *)(r2 +0) = r1
    r0 = 0
    exit
    use: r1 = *(u64 *)(r2 +0)
    r3 = map[one][0]+0
    r3 += r1
    r0 = *(u8 *)(r3 +0)
    r0 = 0
    exit
    -- reject EACCES: invalid access to map value, value_size=64 off=200 size=1

    -- case a number that reaches an access a round later, on the second way through the body
    -- code
    *(u64 *)(r10 -16) = 0
    r1 = 10
    r2 = function[each]
    r3 = r10
    r3 += -16
    r4 = 0
    call loop
    r0 = 1
    exit
    each: if r1 == 1 goto use
    r3 = 0
    r0 = 1
    r0 = 2
    r0 = 3
    r0 = 4
    r0 = 5
    r0 = 6
    if r1 == 2 goto big
    r0 = 7
    back: if r1 == 3 goto on
    r0 = 8
    on: *(u64 *)(r2 +0) = r3
    r0 = 0
    exit
    big: r3 = 200
    goto back
    use: r1 = *(u64 *)(r2 +0)
    r3 = map[one][0]+0
    r3 += r1
    r0 = *(u8 *)(r3 +0)
    r0 = 0
    exit
    -- reject EACCES: invalid access to map value, value_size=64 off=200 size=1
    """
}
