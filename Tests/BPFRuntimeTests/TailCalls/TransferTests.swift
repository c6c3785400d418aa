import BPFRuntime
import TestSupport
import Testing

@Suite("Tail calls: where control goes")
struct TailCallTransferTests {
  @Test(
    "R1.7: the target gets the context and a frame, the caller never goes on", arguments: Engine.all
  )
  func success(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "main",
      Text.lines(
        Text.begin, "*(u64 *)(r10 -8) = 77", Text.tail(1), Text.count(0), Text.leave(1)))
    // All of its 512 bytes, and the context.
    try bench.load(
      "target",
      """
      r2 = 40
      *(u64 *)(r10 -8) = r2
      *(u64 *)(r10 -512) = r2
      r0 = *(u64 *)(r1 +8)
      r2 = *(u64 *)(r10 -512)
      r0 += r2
      exit
      """)
    try bench.store("target", in: "slots", at: 1)
    #expect(try bench.run("main", 0, 2) == 42)
    #expect(try bench.counters("counts") == [0])
  }

  @Test(
    "R1.7: what was written to the context before is there for the target", arguments: Engine.all)
  func contextEffects(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.load(
      "main",
      BenchProgram(
        Text.lines(
          Text.begin, "r2 = 777", "*(u32 *)(r1 +52) = r2", "r2 = 5", "*(u32 *)(r1 +8) = r2",
          Text.tail(0), Text.leave(1)), .schedCls))
    try bench.load(
      "target",
      BenchProgram("r0 = *(u32 *)(r1 +52)\nr2 = *(u32 *)(r1 +8)\nr0 += r2\nexit", .schedCls))
    try bench.store("target", in: "slots", at: 0)
    let result = try bench.run("main", .anyPacket)
    #expect(result.value == 782)
    #expect(result.word(8) == 5)
    #expect(result.word(52) == 777)
  }

  @Test("R1.7: a packet resized before has the new size for the target", arguments: Engine.all)
  func packetResize(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    // bpf_skb_change_tail
    try bench.load(
      "main",
      BenchProgram(
        Text.lines(Text.begin, "r2 = 100", "r3 = 0", "call 38", Text.tail(0), Text.leave(1)),
        .schedCls))
    try bench.load("target", BenchProgram("r0 = *(u32 *)(r1 +0)\nexit", .schedCls))
    try bench.store("target", in: "slots", at: 0)
    let result = try bench.run("main", .anyPacket)
    #expect(result.value == 100)
    #expect(result.packet.count == 100)
  }

  @Test("R1.7: metadata made before is there for the target", arguments: Engine.all)
  func metadata(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    // bpf_xdp_adjust_meta
    try bench.load(
      "main",
      BenchProgram(
        Text.lines(Text.begin, "r2 = -8", "call 54", Text.tail(0), Text.leave(1)), .xdp))
    try bench.load(
      "target",
      BenchProgram(
        "r0 = *(u32 *)(r1 +0)\nr2 = *(u32 *)(r1 +8)\nr0 -= r2\nexit", .xdp))
    try bench.store("target", in: "slots", at: 0)
    #expect(try bench.run("main", .anyPacket).value == 8)
  }

  @Test("R1.8: a miss leaves r6 to r9, r10 and the stack alone", arguments: Engine.all)
  func fallThrough(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.load(
      "main",
      """
      r6 = 9000
      r7 = 800
      r8 = 70
      r9 = r10
      *(u64 *)(r10 -8) = 0
      *(u64 *)(r10 -512) = 3
      r2 = map[slots]
      r3 = 0
      call 12
      r0 = r6
      r0 += r7
      r0 += r8
      r1 = *(u64 *)(r9 -512)
      r0 += r1
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
      """)
    try bench.load("seven", Text.returning(7))
    #expect(try bench.run("main") == 9873)
    try bench.store("seven", in: "slots", at: 0)
    #expect(try bench.run("main") == 7)
    try bench.empty("slots", at: 0)
    #expect(try bench.run("main") == 9873)
  }

  @Test(
    "R1.8: Linux refuses to read r0 to r5 after a tail call", arguments: kernelOnly, 0...5)
  func deadRegisters(engine: Engine, register: Int) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    expectRefusal(.accessDenied) {
      try bench.load("main", Text.lines(Text.begin, Text.tail(0), "r0 = r\(register)", "exit"))
    }
  }

  @Test("R1.9: the program cannot tell why a tail call missed", arguments: Engine.all)
  func causes(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    let text = Text.lines("r7 = 5", Text.begin, Text.tailByWord(), "r0 = r7", "r0 += 1", "exit")
    try bench.load("main", text)
    try bench.store("main", in: "slots", at: 1)
    // Empty, budget spent, out of range.
    for index: UInt64 in [0, 1, 3, 0xffff_ffff] { #expect(try bench.run("main", index) == 6) }
  }

  @Test("R1.9: with the budget spent, every slot of every array misses", arguments: Engine.all)
  func afterTheBudget(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeSlots("others", 2)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "main",
      Text.lines(
        Text.begin, Text.count(0), Text.tail(0), Text.tail(1), Text.tail(1, in: "others"),
        Text.leave(126)))
    try bench.load("other", Text.returning(55))
    try bench.store("main", in: "slots", at: 0)
    try bench.store("other", in: "slots", at: 1)
    try bench.store("other", in: "others", at: 1)
    #expect(try bench.run("main") == 126)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R1.11: the program that ends the run gives the result", arguments: Engine.all)
  func result(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    try bench.load("main", Text.lines("r0 = 1", Text.hop(0, missed: 10)))
    try bench.load("middle", Text.hop(1, missed: 20))
    try bench.load("last", "r0 = -5\nexit")
    #expect(try bench.run("main") == 10)
    try bench.store("middle", in: "slots", at: 0)
    #expect(try bench.run("main") == 20)
    try bench.store("last", in: "slots", at: 1)
    #expect(try bench.run("main") == 0xffff_fffb)
  }

  @Test("R1.12: bounds are looked at before the budget, the budget before the slot")
  func order() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 2)
    try bench.load(
      "main",
      Text.lines(Text.begin, Text.tail(0), Text.tail(1), Text.tail(2), Text.leave(0)))
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 0)
    let main = try #require(bench.programs["main"])
    #expect(
      main.tailCallCounts == [
        TailCallCounts(taken: 33, limit: 1), TailCallCounts(limit: 1),
        TailCallCounts(outOfRange: 1),
      ])
  }

  @Test("R1.13: programs may call themselves and each other", arguments: Engine.all)
  func recursion(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 2)
    try bench.load("ping", Text.countAndHop(0, to: 1, missed: 1))
    try bench.load("pong", Text.countAndHop(1, to: 0, missed: 2))
    try bench.store("ping", in: "slots", at: 0)
    try bench.store("pong", in: "slots", at: 1)
    #expect(try bench.run("ping") == 2)
    #expect(try bench.counters("counts") == [17, 17])
    try bench.store("ping", in: "slots", at: 1)
    try bench.setCounters("counts", [], count: 2)
    #expect(try bench.run("ping") == 1)
    #expect(try bench.counters("counts") == [34, 0])
  }
}
