import BPFCompiler
import Synchronization
import TestSupport
import Testing

@testable import BPFRuntime

@Suite("A run keeps the generation that it started with", .serialized)
struct GenerationTests {
  /// What ``duringRun`` does when a program calls it; the suite is serialised for it.
  static let action = Synchronization.Mutex<(@Sendable () -> Void)?>(nil)

  static let duringRun = Helper(
    number: 0x10002, name: "during_run", arguments: []
  ) { _, _, _, _, _, _ in
    GenerationTests.action.withLock { $0 }?()
    return 0
  }

  static let type = ProgramType(
    number: 0x10002, name: "test", context: .plain(byteCount: 8), helpers: [duringRun])

  /// `main` lets the test act, then goes on through `slots[0]`; `targets` return 1, 2, 3.
  struct World {
    let runtime: Runtime
    let cpu: CPU
    let slots: MapHandle
    let main: Program
    var targets: [Program] = []
    let mode: CPU.Mode

    init(_ engine: Engine) throws {
      mode = engine == .unchecked ? .unchecked : .checked
      let machine: Runtime.Engine = engine == .compiled ? .compiled : .interpreter
      runtime = Runtime(compiler: engine == .compiled ? .x86() : nil)
      cpu = try runtime.makeCPU()
      let slots = try runtime.makeMap(
        MapDefinition(name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 4))
      self.slots = slots
      let runtime = runtime
      func load(_ name: String, _ text: String) throws -> Program {
        try runtime.loadUnverified(
          RuntimeBench.source(name, BenchProgram(text, GenerationTests.type), ["slots": slots]),
          engine: machine)
      }
      main = try load(
        "main", Text.lines(Text.begin, "call 65538", Text.tail(0), Text.leave(99)))
      for number in 1...3 { targets.append(try load("p\(number)", Text.returning(number))) }
    }

    func run(_ during: @escaping @Sendable () -> Void) throws -> UInt64 {
      GenerationTests.action.withLock { $0 = during }
      defer { GenerationTests.action.withLock { $0 = nil } }
      return try cpu.run(main, in: Context(layout: GenerationTests.type.context), mode: mode)
        .returnValue
    }
  }

  @Test("a transaction in the middle of a run is for the next one", arguments: Engine.ours)
  func midRun(engine: Engine) throws {
    let world = try World(engine)
    try world.slots.setProgram(world.targets[0], at: 0)
    let (runtime, slots, targets) = (world.runtime, world.slots, world.targets)
    let result = try world.run {
      var change = runtime.beginTransaction()
      try? change.set(targets[1], in: slots, at: 0)
      _ = try? change.commit()
    }
    #expect(result == 1)
    #expect(try world.run {} == 2)
  }

  @Test("a plain update in the middle of a run is seen at once", arguments: Engine.ours)
  func plainMidRun(engine: Engine) throws {
    let world = try World(engine)
    try world.slots.setProgram(world.targets[0], at: 0)
    let (slots, targets) = (world.slots, world.targets)
    #expect(try world.run { try? slots.setProgram(targets[1], at: 0) } == 2)
    #expect(try world.run { try? slots.delete(littleEndian(0)) } == 99)
  }

  @Test(
    "a plain update after a transaction is not seen by a run from before it",
    arguments: Engine.ours)
  func plainAfterTransaction(engine: Engine) throws {
    let world = try World(engine)
    try world.slots.setProgram(world.targets[0], at: 0)
    let (runtime, slots, targets) = (world.runtime, world.slots, world.targets)
    let result = try world.run {
      var change = runtime.beginTransaction()
      try? change.set(targets[1], in: slots, at: 0)
      _ = try? change.commit()
      try? slots.setProgram(targets[2], at: 0)
    }
    #expect(result == 1)
    #expect(try world.run {} == 3)
  }

