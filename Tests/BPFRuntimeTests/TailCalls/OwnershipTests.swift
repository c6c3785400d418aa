import TestSupport
import Testing

@testable import BPFRuntime

@Suite("Tail calls: who may share an array")
struct TailCallOwnershipTests {
  /// A kind of program, by what Linux compares.
  struct Kind: Sendable, CustomTestStringConvertible {
    var type: UInt32
    var attachType: UInt32 = 0
    var hasFragments = false

    var testDescription: String {
      "type \(type), attach type \(attachType)\(hasFragments ? ", fragments" : "")"
    }

    func program(_ text: String) -> BenchProgram {
      BenchProgram(
        text, .number(type),
        traits: ProgramTraits(expectedAttachType: attachType, hasFragments: hasFragments))
    }

    /// Does nothing that any type could object to.
    var leaf: BenchProgram { program(Text.returning(0)) }
    /// Refers to the array and tail-calls through it.
    func user(of slots: String = "slots") -> BenchProgram {
      program(Text.hop(0, in: slots, missed: 0))
    }
  }

  static let socketFilter = Kind(type: 1)
  static let traffic = Kind(type: 3)

  /// An empty array.
  static func bench(_ engine: Engine) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 3)
    return bench
  }

  @Test("R3.1: a fresh array takes programs of any kind", arguments: Engine.all)
  func unowned(engine: Engine) throws {
    for kind in [Self.socketFilter, Self.traffic, Kind(type: 6)] {
      let bench = try Self.bench(engine)
      try bench.load("leaf", kind.leaf)
      try bench.store("leaf", in: "slots", at: 0)
    }
  }

  @Test("R3.1: a program that only refers to the array owns it", arguments: Engine.all)
  func ownedByReference(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("main", Self.traffic.program("r1 = map[slots]\nr0 = 0\nexit"))
    try bench.load("other", Self.socketFilter.leaf)
    try bench.load("same", Self.traffic.leaf)
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 0) }
    try bench.store("same", in: "slots", at: 0)
  }

  @Test("R3.1: the first program that is stored owns the array", arguments: Engine.all)
  func ownedByStore(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("first", Self.traffic.leaf)
    try bench.load("other", Self.socketFilter.leaf)
    try bench.store("first", in: "slots", at: 0)
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 1) }
    expectRefusal(.invalid) { try bench.load("user", Self.socketFilter.user()) }
    try bench.load("user", Self.traffic.user())
  }

  @Test("R3.2: neither empty slots nor the owner's end make an array free", arguments: Engine.all)
  func ownedForever(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("user", Self.socketFilter.user())
    try bench.load("leaf", Self.socketFilter.leaf)
    try bench.store("leaf", in: "slots", at: 0)
    try bench.empty("slots", at: 0)
    bench.closeProgram("user")
    bench.closeProgram("leaf")
    try bench.load("other", Self.traffic.leaf)
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 0) }
    expectRefusal(.invalid) { try bench.load("user", Self.traffic.user()) }
  }

  @Test(
    "R3.3: R3.5: E13: type, attach type and fragments all decide", arguments: Engine.all,
    [
      (Kind(type: 1), Kind(type: 3)), (Kind(type: 3), Kind(type: 4)),
      (Kind(type: 6), Kind(type: 3)),
      // XDP for no hook in particular, for a device, a device map, a CPU map.
      (Kind(type: 6), Kind(type: 6, attachType: 37)),
      (Kind(type: 6), Kind(type: 6, attachType: 33)),
      (Kind(type: 6), Kind(type: 6, attachType: 35)),
      (Kind(type: 6, attachType: 33), Kind(type: 6)),
      (Kind(type: 6), Kind(type: 6, hasFragments: true)),
      (Kind(type: 6, hasFragments: true), Kind(type: 6)),
      (Kind(type: 6, hasFragments: true), Kind(type: 6, attachType: 37, hasFragments: true)),
      (Kind(type: 8), Kind(type: 8, attachType: 1)),
      (Kind(type: 18, attachType: 8), Kind(type: 18, attachType: 9)),
      (Kind(type: 3), Kind(type: 3, attachType: 46)), (Kind(type: 1), Kind(type: 1, attachType: 5)),
    ])
  func differences(engine: Engine, kinds: (owner: Kind, other: Kind)) throws {
    let bench = try Self.bench(engine)
    let leaf = kinds.owner.type == 18 ? Text.returning(1) : Text.returning(0)
    let user = Text.lines(Text.begin, Text.tail(0), leaf)
    try bench.load("owner", kinds.owner.program(user))
    try bench.load("same", kinds.owner.program(leaf))
    try bench.load("other", kinds.other.program(leaf))
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 0) }
    expectRefusal(.invalid) { try bench.load("user", kinds.other.program(user)) }
    try bench.store("same", in: "slots", at: 0)
    try bench.load("second", kinds.owner.program(user))
  }

  @Test(
    "R3.3: what does not decide: licence, name, length, context of the same type",
    arguments: Engine.all)
  func noDifference(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("user", Self.traffic.user())
    try bench.load("a", BenchProgram(Text.returning(0), .number(3), license: "Proprietary"))
    try bench.load("b", BenchProgram("r2 = 1\nr3 = 2\nr0 = 3\nexit", .number(3)))
    try bench.store("a", in: "slots", at: 0)
    try bench.store("b", in: "slots", at: 1)
  }

  @Test("R3.3: sleepable and other programs do not mix")
  func sleepable() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    let sleepable = BenchProgram(
      Text.returning(0), .number(31), traits: ProgramTraits(isSleepable: true))
    try bench.load("owner", BenchProgram(Text.hop(0, missed: 0), .number(31)))
    try bench.load("sleepable", sleepable)
    expectRefusal(.invalid) { try bench.store("sleepable", in: "slots", at: 0) }
  }

  @Test("R3.4: all of it is compared, when loading and when storing, in every slot")
  func matchRule() throws {
    for engine in Engine.ours {
      let bench = try Self.bench(engine)
      let owner = ProgramTraits(expectedAttachType: 7, hasFragments: true, isSleepable: true)
      try bench.load("owner", BenchProgram(Text.hop(0, missed: 0), .xdp, traits: owner))
      let others: [WritableKeyPath<ProgramTraits, Bool>] = [\.hasFragments, \.isSleepable]
      for (index, path) in others.enumerated() {
        var traits = owner
        traits[keyPath: path].toggle()
        try bench.load("other", BenchProgram(Text.returning(0), .xdp, traits: traits))
        expectRefusal(.invalid) { try bench.store("other", in: "slots", at: UInt32(index)) }
        expectRefusal(.invalid) {
          try bench.load("user", BenchProgram(Text.hop(0, missed: 0), .xdp, traits: traits))
        }
      }
      try bench.load("same", BenchProgram(Text.returning(0), .xdp, traits: owner))
      for index: UInt32 in 0..<3 { try bench.store("same", in: "slots", at: index) }
    }
  }

  @Test("R3.6: E12: the prototype decides for tracing programs, and only for such")
  func prototypes() throws {
    func traits(_ prototype: UInt64?) -> ProgramTraits { ProgramTraits(attachPrototype: prototype) }
    for (type, isDecisive) in [(26, true), (28, true), (29, true), (17, false), (6, false)] {
      let bench = try RuntimeBench(.checked)
      try bench.makeSlots("slots", 1)
      let number = ProgramType.number(UInt32(type))
      try bench.load("owner", BenchProgram(Text.hop(0, missed: 0), number, traits: traits(1)))
      try bench.load("same", BenchProgram(Text.hop(0, missed: 0), number, traits: traits(1)))
      let other = BenchProgram(Text.hop(0, missed: 0), number, traits: traits(2))
      if isDecisive {
        expectRefusal(.invalid) { try bench.load("other", other) }
      } else {
        try bench.load("other", other)
      }
    }
  }

  @Test("R3.6: raw tracepoints never mix with tracing programs")
  func rawAndTyped() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    try bench.load("owner", BenchProgram(Text.hop(0, missed: 0), .number(26)))
    try bench.load("raw", BenchProgram(Text.returning(0), .words))
    expectRefusal(.invalid) { try bench.store("raw", in: "slots", at: 0) }
  }

  @Test("R3.7: a mismatch is EINVAL, when storing and when loading", arguments: Engine.all)
  func mismatch(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("user", Self.socketFilter.user())
    try bench.load("other", Self.traffic.leaf)
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 2) }
    expectRefusal(.invalid) { try bench.load("otherUser", Self.traffic.user()) }
    expectRefusal(.noEntry) { _ = try bench.lookup("slots", littleEndian(2), flags: 0) }
  }

  @Test("R3.9: neither a failed load nor a refused store owns an array", arguments: Engine.all)
  func failures(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("traffic", Self.traffic.leaf)
    try bench.load("filter", Self.socketFilter.leaf)
    let value = try bench.slotValue(of: "traffic")
    for flags: UInt64 in [1, 2] {
      expectRefusal(.invalid) { try bench.update("slots", littleEndian(0), value, flags: flags) }
    }
    expectRefusal(.tooBig) { try bench.update("slots", littleEndian(3), value, flags: 0) }
    expectRefusal(.invalid) {
      try bench.load("bad", Self.traffic.program("r1 = map[slots]\nr2 = map[slots]\nr0 = 0"))
    }
    try bench.store("filter", in: "slots", at: 0)
  }

  @Test(
    "R3.10: E26: a load that fails for one array does not own another: Linux's does",
    arguments: Engine.all)
  func transactional(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.makeSlots("fresh", 1)
    try bench.load("filterUser", Self.socketFilter.user())
    try bench.load("filter", Self.socketFilter.leaf)
    let text = "r1 = map[fresh]\nr1 = map[slots]\nr0 = 0\nexit"
    expectRefusal(.invalid) { try bench.load("both", Self.traffic.program(text)) }
    if engine == .kernel {
      expectRefusal(.invalid) { try bench.store("filter", in: "fresh", at: 0) }
    } else {
      try bench.store("filter", in: "fresh", at: 0)
    }
  }

  @Test("R3.11: an array tells the type of its programs once it has an owner")
  func introspection() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    try bench.makeCounters("counts", 1)
    let slots = try #require(bench.maps["slots"])
    #expect(slots.ownerType == nil)
    try bench.load("user", Self.traffic.user())
    #expect(slots.ownerType == 3)
    #expect(try #require(bench.maps["counts"]).ownerType == nil)
  }

  @Test("R3.12: checked and unchecked runs share arrays")
  func modes() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    try bench.load("user", Text.hop(0, missed: 1))
    try bench.load("leaf", Text.returning(9))
    try bench.store("leaf", in: "slots", at: 0)
    let user = try #require(bench.programs["user"])
    for mode in [CPU.Mode.checked, .unchecked] {
      let context = try Context(layout: ProgramType.words.context)
      #expect(try bench.cpu.run(user, in: context, mode: mode).returnValue == 9)
    }
  }

  @Test(
    "R3.8: a program that overrides what functions return gets into no array, and uses none",
    arguments: Engine.ours)
  func errorInjection(engine: Engine) throws {
    // Linux has the helper only with CONFIG_BPF_KPROBE_OVERRIDE, and our kprobe programs do not.
    let bench = try RuntimeBench(engine)
    let kprobe = ProgramType(
      number: 2, name: "kprobe", context: .plain(byteCount: 8),
      helpers: Helper.base + [Helper.overrideReturn])
    let override = "r2 = 5\ncall 58\nr0 = 0\nexit"
    try bench.makeSlots("slots", 1)
    try bench.load("override", BenchProgram(override, kprobe))
    let program = try #require(bench.programs["override"])
    expectRefusal(.invalid) { try bench.store("override", in: "slots", at: 0) }
    expectRefusal(.invalid) {
      try bench.load("user", BenchProgram("r6 = map[slots]\n" + override, kprobe))
    }
    // It did not own the array; a transaction says why.
    try bench.load("other", BenchProgram(Text.returning(0), .xdp))
    try bench.store("other", in: "slots", at: 0)
    try bench.makeSlots("fresh", 1)
    var change = bench.runtime.beginTransaction()
    try change.set(program, in: try #require(bench.maps["fresh"]), at: 0)
    let error = #expect(throws: ChainError.self) { try change.commit() }
    #expect("\(try #require(error))".contains("bpf_override_return"))
    // An entry point is no tail call.
    let entry = try bench.runtime.makeEntryPoint(
      named: "probe", type: kprobe, engine: program.engine)
    try entry.set(program)
    #expect(entry.program === program)
  }

  @Test("R2.15: E6: E7: a program that extends others is never stored")
  func extensions() throws {
    for engine in Engine.ours {
      let bench = try Self.bench(engine)
      try bench.load("extension", BenchProgram(Text.returning(0), .number(28)))
      expectRefusal(.invalid) { try bench.store("extension", in: "slots", at: 0) }
      // It did not own the array either, and may tail-call itself.
      try bench.load("other", BenchProgram(Text.returning(0), .xdp))
      try bench.store("other", in: "slots", at: 0)
      try bench.makeSlots("own", 1)
      try bench.load("user", BenchProgram(Text.hop(0, in: "own", missed: 0), .number(28)))
    }
  }
}
