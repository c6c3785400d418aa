import BPFRuntime
import TestSupport
import Testing

/// Two arrays, a map, and programs that return numbers; `main` goes through `a[0]`, `pair` through
/// both arrays.
struct ChainWorld {
  let bench: RuntimeBench

  init(_ engine: Engine) throws {
    bench = try RuntimeBench(engine)
    try bench.makeSlots("a", 4)
    try bench.makeSlots("b", 4)
    try bench.makeMap(
      "values",
      MapDefinition(name: "values", type: .hash, keySize: 4, valueSize: 8, maxEntries: 2))
    try bench.load("main", Text.hop(0, in: "a", missed: 99))
    try bench.load("other", Text.hop(0, in: "b", missed: 98))
    for number in 1...6 { try bench.load("p\(number)", Text.returning(number)) }
  }

  var runtime: Runtime { bench.runtime }
  func map(_ name: String) throws -> MapHandle { try #require(bench.maps[name]) }
  func program(_ name: String) throws -> Program { try #require(bench.programs[name]) }
  var results: [UInt32] { get throws { [try bench.run("main"), try bench.run("other")] } }

  /// A transaction that puts programs into slot 0 of both arrays.
  func transaction(
    _ first: String, _ second: String, conflicts: ChainTransaction.ConflictPolicy = .fail
  ) throws -> ChainTransaction {
    var change = runtime.beginTransaction(note: "\(first) \(second)", conflicts: conflicts)
    try change.set(program(first), in: map("a"), at: 0)
    try change.set(program(second), in: map("b"), at: 0)
    return change
  }
}

@Suite("Transactions change any number of slots together")
struct TransactionTests {
  @Test("later runs see all of it", arguments: Engine.ours)
  func commit(engine: Engine) throws {
    let world = try ChainWorld(engine)
    #expect(try world.results == [99, 98])
    let first = try world.transaction("p1", "p2").commit()
    #expect(first.number == 2)
    #expect(try world.results == [1, 2])
    var change = try world.transaction("p3", "p4")
    try change.set(world.program("p5"), in: world.map("a"), at: 3)
    #expect(try world.results == [1, 2], "staging changes nothing")
    let second = try change.commit()
    #expect(second.note == "p3 p4")
    #expect(
      second.changes.map(\.description) == [
        "a[0]: p1 -> p3", "a[3]: empty -> p5", "b[0]: p2 -> p4",
      ])
    #expect(try world.results == [3, 4])
    #expect(try world.map("a").programs.map(\.program.name) == ["p3", "p5"])
    change = world.runtime.beginTransaction()
    try change.clear(world.map("a"), at: 0)
    try change.clear(world.map("b"), at: 1)
    #expect(try change.check().map(\.description) == ["a[0]: p3 -> empty"])
    try change.commit()
    #expect(try world.results == [99, 4])
    #expect(world.runtime.generation.number == 4)
  }

  @Test("plain updates work on what a transaction left", arguments: Engine.ours)
  func plainAfterwards(engine: Engine) throws {
    let world = try ChainWorld(engine)
    try world.transaction("p1", "p2").commit()
    try world.bench.store("p5", in: "a", at: 0)
    #expect(try world.results == [5, 2])
    try world.bench.empty("b", at: 0)
    #expect(try world.results == [5, 98])
    #expect(world.runtime.generation.number == 2, "a plain update makes no generation")
  }

  @Test("arrays that are made later are part of the current generation", arguments: Engine.ours)
  func laterArrays(engine: Engine) throws {
    let world = try ChainWorld(engine)
    try world.transaction("p1", "p2").commit()
    try world.bench.makeSlots("c", 1)
    try world.bench.load("third", Text.hop(0, in: "c", missed: 97))
    #expect(try world.bench.run("third") == 97)
    var change = world.runtime.beginTransaction()
    try change.set(world.program("p6"), in: world.map("c"), at: 0)
    try change.commit()
    #expect(try world.bench.run("third") == 6)
    #expect(try world.results == [1, 2])
  }

  @Test("an array gets the place of one that is gone")
  func reusedPlaces() throws {
    let world = try ChainWorld(.unchecked)
    for round in 0..<200 {
      try world.bench.makeSlots("c", 1)
      try world.bench.load("third", Text.hop(0, in: "c", missed: 97))
      #expect(try world.bench.run("third") == 97, "round \(round)")
      try world.bench.store("p1", in: "c", at: 0)
      #expect(try world.bench.run("third") == 1)
      if round % 3 == 0 { try world.transaction("p1", "p2").commit() }
      world.bench.closeProgram("third")
      world.bench.closeMap("c")
    }
    #expect(try world.results == [1, 2])
  }

  @Test("values are written with the slots, in the order of staging", arguments: Engine.ours)
  func values(engine: Engine) throws {
    let world = try ChainWorld(engine)
    let values = try world.map("values")
    var change = try world.transaction("p1", "p2")
    let (one, two) = ([UInt8](repeating: 1, count: 8), [UInt8](repeating: 2, count: 8))
    try change.write(one, for: littleEndian(7), in: values)
    try change.write(two, for: littleEndian(7), in: values)
    try change.remove(littleEndian(8), from: values)
    try change.commit()
    #expect(try values.lookup(littleEndian(7)) == two)
    try world.runtime.rollBack(to: 1)
    #expect(throws: LinuxError.noEntry) { try values.lookup(littleEndian(7)) }
    try world.runtime.rollBack(to: 2)
    #expect(try values.lookup(littleEndian(7)) == two)
  }

  @Test("a value that cannot be written leaves everything as it was")
  func valueRefused() throws {
    let world = try ChainWorld(.checked)
    let values = try world.map("values")
    try values.update(littleEndian(1), [UInt8](repeating: 1, count: 8))
    var change = try world.transaction("p1", "p2")
    for key in UInt32(1)...3 {
      try change.write([UInt8](repeating: 9, count: 8), for: littleEndian(key), in: values)
    }
    #expect(throws: ChainError.value(map: "values", error: .tooBig)) { try change.commit() }
    #expect(try world.results == [99, 98])
    #expect(try values.keys() == [littleEndian(1)])
    #expect(try values.lookup(littleEndian(1)) == [UInt8](repeating: 1, count: 8))
    #expect(try world.map("a").ownerType == 17)
    #expect(world.runtime.generation.number == 1)
  }

  @Test("what cannot be staged says why")
  func refusedStaging() throws {
    let world = try ChainWorld(.checked)
    let stranger = try ChainWorld(.checked)
    var change = world.runtime.beginTransaction()
    let p1 = try world.program("p1")
    #expect(throws: ChainError.notAnArray(map: "values")) {
      try change.set(p1, in: world.map("values"), at: 0)
    }
    #expect(throws: ChainError.noSuchSlot(array: "a", index: 4, count: 4)) {
      try change.set(p1, in: world.map("a"), at: 4)
    }
    #expect(throws: ChainError.foreign(name: "a")) {
      try change.set(p1, in: stranger.map("a"), at: 0)
    }
    #expect(throws: ChainError.foreign(name: "p1")) {
      try change.set(stranger.program("p1"), in: world.map("a"), at: 0)
    }
    #expect(throws: ChainError.arrayOfPrograms(map: "a")) {
      try change.write([0, 0, 0, 0], for: [0, 0, 0, 0], in: world.map("a"))
    }
    #expect(throws: ChainError.value(map: "values", error: .invalid)) {
      try change.write([1], for: [0, 0, 0, 0], in: world.map("values"))
    }
    #expect(change.isEmpty)
  }

  @Test("R3.7: R4.13: one program that does not fit, or a frozen array, stops all of it")
  func incompatible() throws {
    let world = try ChainWorld(.checked)
    try world.bench.load("filter", BenchProgram("r0 = 0\nexit", .number(1)))
    var change = try world.transaction("p1", "p2")
    try change.set(world.program("filter"), in: world.map("b"), at: 1)
    let error = #expect(throws: ChainError.self) { try change.commit() }
    guard case .incompatible("filter", "b", 1, let reason)? = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(reason.contains("raw_tracepoint") && reason.contains("socket_filter"))
    #expect(try world.results == [99, 98])
    // Two programs of different kinds in an array that nobody owns yet.
    try world.bench.makeSlots("free", 2)
    change = world.runtime.beginTransaction()
    try change.set(world.program("p1"), in: world.map("free"), at: 0)
    try change.set(world.program("filter"), in: world.map("free"), at: 1)
    #expect(throws: ChainError.self) { try change.commit() }
    #expect(try world.map("free").ownerType == nil)
    try world.map("b").freeze()
    #expect(throws: ChainError.notWritable(map: "b")) {
      try world.transaction("p1", "p2").commit()
    }
    #expect(try world.results == [99, 98])
  }

  @Test("a slot that somebody else changed is a conflict that names it")
  func conflicts() throws {
    let world = try ChainWorld(.checked)
    let mine = try world.transaction("p1", "p2")
    try world.transaction("p3", "p4").commit()
    let error = #expect(throws: ChainError.self) { try mine.commit() }
    guard case .conflict(let conflict)? = error else {
      Issue.record("\(error as Any)")
      return
    }
    #expect(conflict.array == "a")
    #expect(conflict.index == 0)
    #expect(conflict.found == "p3")
    #expect(conflict.base == 1)
    #expect(conflict.current == 2)
    #expect(throws: ChainError.self) { try mine.check() }
    #expect(try world.results == [3, 4])
    // A plain update counts as well; slots that are not staged do not.
    var later = try world.transaction("p5", "p6")
    try world.bench.store("p1", in: "a", at: 1)
    try later.commit()
    later = try world.transaction("p1", "p2")
    try world.bench.empty("b", at: 0)
    #expect(throws: ChainError.self) { try later.commit() }
    later.conflicts = .overwrite
    try later.commit()
    #expect(try world.results == [1, 2])
  }
}
