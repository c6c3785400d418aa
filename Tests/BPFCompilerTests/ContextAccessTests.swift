import BPFCompiler
import BPFInstructions
import BPFRuntime
import Testing

/// Fields that are not in memory as the program sees them, through every way that a context's
/// address can take.
@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct CompiledContextTests {
  private struct Outcome: Equatable {
    var value: UInt64
    var bytes: [UInt8]
  }

  private func outcomes(_ text: String, _ type: ProgramType) throws -> [Outcome] {
    let runtime = Runtime(compiler: .x86())
    let instructions = try Assembler().assemble(text).instructions
    return try Runtime.Engine.allCases.map { engine in
      let program = try runtime.loadUnverified(
        ProgramSource(name: "test", type: type, instructions: instructions), engine: engine)
      let context = try PacketContext(type: type)
      try context.load([UInt8](0..<77))
      let result = try runtime.makeCPU().run(program, in: context)
      return Outcome(value: result.returnValue, bytes: context.bytes)
    }
  }

  @Test("Packet pointers are found through registers, the stack and subprograms")
  func packetPointers() throws {
    let text = """
      r6 = r1
      *(u64 *)(r10 -8) = r1
      r2 = *(u64 *)(r10 -8)
      r3 = *(u32 *)(r2 +0)
      r4 = *(u32 *)(r6 +4)
      r7 = r4
      r7 -= r3
      *(u64 *)(r10 -16) = 5
      r5 = r10
      r5 += -16
      r5 = *(u32 *)(r5 +0)
      r7 += r5
      r2 = *(u8 *)(r3 +2)
      r7 += r2
      r5 = r10
      r5 += -8
      r5 = *(u64 *)(r5 +0)
      r5 = *(u32 *)(r5 +4)
      r5 -= r3
      r7 += r5
      r1 = r6
      call length
      r0 += r7
      exit
      length: r2 = *(u32 *)(r1 +0)
      r0 = *(u32 *)(r1 +4)
      r0 -= r2
      *(u64 *)(r10 -8) = 9
      r1 = r10
      r1 += -8
      r1 = *(u32 *)(r1 +0)
      r0 += r1
      exit
      """
    let outcomes = try outcomes(text, .xdp)
    // The length three times, and the four small numbers.
    let expected: UInt64 = 77 * 3 + 5 + 2 + 9
    #expect(outcomes.map(\.value) == [expected, expected])
  }

  @Test("A loop that begins with the context and goes on with something else")
  func mergedRegisters() throws {
    let text = """
      r6 = r1
      r0 = 0
      r7 = 0
      *(u64 *)(r10 -8) = 1
      again: r2 = *(u32 *)(r1 +0)
      if r7 != 0 goto end
      r3 = *(u32 *)(r6 +0)
      r2 -= r3
      r0 += r2
      r7 = 1
      r1 = r10
      r1 += -8
      goto again
      end: r0 += r2
      exit
      """
    #expect(try outcomes(text, .xdp).map(\.value) == [1, 1])
  }

  @Test("Fields of 16 bits keep what Linux keeps of a written word")
  func halfFields() throws {
    for value: Int in [0, 7, 0xfffe, 0xffff, 0x12345, -1] {
      let text = """
        r6 = r1
        r2 = \(value)
        *(u32 *)(r6 +44) = r2
        *(u32 *)(r6 +12) = r2
        *(u64 *)(r10 -8) = r6
        r1 = *(u64 *)(r10 -8)
        r2 += 1
        *(u32 *)(r1 +12) = r2
        r1 = r10
        r1 += -64
        *(u32 *)(r1 +12) = r2
        r0 = *(u32 *)(r1 +12)
        r3 = *(u32 *)(r6 +12)
        r0 += r3
        exit
        """
      let outcomes = try outcomes(text, .schedCls)
      #expect(outcomes[0] == outcomes[1], "\(value)")
    }
  }
}
