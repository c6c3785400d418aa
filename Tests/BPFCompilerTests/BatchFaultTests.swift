import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct BatchFaultTests {
  /// Calls what the second byte of its packet says, from a subprogram: helper 7, or nothing.
  private static let text = """
    call inner
    r0 = 5
    exit
    inner: r2 = *(u32 *)(r1 +0)
    r6 = *(u8 *)(r2 +1)
    callx r6
    r0 = 6
    exit
    """

  @Test("A fault in compiled code ends the batch at its packet, from any depth")
  func fault() throws {
    let runtime = Runtime(compiler: .x86())
    let program = try runtime.loadUnverified(
      ProgramSource(
        name: "caller", type: .xdp, instructions: try Assembler().assemble(Self.text).instructions))
    let cpu = try runtime.makeCPU()
    let batch = try PacketBatch(type: .xdp, capacity: 100)
    for number in 0..<100 {
      try batch.append([0, number == 70 ? 99 : 7] + [UInt8](repeating: 0, count: 20))
    }
    for _ in 0..<3 {
      let fault = #expect(throws: Fault.self) { try cpu.run(program, over: batch) }
      #expect(fault?.kind == .invalidCallTarget(99))
      #expect(batch.finishedCount == 70)
      #expect(batch.results.allSatisfy { $0.returnValue == 5 })
      // The stack is as it was: single runs go on.
      #expect(try cpu.run(program, in: batch[0]).returnValue == 5)
      #expect(throws: Fault.self) { try cpu.run(program, in: batch[70]) }
    }
  }
}