  @Test("what a generation leaves behind lives until its last run is over", arguments: Engine.ours)
  func lifetime(engine: Engine) throws {
    var world = try World(engine)
    world.runtime.generationLimit = 0
    weak let first = world.targets[0]
    let second = world.targets[1]
    try world.slots.setProgram(world.targets[0], at: 0)
    world.targets = []
    #expect(first != nil)
    let wasThere = Atomic<Bool>(false)
    let (runtime, slots) = (world.runtime, world.slots)
    let result = try world.run { [weak first] in
      var change = runtime.beginTransaction()
      try? change.set(second, in: slots, at: 0)
      _ = try? change.commit()
      // Many tables come and go meanwhile; the run's own must not be used again.
      for _ in 0..<20 { _ = try? change.commit() }
      change.conflicts = .overwrite
      for _ in 0..<20 { _ = try? change.commit() }
      wasThere.store(first != nil, ordering: .relaxed)
    }
    #expect(result == 1)
    let lived = wasThere.load(ordering: .relaxed)
    #expect(lived)
    #expect(first == nil)
  }

  @Test("rolling back restores slots as they were when the generation ended")
  func rollBack() throws {
    let world = try ChainWorld(.checked)
    try world.bench.store("p1", in: "a", at: 0)
    try world.transaction("p2", "p3").commit()
    try world.bench.store("p4", in: "a", at: 0)
    try world.bench.store("p5", in: "b", at: 2)
    try world.transaction("p6", "p6").commit()
    try world.bench.empty("b", at: 2)
    #expect(world.runtime.keptGenerations.map(\.number) == [1, 2])
    let back = try world.runtime.rollBack(to: 2)
    #expect(back.number == 4)
    #expect(back.note == "back to generation 2")
    #expect(try world.results == [4, 3], "with the plain updates of its time")
    #expect(try world.map("b").program(at: 2)?.name == "p5")
    try world.runtime.rollBack(to: 1)
    #expect(try world.results == [1, 98])
    #expect(try world.map("b").program(at: 2) == nil)
    try world.runtime.rollBack(to: 3)
    #expect(try world.results == [6, 6])
    #expect(try world.map("b").program(at: 2) == nil, "it was emptied before generation 3 ended")
    #expect(throws: ChainError.noSuchGeneration(77, kept: [1, 2, 3, 4, 5])) {
      try world.runtime.rollBack(to: 77)
    }
  }

  @Test("kept generations keep their programs, and only so many are kept")
  func keptPrograms() throws {
    let world = try ChainWorld(.checked)
    world.runtime.generationLimit = 2
    weak let first = try world.program("p1")
    try world.transaction("p1", "p2").commit()
    world.bench.closeProgram("p1")
    try world.transaction("p3", "p4").commit()
    try world.transaction("p5", "p6").commit()
    #expect(world.runtime.keptGenerations.map(\.number) == [2, 3])
    #expect(first != nil)
    try world.runtime.rollBack(to: 2)
    #expect(try world.results == [1, 2])
    try world.transaction("p3", "p4").commit()
    try world.transaction("p5", "p6").commit()
    try world.transaction("p3", "p4").commit()
    #expect(first == nil)
    try #expect(world.results == [3, 4])
    world.runtime.generationLimit = 0
    #expect(world.runtime.keptGenerations.isEmpty)
    #expect(throws: ChainError.self) { try world.runtime.rollBack(to: 6) }
  }

  @Test("R4.18: R4.21: the history keeps nothing of an array whose last user is gone")
  func lastUser() throws {
    let world = try ChainWorld(.checked)
    weak let first = try world.program("p1")
    try world.transaction("p1", "p2").commit()
    world.bench.closeProgram("p1")
    try world.transaction("p3", "p4").commit()
    #expect(first != nil)
    world.bench.closeMap("a")
    #expect(first == nil)
    #expect(try world.results == [99, 4])
    try world.runtime.rollBack(to: 2)
    #expect(try world.results == [99, 2])
  }

  @Test("a whole runtime goes with its history")
  func wholeRuntime() throws {
    weak var runtime: Runtime?
    weak var program: Program?
    weak var table: TablePool.Lease?
    do {
      let world = try ChainWorld(.checked)
      for _ in 0..<3 {
        try world.transaction("main", "other", conflicts: .overwrite).commit()
      }
      (runtime, program) = (world.runtime, world.bench.programs["main"])
      table = world.runtime.chains.rewire { $0.current }
    }
    #expect(runtime == nil)
    #expect(program == nil)
    #expect(table == nil)
  }
}
