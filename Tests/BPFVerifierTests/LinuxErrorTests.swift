import BPFCompiler
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

/// What comparisons of random programs brought to light: Linux 6.18 does these wrong, so it is not
/// asked (docs/agreement.md).
@Suite("Instructions do what RFC 9669 says where Linux does not")
struct LinuxErrorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The end of a program: r0 is the packet's first eight bytes, which are ones, and so is what
    /// is at r10 - 8.
    var text: String
    var value: UInt64
  }

  static let cases = [
    // In Linux 0xffffffff: the upper half of r0 is left as it was, because the reader of r0 was
    // verified on the way where nothing had to be cleared.
    Case(
      testDescription: "a compare-and-exchange of 32 bits clears the upper half of r0",
      text: """
        r4 = 7
        r5 = *(u64 *)(r9 +8)
        if r5 > 48 goto other
        r0 = *(u64 *)(r9 +0)
        goto merge
        other: r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r4)
        merge: r0 >>= 32
        exit
        """, value: 0),
    // In Linux 2: the branch is taken out, because on the way where r0 was small it always jumps;
    // that this depends on what the stack holds is lost at the atomic instruction.
    Case(
      testDescription: "what an atomic instruction fetches is known only as far as the stack is",
      text: """
        r4 = 0
        if r0 > 48 goto merge
        r5 = 1
        merge: r0 = 0
        r4 = atomic64_fetch_add((u64 *)(r10 -8), r4)
        if w4 s> -1 goto positive
        r0 = 1
        exit
        positive: r0 = 2
        exit
        """, value: 1),
  ]

  @Test("Both engines", arguments: cases, [Runtime.Engine.interpreter, .compiled])
  func engines(_ item: Case, _ engine: Runtime.Engine) throws {
    let start = """
      r2 = *(u32 *)(r1 +4)
      r9 = *(u32 *)(r1 +0)
      r3 = r9
      r3 += 16
      r0 = 0
      if r3 > r2 goto +3
      r0 = *(u64 *)(r9 +0)
      *(u64 *)(r10 -8) = r0
      if r0 != 0 goto +1
      exit

      """
    let program = try RandomProgram(start + item.text, .xdp)
    let facts = try Verifier(program.program).verify().facts
    let runtime = Runtime(compiler: .x86())
    let loaded = try runtime.load(program.source([], facts: facts), engine: engine)
    let context = try PacketContext(type: .xdp)
    try context.load([UInt8](repeating: 0xff, count: 64))
    #expect(try runtime.makeCPU().run(loaded, in: context).returnValue == item.value)
  }
}
