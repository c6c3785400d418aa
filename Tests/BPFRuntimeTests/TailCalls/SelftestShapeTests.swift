import BPFRuntime
import TestSupport
import Testing

/// The shapes of Linux's own tests of tail calls (tail-calls.md section 8), written by ourselves.
@Suite("Tail calls: shapes that Linux tests")
struct TailCallShapeTests {
  /// Programs `p0`... that return their number, in slots of their number.
  static func fill(_ bench: any Bench, _ count: Int) throws {
    for number in 0..<count {
      try bench.load("p\(number)", Text.returning(number))
      try bench.store("p\(number)", in: "slots", at: UInt32(number))
    }
  }

  @Test("tailcall_1: twelve call sites over three slots", arguments: Engine.all)
  func sites(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    let sites = (0..<12).map { Text.tail($0 / 4) }.joined(separator: "\n")
    try bench.load("main", Text.lines(Text.begin, sites, Text.leave(3)))
    try Self.fill(bench, 3)
    for slot: UInt32 in 0..<3 {
      #expect(try bench.run("main") == slot)
      try bench.empty("slots", at: slot)
    }
    #expect(try bench.run("main") == 3)
    for slot: UInt32 in 0..<3 { try bench.store("p\(slot)", in: "slots", at: slot) }
    #expect(try bench.run("main") == 0)
    for slot: UInt32 in 0..<3 { try bench.store("p\(2 - slot)", in: "slots", at: slot) }
    for slot: UInt32 in 0..<3 {
      #expect(try bench.run("main") == 2 - slot)
      try bench.empty("slots", at: slot)
    }
    for slot: UInt32 in 0..<3 {
      expectRefusal(.noEntry) { try bench.empty("slots", at: slot) }
      #expect(try bench.run("main") == 3)
    }
  }

