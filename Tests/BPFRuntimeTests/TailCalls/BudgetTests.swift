import BPFRuntime
import TestSupport
import Testing

@Suite("Tail calls: the budget")
struct TailCallBudgetTests {
  @Test(
    "R2.1: E1: 33 hops, so 34 programs, with constant and unknown index", arguments: Engine.all,
    [
      (17, true), (17, false), (1, true), (1, false), (3, true), (3, false), (6, true), (6, false),
    ] as [(UInt32, Bool)])
  func selfLoop(engine: Engine, loop: (type: UInt32, indexIsKnown: Bool)) throws {
    let (type, indexIsKnown) = loop
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 2)
    let hop = indexIsKnown ? Text.tail(0) : Text.tailByCounter(1)
    let text = Text.lines(Text.begin, Text.count(0), hop, Text.leave(2))
    try bench.load("main", BenchProgram(text, .number(type)))
    try bench.store("main", in: "slots", at: 0)
    let input = type == ProgramType.words.number ? BenchInput.words([]) : .anyPacket
    #expect(try bench.run("main", input).value == 2)
    #expect(try bench.counters("counts") == [34, 0])
  }

  @Test(
    "R2.1: a chain of 64 programs ends with number 33", arguments: Engine.all, [(0, 33), (40, 63)])
  func chain(engine: Engine, ends: (first: Int, last: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 64)
    for number in 0..<64 {
      try bench.load("p\(number)", Text.hop(number + 1, missed: number))
      try bench.store("p\(number)", in: "slots", at: UInt32(number))
    }
    #expect(try bench.run("p\(ends.first)") == ends.last)
  }

  @Test("R2.2: the limit is a named constant")
  func constant() {
    #expect(Limits.tailCalls == 33)
  }

  @Test(
    "R2.3: E2: only successful hops count: 40 misses before each", arguments: Engine.all,
    ["empty slot, constant", "empty slot, unknown", "out of range"])
  func misses(engine: Engine, kind: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 4)
    try bench.makeCounters("counts", 2)
    try bench.setCounters("counts", [0, 2], count: 2)
    let miss =
      switch kind {
      case "empty slot, constant": Text.tail(2)
      case "empty slot, unknown": Text.tailByCounter(1)
      default: Text.tail(4)
      }
    let misses = [String](repeating: miss, count: 40).joined(separator: "\n")
    try bench.load(
      "main", Text.lines(Text.begin, Text.count(0), misses, Text.tail(0), Text.leave(125)))
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 125)
    #expect(try bench.counters("counts") == [34, 2])
  }

  @Test("R2.3: a thousand misses in a loop leave the whole budget", arguments: Engine.all)
  func missingLoop(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "main",
      Text.lines(
        Text.begin, Text.count(0), "r7 = 0", "again:", Text.tail(1), "r7 += 1",
        "if r7 != 1000 goto again", Text.tail(0), "r0 = r7", "exit"))
    #expect(try bench.run("main") == 1000)
    try bench.store("main", in: "slots", at: 0)
    try bench.setCounters("counts", [], count: 1)
    #expect(try bench.run("main") == 1000)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R2.4: every top-level run begins with the whole budget", arguments: Engine.all)
  func freshBudget(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    try bench.load("main", Text.countAndHop(0, to: 0, missed: 1))
    try bench.store("main", in: "slots", at: 0)
    for run in 1...10 {
      #expect(try bench.run("main") == 1)
      #expect(try bench.counters("counts") == [UInt64(34 * run)])
    }
  }

  @Test("R2.4: a run that faulted leaves the next one its budget")
  func budgetAfterFault() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 1)
    try bench.load("main", Text.countAndHop(0, to: 0, missed: 1))
    try bench.load("bad", Text.lines("r0 = 0", "r0 = *(u64 *)(r0 +0)", "exit"))
    try bench.load("first", Text.hop(1, missed: 2))
    try bench.store("first", in: "slots", at: 0)
    try bench.store("bad", in: "slots", at: 1)
    #expect(throws: BenchError.fault(.invalidRead(address: 0, size: 8))) {
      try bench.run("first")
    }
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 1)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R2.5: two arrays share one budget", arguments: Engine.all)
  func twoArrays(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("a", 1)
    try bench.makeSlots("b", 1)
    try bench.makeCounters("counts", 2)
    try bench.load("one", Text.countAndHop(0, to: 0, in: "b", missed: 1))
    try bench.load("two", Text.countAndHop(1, to: 0, in: "a", missed: 2))
    try bench.store("one", in: "a", at: 0)
    try bench.store("two", in: "b", at: 0)
    #expect(try bench.run("one") == 2)
    #expect(try bench.counters("counts") == [17, 17])
  }

  @Test(
    "R2.5: E5: a subprogram called twice from every program does not multiply the budget",
    arguments: Engine.all)
  func hierarchyOfOne(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "entry",
      Text.lines(
        Text.begin, Text.count(0), "r1 = r6", "call sub", "r1 = r6", "call sub", Text.leave(1),
        "sub: r6 = r1", Text.tail(0), Text.leave(0)))
    try bench.store("entry", in: "slots", at: 0)
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [34])
    try bench.empty("slots", at: 0)
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [35])
  }

  @Test(
    "R2.5: E5: what one subprogram's chain used up is gone for the next", arguments: Engine.all)
  func hierarchyOfTwo(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 2)
    try bench.load(
      "entry",
      Text.lines(
        Text.begin, "r1 = r6", "call first", "r1 = r6", "call second", Text.leave(1),
        "first: r6 = r1", Text.tail(0), Text.leave(0),
        "second: r6 = r1", Text.tail(1), Text.leave(0)))
    for (index, name) in ["zero", "one"].enumerated() {
      try bench.load(
        name,
        Text.lines(
          Text.begin, Text.count(index), "r1 = r6", "call sub", Text.leave(1), "sub: r6 = r1",
          Text.tail(index), Text.leave(0)))
      try bench.store(name, in: "slots", at: UInt32(index))
    }
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [33, 0])
  }

  @Test(
    "R2.5: E5: subprograms that reach one target through two arrays share the budget",
    arguments: Engine.all)
  func hierarchyOfThree(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("a", 1)
    try bench.makeSlots("b", 1)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "entry",
      Text.lines(
        Text.begin, "call sub", Text.leave(1), "sub: r6 = r1",
        Text.tail(0, in: "a"), Text.leave(0)))
    try bench.load(
      "loop",
      Text.lines(
        Text.begin, Text.count(0), "r1 = r6", "call first", "r1 = r6", "call second",
        Text.leave(1), "first: r6 = r1", Text.tail(0, in: "a"), Text.leave(0),
        "second: r6 = r1", Text.tail(0, in: "b"), Text.leave(0)))
    try bench.store("loop", in: "a", at: 0)
    try bench.store("loop", in: "b", at: 0)
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [33])
  }

  @Test(
    "R2.5: a call of a subprogram before a loop does not change the count", arguments: Engine.all)
  func subprogramAndSelf(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "main",
      Text.lines(
        Text.begin, Text.count(0), "r1 = r6", "call sub", Text.tail(0), Text.leave(9),
        "sub: r6 = r1", Text.tail(1), Text.leave(0)))
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 9)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R2.7: helper calls do not disturb the count", arguments: Engine.all)
  func acrossHelpers(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    try bench.makeCounters("other", 1)
    // bpf_map_lookup_elem and bpf_map_update_elem
    try bench.load(
      "main",
      Text.lines(
        Text.begin, Text.count(0), "*(u32 *)(r10 -4) = 0", "r1 = map[counts]", "r2 = r10",
        "r2 += -4", "call 1", "r1 = map[other]", "r2 = r10", "r2 += -4", "r3 = r10", "r3 += -16",
        "*(u64 *)(r10 -16) = 1", "r4 = 0", "call 2", Text.tail(0), Text.leave(3)))
    try bench.store("main", in: "slots", at: 0)
    #expect(try bench.run("main") == 3)
    #expect(try bench.counters("counts") == [34])
  }

  @Test("R2.16: the count is the run's, whichever frame or array hops")
  func oneCounter() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 2)
    bench.cpu.recordsTailCalls = true
    try bench.load(
      "main",
      Text.lines(
        Text.begin, "call sub", "r1 = r6", "call sub", Text.leave(1), "sub: r6 = r1", Text.tail(0),
        Text.leave(0)))
    try bench.load("target", Text.returning(1))
    try bench.store("target", in: "slots", at: 0)
    #expect(try bench.run("main") == 1)
    #expect(bench.cpu.tailCalls.map(\.hop) == [1, 2])
    #expect(bench.cpu.tailCalls.allSatisfy { $0.outcome == .taken })
  }
}
