import BPFRuntime
import TestSupport
import Testing

@Suite("Tail calls: the helper")
struct TailCallHelperTests {
  @Test(
    "R1.1: an encoding with other fields than the number, and Linux's private forms, are refused",
    arguments: Engine.all,
    [
      "85 01 00 00 0c 00 00 00", "85 00 01 00 0c 00 00 00", "85 30 00 00 0c 00 00 00",
      "f0 00 00 00 0c 00 00 00", "f5 00 00 00 0c 00 00 00", "86 00 00 00 0c 00 00 00",
    ])
  func encodings(engine: Engine, slot: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    expectRefusal(.invalid) {
      try bench.load("main", "r2 = map[slots]\nr3 = 0\n.slot \(slot)\nr0 = 1\nexit")
    }
  }

  @Test("R1.1: the helper is no target of an indirect call", arguments: Engine.all)
  func indirectCall(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    let text = "r2 = map[slots]\nr3 = 0\nr4 = 12\ncallx r4\nr0 = 1\nexit"
    if engine == .kernel {
      expectRefusal(.invalid) { try bench.load("main", text) }
    } else {
      try bench.load("main", text)
      #expect(throws: BenchError.fault(.invalidCallTarget(12))) { try bench.run("main") }
    }
  }

  @Test(
    "R1.2: r1 has to be the context itself", arguments: [Engine.checked] + kernelOnly,
    ["r1 += 8", "r1 = 0", "r1 = r10", "r1 = map[slots]"])
  func contextArgument(engine: Engine, change: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    let text = "\(change)\nr2 = map[slots]\nr3 = 0\ncall 12\nr0 = 1\nexit"
    if engine == .kernel {
      expectRefusal(.accessDenied) { try bench.load("main", text) }
      return
    }
    try bench.load("main", text)
    let error = #expect(throws: BenchError.self) { try bench.run("main") }
    guard case .fault(.tailCallWithoutContext) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(
    "R1.3: r2 has to be an array of programs", arguments: [Engine.checked] + kernelOnly,
    [
      ("r2 = map[counts]", LinuxError.invalid), ("r2 = 0", .accessDenied),
      ("r2 = map[counts][0]+0", .accessDenied), ("r2 = r10", .accessDenied),
    ])
  func arrayArgument(engine: Engine, argument: (String, LinuxError)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    let text = "\(argument.0)\nr3 = 0\ncall 12\nr0 = 1\nexit"
    if engine == .kernel {
      expectRefusal(argument.1) { try bench.load("main", text) }
      return
    }
    try bench.load("main", text)
    let error = #expect(throws: BenchError.self) { try bench.run("main") }
    guard case .fault(.tailCallWithoutArray) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("R1.3: the values of an array of programs have no address", arguments: Engine.all)
  func directValue(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    expectRefusal(.invalid) {
      try bench.load("main", "r2 = map[slots][0]+0\nr3 = 0\ncall 12\nr0 = 1\nexit")
    }
  }

  @Test("R1.3: E24: two arrays may meet in one call: the one in r2 counts", arguments: Engine.all)
  func twoArrays(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("a", 2)
    try bench.makeSlots("b", 2)
    try bench.load(
      "main",
      """
      r3 = *(u64 *)(r1 +0)
      if r3 == 0 goto second
      r2 = map[a]
      goto both
      second: r2 = map[b]
      both: r3 = 1
      call 12
      r0 = 55
      exit
      """)
    try bench.load("seven", Text.returning(7))
    try bench.load("eight", Text.returning(8))
    try bench.store("seven", in: "a", at: 1)
    #expect(try bench.run("main", 0) == 55)
    #expect(try bench.run("main", 1) == 7)
    try bench.store("eight", in: "b", at: 1)
    #expect(try bench.run("main", 0) == 8)
    #expect(try bench.run("main", 1) == 7)
  }

  @Test(
    "R1.4: E22: the index is the lower half of r3, without a sign", arguments: Engine.all,
    [
      (0x0, 99), (0x1, 7), (0x3, 99), (0x4, 99), (0x5, 99), (0xffff_ffff, 99),
      (0x1_0000_0000, 99), (0x1_0000_0001, 7), (0xffff_ffff_0000_0001, 7),
      (0x8000_0000_0000_0001, 7), (0xffff_ffff_ffff_ffff, 99), (0x7fff_ffff, 99),
      (0x8000_0000, 99), (0x4000_0001, 99), (0x2000_0001, 99),
    ] as [(UInt64, UInt32)])
  func index(engine: Engine, index: (value: UInt64, result: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 4)
    try bench.load("main", Text.lines(Text.begin, Text.tailByWord(), Text.leave(99)))
    try bench.load("seven", Text.returning(7))
    try bench.store("seven", in: "slots", at: 1)
    #expect(try bench.run("main", index.value) == index.result)
  }

  @Test(
    "R1.4: E8: a constant index past the end loads and misses", arguments: Engine.all,
    [
      ("r3 = 0x100000001 ll", 4, 7), ("r3 = 4", 4, 99), ("r3 = -1", 4, 99), ("r3 = 3", 3, 99),
      ("r3 = 111", 100, 99), ("r3 = 1", 4, 7), ("w3 = -1", 4, 99),
    ] as [(String, UInt32, UInt32)])
  func constantIndex(engine: Engine, index: (text: String, size: UInt32, result: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", index.size)
    try bench.load("main", "r2 = map[slots]\n\(index.text)\ncall 12\nr0 = 99\nexit")
    try bench.load("seven", Text.returning(7))
    try bench.store("seven", in: "slots", at: 1)
    #expect(try bench.run("main") == index.result)
  }

  @Test(
    "R1.4: any initialised value is an index, pointers too", arguments: Engine.all,
    ["r3 = r1", "r3 = r10"])
  func pointerIndex(engine: Engine, text: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    // Where memory lies decides about the slot; that it loads and falls through is the rule.
    try bench.load("main", "r2 = map[slots]\n\(text)\ncall 12\nr0 = 3\nexit")
    #expect(try bench.run("main") == 3)
  }

  @Test("R1.5: r4 and r5 need no value", arguments: Engine.all)
  func unusedArguments(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load("main", "r2 = map[slots]\nr3 = 0\ncall 12\nr0 = 3\nexit")
    try bench.load("four", Text.returning(4))
    #expect(try bench.run("main") == 3)
    try bench.store("four", in: "slots", at: 0)
    #expect(try bench.run("main") == 4)
  }

  @Test(
    "R1.6: programs under any licence may call it", arguments: Engine.all,
    ["Proprietary", "", "GPL"])
  func license(engine: Engine, license: String) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load("main", BenchProgram(Text.hop(0, missed: 1), license: license))
    try bench.load("five", Text.returning(5))
    try bench.store("five", in: "slots", at: 0)
    #expect(try bench.run("main") == 5)
  }

  /// Types with an attach type that they load with.
  static let types: [(UInt32, UInt32)] =
    [18: 8, 25: 21, 30: 36, 32: 45].merging(
      (Array(1...19) + Array(21...25)).map { ($0, 0) }, uniquingKeysWith: { given, _ in given }
    ).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }

  @Test("R1.6: programs of every type may call it", arguments: Engine.all, types)
  func everyType(engine: Engine, type: (number: UInt32, attachType: UInt32)) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load(
      "main",
      BenchProgram(
        Text.hop(0, missed: 0), .number(type.number),
        traits: ProgramTraits(expectedAttachType: type.attachType)))
  }

  @Test("R1.10: a tail call is not the last instruction", arguments: Engine.all)
  func lastInstruction(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    expectRefusal(.invalid) { try bench.load("main", "r2 = map[slots]\nr3 = 0\ncall 12") }
    try bench.load(
      "main", "goto start\nend: r0 = 2\nexit\nstart: r2 = map[slots]\nr3 = 0\ncall 12\ngoto end")
    #expect(try bench.run("main") == 2)
  }
}

/// Linux, where it can be used: for what only the verifier and checked runs look at.
let kernelOnly = Engine.all.filter { $0 == .kernel }
