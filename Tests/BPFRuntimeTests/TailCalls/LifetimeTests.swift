import BPFRuntime
import Synchronization
import TestSupport
import Testing

@Suite("Tail calls: how long programs and arrays live")
struct TailCallLifetimeTests {
  static func bench(_ engine: Engine) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 2)
    try bench.load("main", Text.hop(0, missed: 99))
    try bench.load("seven", Text.returning(7))
    try bench.store("seven", in: "slots", at: 0)
    return bench
  }

  @Test("R4.17: a program keeps its array, but not as a user does", arguments: Engine.all)
  func references(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let id = try bench.mapID("slots")
    bench.closeMap("slots")
    #expect(eventually { (try? bench.run("main")) == 99 })
    #expect(bench.mapExists(id))
    bench.closeProgram("main")
    pause()
    #expect(eventually { !bench.mapExists(id) })
  }

  @Test(
    "R4.18: E11: when the last user goes every slot is emptied, and the targets are freed",
    arguments: Engine.all)
  func lastUser(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let seven = try bench.programID("seven")
    bench.closeProgram("seven")
    #expect(try bench.run("main") == 7)
    bench.closeMap("slots")
    #expect(eventually { (try? bench.run("main")) == 99 })
    #expect(eventually { !bench.programExists(seven) })
  }

  @Test("R4.18: E11: another user keeps the slots filled", arguments: Engine.all)
  func otherUser(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.openMap("again", id: bench.mapID("slots"))
    bench.closeMap("slots")
    pause()
    #expect(try bench.run("main") == 7)
    bench.closeMap("again")
    #expect(eventually { (try? bench.run("main")) == 99 })
  }

  @Test("R4.18: a duplicated handle is a user too")
  func duplicate() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 1)
    try bench.load("main", Text.hop(0, missed: 99))
    try bench.load("seven", Text.returning(7))
    try bench.store("seven", in: "slots", at: 0)
    var other = try #require(bench.maps["slots"]).duplicate() as MapHandle?
    bench.closeMap("slots")
    #expect(try bench.run("main") == 7)
    #expect(other?.definition.maxEntries == 1)
    other = nil
    #expect(try bench.run("main") == 99)
  }

  @Test("R4.19: an array can be opened again by id, and be filled", arguments: Engine.all)
  func reopen(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let id = try bench.mapID("slots")
    bench.closeMap("slots")
    #expect(eventually { (try? bench.run("main")) == 99 })
    try bench.openMap("slots", id: id)
    try bench.store("seven", in: "slots", at: 0)
    #expect(try bench.run("main") == 7)
    bench.closeMap("slots")
    #expect(eventually { (try? bench.run("main")) == 99 })
  }

  @Test(
    "R4.20: UC8: whoever shall find the chain filled later has to keep a reference",
    arguments: Engine.all)
  func keeper(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let id = try bench.mapID("slots")
    // The host keeps one, the loader goes.
    try bench.openMap("kept", id: id)
    bench.closeMap("slots")
    bench.closeProgram("seven")
    pause()
    #expect(try bench.run("main") == 7)
    bench.closeMap("kept")
    #expect(eventually { (try? bench.run("main")) == 99 })
  }

  @Test("R4.21: E11: a program in a slot of its own array is freed", arguments: Engine.all)
  func selfCycle(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 1)
    try bench.load("main", Text.hop(0, missed: 5))
    try bench.store("main", in: "slots", at: 0)
    let (program, map) = (try bench.programID("main"), try bench.mapID("slots"))
    #expect(try bench.run("main") == 5)
    bench.closeProgram("main")
    #expect(bench.programExists(program))
    bench.closeMap("slots")
    pause()
    #expect(eventually { !bench.programExists(program) })
    #expect(eventually { !bench.mapExists(map) })
  }

  @Test("R4.21: E11: two programs in each other's arrays are freed", arguments: Engine.all)
  func mutualCycle(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeSlots("a", 1)
    try bench.makeSlots("b", 1)
    try bench.load("one", Text.hop(0, in: "b", missed: 1))
    try bench.load("two", Text.hop(0, in: "a", missed: 2))
    try bench.store("one", in: "a", at: 0)
    try bench.store("two", in: "b", at: 0)
    #expect(try bench.run("one") == 2)
    let programs = try [bench.programID("one"), bench.programID("two")]
    let maps = try [bench.mapID("a"), bench.mapID("b")]
    for name in ["one", "two"] { bench.closeProgram(name) }
    for name in ["a", "b"] { bench.closeMap(name) }
    pause()
    #expect(eventually { !programs.contains { bench.programExists($0) } })
    #expect(eventually { !maps.contains { bench.mapExists($0) } })
  }

  @Test("R4.21: a whole runtime goes with its cycles")
  func wholeRuntime() throws {
    weak var runtime: Runtime?
    weak var program: Program?
    do {
      let bench = try RuntimeBench(.checked)
      try bench.makeSlots("slots", 1)
      try bench.load("main", Text.hop(0, missed: 5))
      try bench.store("main", in: "slots", at: 0)
      #expect(try bench.run("main") == 5)
      (runtime, program) = (bench.runtime, bench.programs["main"])
      #expect(runtime != nil)
      #expect(program != nil)
    }
    #expect(program == nil)
    #expect(runtime == nil)
  }

  @Test("R4.22: the id of a freed program finds nothing", arguments: Engine.all)
  func identifiers(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let seven = try bench.programID("seven")
    #expect(bench.programExists(seven))
    try bench.empty("slots", at: 0)
    #expect(bench.programExists(seven))
    bench.closeProgram("seven")
    #expect(eventually { !bench.programExists(seven) })
  }

  /// What ``duringRun`` does when a program calls it; only the test below uses it.
  static let action = Mutex<(@Sendable () -> Void)?>(nil)

  /// A helper that lets a test act while a program runs.
  static let duringRun = Helper(
    number: 0x10001, name: "during_run", arguments: []
  ) { _, _, _, _, _, _ in
    TailCallLifetimeTests.action.withLock { $0 }?()
    return 0
  }

  @Test("R4.22: R4.7: a program that leaves its slot lives until the run inside it is over")
  func inFlight() throws {
    let type = ProgramType(
      number: 0x10001, name: "test", context: .plain(byteCount: 8),
      helpers: [Self.duringRun])
    for mode in [CPU.Mode.checked, .unchecked] {
      let runtime = Runtime()
      let cpu = try runtime.makeCPU()
      let slots = try runtime.makeMap(
        MapDefinition(
          name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 1))
      func load(_ name: String, _ text: String) throws -> Program {
        try runtime.load(
          RuntimeBench.source(name, BenchProgram(text, type), ["slots": slots]))
      }
      let main = try load("main", Text.hop(0, missed: 99))
      weak var target: Program?
      var id: UInt32 = 0
      do {
        let program = try load("target", "call 65537\nr0 = 7\nr0 += 1\nexit")
        (target, id) = (program, program.id)
        try slots.update(littleEndian(0), littleEndian(program.id))
      }
      #expect(target != nil)
      let wasThere = Atomic<Bool>(false)
      Self.action.withLock { action in
        action = { [weak target] in
          try? slots.delete(littleEndian(0))
          wasThere.store(target != nil, ordering: .relaxed)
        }
      }
      let context = try Context(layout: type.context)
      #expect(try cpu.run(main, in: context, mode: mode).returnValue == 8)
      let lived = wasThere.load(ordering: .relaxed)
      #expect(lived)
      #expect(target == nil)
      #expect(runtime.program(id: id) == nil)
      #expect(try cpu.run(main, in: context, mode: mode).returnValue == 99)
      Self.action.withLock { $0 = nil }
    }
  }
}