  @Test("tailcall_2: a chain, shortened, then a ping-pong to the limit", arguments: Engine.all)
  func chain(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 5)
    try bench.load("entry", Text.lines(Text.begin, Text.tail(0), Text.tail(3), Text.leave(9)))
    try bench.load("p0", Text.hop(1, missed: 0))
    try bench.load("p1", Text.hop(2, missed: 1))
    try bench.load("p2", Text.returning(2))
    try bench.load("p3", Text.hop(4, missed: 3))
    try bench.load("p4", Text.hop(3, missed: 3))
    for number: UInt32 in 0..<5 { try bench.store("p\(number)", in: "slots", at: number) }
    #expect(try bench.run("entry") == 2)
    try bench.empty("slots", at: 2)
    #expect(try bench.run("entry") == 1)
    try bench.empty("slots", at: 0)
    #expect(try bench.run("entry") == 3)
  }

  @Test(
    "tailcall_3, tailcall_6: a loop behind an entry of its own runs 33 times",
    arguments: Engine.all, [true, false])
  func loop(engine: Engine, indexIsKnown: Bool) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 2)
    let hop = indexIsKnown ? Text.tail(0) : Text.tailByCounter(1)
    try bench.load("entry", Text.lines(Text.begin, hop, Text.leave(0)))
    try bench.load("loop", Text.lines(Text.begin, Text.count(0), hop, Text.leave(1)))
    try bench.store("loop", in: "slots", at: 0)
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [33, 0])
    try bench.empty("slots", at: 0)
    #expect(try bench.run("entry") == 0)
  }

  @Test("tailcall_4: an index out of global data", arguments: Engine.all)
  func globalIndex(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    try bench.makeCounters("counts", 1)
    try bench.load("main", Text.lines(Text.begin, Text.tailByCounter(0), Text.leave(3)))
    try Self.fill(bench, 3)
    for slot: UInt32 in 0..<3 {
      try bench.setCounters("counts", [UInt64(slot)], count: 1)
      #expect(try bench.run("main") == slot)
      try bench.empty("slots", at: slot)
      #expect(try bench.run("main") == 3)
    }
  }

  @Test("tailcall_5: R1.4: a constant index that differs by path", arguments: Engine.all)
  func indexByPath(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    try bench.load(
      "main",
      Text.lines(
        """
        r6 = r1
        r4 = *(u64 *)(r1 +0)
        r3 = 0
        if r4 == 1111 goto hop
        r3 = 1
        if r4 == 1234 goto hop
        r3 = 2
        if r4 == 5678 goto hop
        goto out
        hop: r2 = map[slots]
        call 12
        """, "out:", Text.leave(3)))
    try Self.fill(bench, 3)
    for (slot, key) in [1111, 1234, 5678].enumerated() {
      #expect(try bench.run("main", UInt64(key)) == UInt32(slot))
      try bench.empty("slots", at: UInt32(slot))
      #expect(try bench.run("main", UInt64(key)) == 3)
    }
    #expect(try bench.run("main", 1) == 3)
  }

  @Test("bpf2bpf_1: main and subprogram tail-call in turn", arguments: Engine.all)
  func mainAndSubprogram(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.load(
      "main",
      Text.lines(
        Text.begin, Text.tail(1), "r1 = r6", "call sub", "exit", "sub: r6 = r1", Text.tail(0),
        "r0 = *(u64 *)(r6 +0)", "r0 *= 2", "exit"))
    try Self.fill(bench, 2)
    #expect(try bench.run("main", 64) == 1)
    try bench.empty("slots", at: 1)
    #expect(try bench.run("main", 64) == 0)
    try bench.empty("slots", at: 0)
    #expect(try bench.run("main", 64) == 128)
  }

  @Test("bpf2bpf_2: a subprogram in the loop leaves 33", arguments: Engine.all)
  func subprogramInLoop(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.makeCounters("counts", 1)
    try bench.load("entry", Text.hop(0, missed: 0))
    try bench.load(
      "loop",
      Text.lines(
        Text.begin, Text.count(0), "r1 = r6", "call sub", Text.tail(0), Text.leave(1),
        "sub: r6 = r1", Text.tail(1), Text.leave(0)))
    try bench.store("loop", in: "slots", at: 0)
    #expect(try bench.run("entry") == 1)
    #expect(try bench.counters("counts") == [33])
    try bench.empty("slots", at: 0)
    #expect(try bench.run("entry") == 0)
  }

  @Test("bpf2bpf_3: stacks of 64 to 128 bytes on the way", arguments: Engine.all)
  func stacks(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    func sub(_ size: Int, _ slot: Int, _ factor: Int) -> String {
      Text.lines(
        "sub: r6 = r1", "*(u64 *)(r10 -\(size)) = 1", Text.tail(slot), "r0 = *(u64 *)(r6 +0)",
        "r0 *= \(factor)", "exit")
    }
    let call = "*(u64 *)(r10 -128) = 5\ncall sub\nr1 = *(u64 *)(r10 -128)\nr0 += r1\nexit"
    try bench.load("main", Text.lines(call, sub(64, 0, 2)))
    try bench.load("middle", Text.lines(call, sub(128, 1, 1)))
    try bench.load("last", "*(u64 *)(r10 -64) = 1\nr0 = *(u64 *)(r1 +0)\nr0 *= 3\nexit")
    try bench.store("middle", in: "slots", at: 0)
    try bench.store("last", in: "slots", at: 1)
    #expect(try bench.run("main", 64) == 192 + 10)
    try bench.empty("slots", at: 1)
    #expect(try bench.run("main", 64) == 64 + 10)
    try bench.empty("slots", at: 0)
    #expect(try bench.run("main", 64) == 128 + 5)
  }

  @Test("bpf2bpf_4: two ways into a loop use two of its 33 hops", arguments: Engine.all)
  func twoWaysIn(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    try bench.makeCounters("counts", 1)
    func text(_ slot: Int, _ begin: String = "") -> String {
      Text.lines(
        Text.begin, begin, "r1 = r6", "call sub", "exit", "sub: r6 = r1", Text.tail(slot),
        Text.leave(9))
    }
    try bench.load("entry", text(0))
    try bench.load("p0", text(1))
    try bench.load("p1", text(2))
    try bench.load("p2", text(2, Text.count(0)))
    for number: UInt32 in 0..<3 { try bench.store("p\(number)", in: "slots", at: number) }
    #expect(try bench.run("entry") == 9)
    #expect(try bench.counters("counts") == [31])
  }

  @Test("bpf2bpf_6: E3: an odd number of stack bytes in the caller", arguments: Engine.all)
  func oddStack(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    try bench.load(
      "main",
      Text.lines(
        "*(u8 *)(r10 -1) = 1", "call sub", "exit", "sub: r6 = r1", "*(u8 *)(r10 -1) = 2",
        Text.tail(0), Text.leave(1)))
    try bench.load("target", Text.lines(Text.begin, Text.count(0), Text.leave(0)))
    try bench.store("target", in: "slots", at: 0)
    #expect(try bench.run("main") == 0)
    #expect(try bench.counters("counts") == [1])
  }

  @Test(
    "runtime_jit: R1.4: index table with programs of 42, 41 and 24", arguments: Engine.all,
    [(0, 42), (1, 41), (2, 24), (3, 1), (256, 1), (.max, 1), (1 << 32, 42)] as [(UInt64, UInt32)])
  func indexTable(engine: Engine, entry: (index: UInt64, result: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 4)
    try bench.load("main", Text.lines(Text.begin, Text.tailByWord(), Text.leave(1)))
    try bench.load("p0", Text.returning(42))
    // To itself, and so past the limit.
    try bench.load("p1", Text.hop(1, missed: 41))
    try bench.load("p2", Text.returning(24))
    for number: UInt32 in 0..<3 { try bench.store("p\(number)", in: "slots", at: number) }
    #expect(try bench.run("main", entry.index) == entry.result)
  }

  @Test(
    "test_bpf: frames are independent, sums of chains come out", arguments: Engine.all,
    [(1, 1), (2, 3), (3, 6), (4, 10)] as [(Int, UInt32)])
  func sums(engine: Engine, chain: (length: Int, sum: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 5)
    try bench.makeCounters("counts", 1)
    // The sum goes on in a map, since registers do not.
    for number in 1...4 {
      let add = """
        r1 = map[counts][0]+0
        r2 = \(number)
        lock *(u64 *)(r1 +0) += r2
        *(u64 *)(r10 -8) = r2
        r0 = *(u64 *)(r1 +0)
        r7 = r0
        """
      try bench.load(
        "p\(number)", Text.lines(Text.begin, add, Text.tail(number - 1), "r0 = r7", "exit"))
      try bench.store("p\(number)", in: "slots", at: UInt32(number))
    }
    #expect(try bench.run("p\(chain.length)") == chain.sum)
  }

  @Test("E4: R2.14: an observer of every hop does not give the loop more of them")
  func observed() throws {
    for engine in Engine.ours {
      let bench = try RuntimeBench(engine)
      bench.cpu.recordsTailCalls = true
      try bench.makeSlots("slots", 1)
      try bench.makeCounters("counts", 1)
      try bench.load("main", Text.countAndHop(0, to: 0, missed: 1))
      try bench.store("main", in: "slots", at: 0)
      #expect(try bench.run("main") == 1)
      #expect(try bench.counters("counts") == [34])
      let log = bench.cpu.tailCalls
      #expect(log.map(\.outcome) == [TailCallOutcome](repeating: .taken, count: 33) + [.limit])
      #expect(log.map(\.hop) == Array(1...33) + [33])
    }
  }

  @Test("peers: lookups make nothing that could leak, contexts are not cut, hops need no stack")
  func peers() throws {
    for engine in Engine.ours {
      let bench = try RuntimeBench(engine)
      try bench.makeSlots("slots", 1)
      // All twelve words of the context arrive.
      try bench.load("main", Text.hop(0, missed: 1))
      try bench.load("target", "r0 = *(u64 *)(r1 +88)\nexit")
      try bench.store("target", in: "slots", at: 0)
      let words = (0..<12).map { UInt64($0 + 100) }
      #expect(try bench.run("main", .words(words)).value == 111)
      let id = try bench.programID("target")
      for _ in 0..<1000 {
        #expect(try bench.lookup("slots", littleEndian(0), flags: 0) == littleEndian(id))
      }
      try bench.empty("slots", at: 0)
      bench.closeProgram("target")
      #expect(!bench.programExists(id))
    }
  }
}
