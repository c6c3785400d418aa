import BPFRuntime
import TestSupport
import Testing

/// Acceptance scenarios (tail-calls.md section 9); the numbers were measured in Linux.
@Suite("Tail calls: scenarios")
struct TailCallScenarioTests {
  @Test("UC2: dispatch of system calls by number", arguments: Engine.all)
  func systemCalls(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 512)
    try bench.makeCounters("counts", 3)
    try bench.load(
      "entry", Text.lines(Text.begin, Text.tailByWord(), Text.count(0), Text.leave(100)))
    func handler(_ counter: Int, _ large: Int, _ small: Int) -> String {
      Text.lines(
        Text.begin, Text.count(counter), "r1 = *(u64 *)(r6 +8)", "r0 = \(large)",
        "if r1 > 4096 goto pc+1", "r0 = \(small)", "exit")
    }
    try bench.load("read", handler(1, 1, 0))
    try bench.load("write", handler(2, 0, 2))
    try bench.store("read", in: "slots", at: 0)
    try bench.store("write", in: "slots", at: 1)
    let table: [(UInt64, UInt64, UInt32)] = [
      (0, 512, 0), (0, 8192, 1), (1, 512, 2), (1, 8192, 0), (2, 512, 100), (2, 8192, 100),
      (3, 512, 100), (3, 8192, 100), (511, 512, 100), (512, 512, 100), (.max, 512, 100),
      (0x1_0000_0001, 512, 2),
    ]
    for (number, size, result) in table {
      #expect(try bench.run("entry", number, size) == result, "\(number), \(size)")
    }
    #expect(try bench.counters("counts") == [7, 2, 3])
  }

  @Test(
    "UC3: reclassification by mark", arguments: Engine.all,
    ["accept", "endless", "missing"])
  func reclassify(engine: Engine, variant: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("classes", 4)
    try bench.makeSlots("roots", 1)
    try bench.makeCounters("counts", 3)
    try bench.load(
      "root",
      BenchProgram(
        Text.lines(
          Text.begin, Text.count(0),
          """
          r3 = *(u32 *)(r6 +8)
          if r3 > 1 goto keep
          r3 += 1
          *(u32 *)(r6 +8) = r3
          keep: r1 = r6
          r2 = map[classes]
          call 12
          """, Text.leave(2)), .schedCls))
    let again = BenchProgram(
      Text.lines(
        Text.begin, Text.count(1), "r2 = *(u32 *)(r6 +48)", "r2 += 1", "*(u32 *)(r6 +48) = r2",
        Text.tail(0, in: "roots"), Text.leave(2)), .schedCls)
    try bench.load("again", again)
    try bench.load(
      "accept",
      BenchProgram(
        Text.lines(
          Text.begin, Text.count(2), "r2 = *(u32 *)(r6 +48)", "r2 += 1", "*(u32 *)(r6 +48) = r2",
          "r2 = *(u32 *)(r6 +8)", "*(u32 *)(r6 +32) = r2", Text.leave(0)), .schedCls))
    try bench.store("root", in: "roots", at: 0)
    try bench.store("again", in: "classes", at: 1)
    if variant == "accept" { try bench.store("accept", in: "classes", at: 2) }
    if variant == "endless" { try bench.store("again", in: "classes", at: 2) }
    let result = try bench.run("root", .anyPacket)
    let counts = try bench.counters("counts")
    #expect(result.word(8) == 2)
    switch variant {
    case "accept":
      #expect(result.value == 0)
      #expect([result.word(48), result.word(32)] == [2, 2])
      #expect(counts == [2, 1, 1])
    case "endless":
      #expect(result.value == 2)
      #expect(result.word(48) == 17)
      #expect(counts == [17, 17, 0])
    default:
      #expect(result.value == 2)
      #expect(counts == [2, 1, 0])
    }
  }

  @Test("UC5: a chain of services, changed while it is in use", arguments: Engine.all)
  func serviceChain(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 8)
    // A stage appends its digit to cb[0] and jumps to the slot in cb[1], then one further.
    func stage(_ digit: Int) -> BenchProgram {
      BenchProgram(
        Text.lines(
          Text.begin,
          """
          r7 = *(u32 *)(r6 +48)
          r7 *= 10
          r7 += \(digit)
          *(u32 *)(r6 +48) = r7
          r3 = *(u32 *)(r6 +52)
          r3 += 1
          *(u32 *)(r6 +52) = r3
          r1 = r6
          r2 = map[slots]
          call 12
          r0 = r7
          exit
          """), .schedCls)
    }
    try bench.load("entry", BenchProgram(Text.hop(0, missed: 0), .schedCls))
    for digit in 1...4 { try bench.load("stage\(digit)", stage(digit)) }
    func expect(_ value: UInt32, _ comment: Comment) throws {
      #expect(try bench.run("entry", .anyPacket).value == value, comment)
    }
    try expect(0, "empty")
    try bench.store("stage1", in: "slots", at: 0)
    try bench.store("stage2", in: "slots", at: 1)
    try expect(12, "two stages")
    try bench.store("stage3", in: "slots", at: 2)
    try expect(123, "one appended")
    try bench.store("stage4", in: "slots", at: 1)
    try expect(143, "one replaced")
    try bench.empty("slots", at: 1)
    try expect(1, "one deleted")
    try bench.store("stage1", in: "slots", at: 1)
    try expect(113, "one twice")
  }

  @Test("UC6: one program of many stages and a chain of them agree", arguments: Engine.all)
  func splitting(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 16)
    func stage(_ number: Int) -> String {
      "r1 = *(u32 *)(r6 +48)\nr1 *= \(number * 2 + 3)\nr1 += \(number)\n*(u32 *)(r6 +48) = r1"
    }
    let end = "r0 = *(u32 *)(r6 +48)\nexit"
    let seed = "r1 = *(u32 *)(r1 +0)\n*(u32 *)(r6 +48) = r1"
    let stages = (0..<16).map { stage($0) }.joined(separator: "\n")
    try bench.load("whole", BenchProgram(Text.lines(Text.begin, seed, stages, end), .schedCls))
    try bench.load(
      "entry", BenchProgram(Text.lines(Text.begin, seed, Text.tail(0), Text.leave(0)), .schedCls))
    for number in 0..<16 {
      let text = Text.lines(Text.begin, stage(number), Text.tail(number + 1), end)
      try bench.load("stage", BenchProgram(text, .schedCls))
      try bench.store("stage", in: "slots", at: UInt32(number))
    }
    for size in [15, 60, 61, 1000] {
      let packet = BenchInput.packet([UInt8](repeating: 1, count: size))
      let whole = try bench.run("whole", packet)
      #expect(whole.value != 0)
      #expect(try bench.run("entry", packet).value == whole.value)
    }
  }

  @Test("UC7: a root shared by tools that know nothing of each other", arguments: Engine.all)
  func sharedRoot(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    try bench.makeCounters("counts", 3)
    let calls = (0..<3).map { Text.tail($0) }.joined(separator: "\n")
    try bench.load("root", BenchProgram(Text.lines(Text.begin, calls, Text.leave(2)), .xdp))
    // A tool that has nothing against the packet hands it on to those behind it.
    for tool in 0..<3 {
      let rest = (tool + 1..<3).map { Text.tail($0) }.joined(separator: "\n")
      try bench.load(
        "tool\(tool)",
        BenchProgram(Text.lines(Text.begin, Text.count(tool), rest, Text.leave(2)), .xdp))
    }
    func runs() throws -> [UInt64] {
      try bench.setCounters("counts", [], count: 3)
      #expect(try bench.run("root", .anyPacket).value == 2)
      return try bench.counters("counts")
    }
    #expect(try runs() == [0, 0, 0])
    try bench.store("tool1", in: "slots", at: 1)
    #expect(try runs() == [0, 1, 0])
    try bench.store("tool0", in: "slots", at: 0)
    try bench.store("tool2", in: "slots", at: 2)
    #expect(try runs() == [1, 1, 1])
    try bench.empty("slots", at: 1)
    #expect(try runs() == [1, 0, 1])
  }
}
