import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite("Tail calls: frames of subprograms")
struct TailCallFrameTests {
  @Test(
    "R2.6: a subprogram's tail call replaces its frame only; the caller goes on with the result",
    arguments: Engine.all)
  func returnsToCaller(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      Text.lines(
        "r6 = 1000", "call sub", "r0 += r6", "exit", "sub: r6 = r1", Text.tail(0), Text.leave(55)))
    try bench.load("seven", Text.returning(7))
    #expect(try bench.run("main") == 1055)
    try bench.store("seven", in: "slots", at: 0)
    #expect(try bench.run("main") == 1007)
  }

  @Test("R2.6: all 64 bits of the target's r0 come back", arguments: Engine.all)
  func wideResult(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      Text.lines(
        "call sub", "r0 >>= 32", "exit", "sub: r6 = r1", Text.tail(0), Text.leave(0)))
    try bench.load("target", "r0 = 0x711111111 ll\nexit")
    try bench.store("target", in: "slots", at: 0)
    #expect(try bench.run("main") == 7)
  }

  @Test(
    "R2.6: from a nested subprogram the target returns to the one between", arguments: Engine.all)
  func nested(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      Text.lines(
        "call middle", "r0 += 100", "exit", "middle: call leaf", "r0 += 10", "exit",
        "leaf: r6 = r1", Text.tail(0), Text.leave(3)))
    try bench.load("seven", Text.returning(7))
    #expect(try bench.run("main") == 113)
    try bench.store("seven", in: "slots", at: 0)
    #expect(try bench.run("main") == 117)
  }

  @Test(
    "R2.6: targets that call subprograms that tail-call return level by level",
    arguments: Engine.all)
  func alternating(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    func text(_ index: Int, _ add: Int) -> String {
      Text.lines(
        "call sub", "r0 += \(add)", "exit", "sub: r6 = r1", Text.tail(index), Text.leave(0))
    }
    try bench.load("main", text(0, 100))
    try bench.load("target", text(1, 10))
    try bench.load("leaf", Text.returning(5))
    try bench.store("target", in: "slots", at: 0)
    try bench.store("leaf", in: "slots", at: 1)
    #expect(try bench.run("main") == 115)
  }

  @Test("R2.6: r6 to r9 and the stack of the caller survive the target", arguments: Engine.all)
  func calleeSaved(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      Text.lines(
        """
        r6 = 4000
        r7 = 300
        r8 = 20
        r9 = 1
        *(u64 *)(r10 -8) = 50000
        *(u64 *)(r10 -240) = 600000
        call sub
        r0 += r6
        r0 += r7
        r0 += r8
        r0 += r9
        r1 = *(u64 *)(r10 -8)
        r0 += r1
        r1 = *(u64 *)(r10 -240)
        r0 += r1
        exit
        sub: r6 = r1
        """, Text.tail(0), Text.leave(9)))
    try bench.load(
      "target",
      """
      r6 = 1
      r7 = 1
      r8 = 1
      r9 = 1
      *(u64 *)(r10 -8) = 1
      *(u64 *)(r10 -240) = 1
      *(u64 *)(r10 -512) = 1
      r0 = 0
      exit
      """)
    #expect(try bench.run("main") == 654_330)
    try bench.store("target", in: "slots", at: 0)
    #expect(try bench.run("main") == 654_321)
  }

  @Test(
    "R2.12: where no verifier refuses it, a callback's tail call takes the callback's place only",
    arguments: Engine.ours)
  func callbacks(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      Text.lines(
        "*(u64 *)(r10 -8) = r1", "r1 = 3", "r2 = function[f]", "r3 = r10", "r3 += -8", "r4 = 0",
        "call 181", "exit", "f: r6 = *(u64 *)(r2 +0)", Text.tail(0), Text.leave(1)))
    try bench.load("zero", Text.returning(0))
    #expect(try bench.run("main") == 1)
    try bench.store("zero", in: "slots", at: 0)
    #expect(try bench.run("main") == 3)
  }

  @Test("R2.13: there are no exceptions: a call of a kernel function is refused, not left out")
  func exceptions() throws {
    let runtime = Runtime()
    let source = ProgramSource(
      name: "thrower", type: .xdp,
      instructions: [
        Instruction(opcode: 0xb7, destination: .r1, immediate: 16),
        Instruction(opcode: 0x85, source: .r2, immediate: 7), Instruction(opcode: 0x95),
      ])
    #expect(throws: LoadError.kernelFunction(7, instruction: 1)) {
      try runtime.loadUnverified(source, engine: .interpreter)
    }
  }

  @Test("R2.8: every engine makes tail calls in subprograms", arguments: Engine.all)
  func availability(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    for type in [ProgramType.socketFilter, .schedCls, .xdp] {
      try bench.makeSlots("slots", 1)
      try bench.load(
        "main",
        BenchProgram(
          Text.lines("call sub", "r0 += 1", "exit", "sub: r6 = r1", Text.tail(0), Text.leave(0)),
          type))
      try bench.load("target", BenchProgram(Text.returning(1), type))
      try bench.store("target", in: "slots", at: 0)
      #expect(try bench.run("main", .anyPacket).value == 2)
    }
  }

  @Test(
    "R2.11: callers with 240 bytes of stack, 34 deep, keep all of it", arguments: Engine.all)
  func deepStacks(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    // Every activation writes its number to both ends of its frame and adds one when it finds both
    // again after everything below it is gone.
    try bench.load(
      "main",
      Text.lines(
        """
        r6 = r1
        r1 = map[counts][0]+0
        r7 = 1
        r7 = atomic64_fetch_add((u64 *)(r1 +0), r7)
        *(u64 *)(r10 -8) = r7
        *(u64 *)(r10 -240) = r7
        r1 = r6
        call sub
        r1 = *(u64 *)(r10 -8)
        r2 = *(u64 *)(r10 -240)
        if r1 != r7 goto lost
        if r2 != r7 goto lost
        r0 += 1
        exit
        lost: r0 = 100000
        exit
        sub: r6 = r1
        *(u64 *)(r10 -8) = 1
        """, Text.tail(0), Text.leave(0)))
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 34)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R2.11: eight frames in each of 34 activations are the most there can be")
  func deepestStacks() throws {
    for engine in Engine.ours {
      let bench = try engine.bench()
      try bench.makeSlots("slots", 1)
      var text = ""
      for depth in 0..<7 {
        text += """
          f\(depth): r6 = r1
          *(u64 *)(r10 -512) = \(depth)
          *(u64 *)(r10 -8) = \(depth)
          call f\(depth + 1)
          r1 = *(u64 *)(r10 -512)
          if r1 != \(depth) goto lost
          r1 = *(u64 *)(r10 -8)
          if r1 != \(depth) goto lost
          r0 += 1
          exit

          """
      }
      text += Text.lines(
        "f7: r6 = r1", Text.tail(0), "r0 = 1", "exit", "lost: r0 = 100000", "exit")
      try bench.load("main", text)
      try bench.store("main", in: "slots", at: 0)
      // The last activation adds its own eighth frame.
      #expect(try bench.run("main") == 34 * 7 + 1)
    }
  }

  @Test("R2.11: a ninth frame of one program is a fault, also after a hop")
  func tooDeep() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    var text = ""
    for depth in 0..<8 { text += "f\(depth): call f\(depth + 1)\nexit\n" }
    text += "f8: r0 = 0\nexit"
    try bench.load("deep", text)
    try bench.load("main", Text.hop(0, missed: 1))
    try bench.store("deep", in: "slots", at: 0)
    #expect(throws: BenchError.fault(.callStackTooDeep)) { try bench.run("main") }
  }
}
