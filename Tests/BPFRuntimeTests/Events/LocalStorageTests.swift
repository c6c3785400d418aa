import BPFRuntime
import TestSupport
import Testing

@Suite("Values of objects", .serialized)
struct LocalStorageTests {
  /// Packets of a control group (8), where helper 81 works in Linux.
  private static let packets = ProgramType(
    number: 8, name: "cgroup_skb", context: .plain(byteCount: 192), helpers: Helper.base)

  private func definition(_ type: UInt32, value: UInt32 = 8) -> MapDefinition {
    var definition = MapDefinition(
      MapShape(type, key: 4, value: value, entries: 0, flags: 1))
    definition.hasTypes = true
    return definition
  }

  @Test(
    "creation needs types, NO_PREALLOC and no capacity", arguments: [24, 28, 29, 32] as [UInt32])
  func creation(type: UInt32) throws {
    let runtime = Runtime()
    _ = try runtime.makeMap(definition(type))
    var others = [MapDefinition](repeating: definition(type), count: 6)
    others[0].hasTypes = false
    others[1].flags = []
    others[2].maxEntries = 1
    others[3].keySize = 8
    others[4].valueSize = 0
    others[5].flags.insert(.readOnly)
    for other in others {
      #expect(throws: LinuxError.invalid, "\(other)") { try runtime.makeMap(other) }
    }
  }

  @Test("Linux refuses the same without types", arguments: EventMapTables.engines)
  func untyped(engine: Engine) throws {
    let bench = try engine.bench()
    for type in [24, 28, 29, 32] as [UInt32] {
      for shape in [MapShape(type, entries: 0, flags: 1), MapShape(type, flags: 1), MapShape(type)]
      {
        expectRefusal(.invalid, "\(shape)") {
          try bench.makeMap("map", MapDefinition(shape))
        }
      }
    }
  }

  private static let groupCreations: [(MapShape, Int32)] = [
    (MapShape(19, key: 16, entries: 0), 0), (MapShape(19, key: 8, entries: 0), 0),
    (MapShape(19, key: 4, entries: 0), 22), (MapShape(19, key: 16, entries: 1), 22),
    (MapShape(19, key: 16, value: 0, entries: 0), 22),
    (MapShape(19, key: 16, entries: 0, flags: 1), 22),
    (MapShape(19, key: 16, entries: 0, flags: 8), 0),
    (MapShape(19, key: 16, entries: 0, flags: 4), 0), (MapShape(21, key: 16, entries: 0), 0),
    (MapShape(21, key: 16, value: 32768, entries: 0), 0),
    (MapShape(21, key: 16, value: 32769, entries: 0), 7),
  ]

  @Test("storages of control groups are created as in Linux", arguments: EventMapTables.engines)
  func groupCreation(engine: Engine) throws {
    let bench = try engine.bench()
    for (shape, expected) in Self.groupCreations {
      var errno: Int32 = 0
      do throws(BenchError) {
        try bench.makeMap("map", MapDefinition(shape))
      } catch {
        errno = error.errno?.rawValue ?? -1
      }
      #expect(errno == expected, "\(shape)")
    }
  }

  @Test(
    "user space finds no value of a group that nothing runs for", arguments: EventMapTables.engines)
  func groupOperations(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeMap("map", MapDefinition(MapShape(19, key: 16, entries: 0)))
    let key = [UInt8](repeating: 9, count: 16)
    expectRefusal(.noEntry) { _ = try bench.lookup("map", key, flags: 0) }
    expectRefusal(.noEntry) { try bench.update("map", key, bytes(UInt64(1)), flags: 0) }
    expectRefusal(.noEntry) { try bench.update("map", key, bytes(UInt64(1)), flags: 2) }
    expectRefusal(.invalid) { try bench.update("map", key, bytes(UInt64(1)), flags: 1) }
    expectRefusal(.invalid) { try bench.delete("map", key) }
  }

  private static let count = """
    r1 = map[storage]
    r2 = 0
    call 81
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r0 = r1
    exit
    """

  @Test("each group has a value of its own", arguments: Engine.ours)
  func groups(engine: Engine) throws {
    for type in [19, 21] as [UInt32] {
      let bench = try RuntimeBench(engine)
      try bench.makeMap("storage", MapDefinition(MapShape(type, key: 16, entries: 0)))
      try bench.load("count", Self.count)
      for (owner, expected) in [(5, 1), (5, 2), (6, 1), (5, 3)] as [(UInt64, UInt32)] {
        bench.cpu.storageOwner = owner
        #expect(try bench.run("count", 0) == expected)
      }
      let storage = try #require(bench.maps["storage"])
      #expect(storage.storage(of: 5)?.prefix(8) == bytes(UInt64(3))[...])
      #expect(storage.storage(of: 7) == nil)
    }
  }

  /// Takes the object's number in the first word, the flags in the second.
  private static let get = """
    *(u64 *)(r10 -8) = 40
    r2 = *(u64 *)(r1 +0)
    r4 = *(u64 *)(r1 +8)
    r1 = map[storage]
    r3 = r10
    r3 += -8
    call 107
    if r0 == 0 goto none
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r0 = r1
    exit
    none: r0 = 0
    exit
    """

  @Test("an object's value is made on demand and goes when it is removed", arguments: Engine.ours)
  func objects(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    try bench.makeMap("storage", definition(24))
    try bench.load("get", Self.get)
    try bench.load(
      "delete", "r2 = *(u64 *)(r1 +0)\nr1 = map[storage]\ncall 108\nexit")
    #expect(try bench.run("get", 0x1000, 0) == 0)
    #expect(try bench.run("get", 0x1000, 2) == 0)
    #expect(try bench.run("get", 0, 1) == 0)
    #expect(try bench.run("get", 0x1000, 1) == 41)
    #expect(try bench.run("get", 0x1000, 0) == 42)
    #expect(try bench.run("get", 0x2000, 1) == 41)
    #expect(try bench.run("delete", 0x1000) == 0)
    #expect(try bench.run("delete", 0x1000) == 0 &- 2)
    #expect(try bench.run("delete", 0) == 0 &- 22)
    #expect(try bench.run("get", 0x1000, 0) == 0)
    let storage = try #require(bench.maps["storage"])
    try storage.setStorage(bytes(UInt64(7)), of: 0x3000)
    #expect(try bench.run("get", 0x3000, 0) == 8)
    try storage.removeStorage(of: 0x3000)
    #expect(throws: LinuxError.noEntry) { try storage.removeStorage(of: 0x3000) }
    expectRefusal(.badDescriptor) { _ = try bench.lookup("storage", littleEndian(3), flags: 0) }
  }

  private func storages(_ engine: Engine) throws -> any Bench {
    let bench = try engine.bench()
    for (name, type) in [("one", 19), ("two", 19), ("percpu", 21)] as [(String, UInt32)] {
      try bench.makeMap(name, MapDefinition(MapShape(type, key: 16, entries: 0)))
    }
    try bench.makeSlots("slots", 2)
    return bench
  }

  private func program(_ storage: String? = nil, hops: Bool = false) -> BenchProgram {
    var text = "r6 = r1\n"
    if let storage { text += "r1 = map[\(storage)]\nr2 = 0\ncall 81\n" }
    if hops { text += "r1 = r6\nr2 = map[slots]\nr3 = 0\ncall 12\n" }
    return BenchProgram(text + "r0 = 1\nexit", Self.packets)
  }

  @Test(
    "R3.4 and E14: programs of one array share the storage of their group", arguments: Engine.all)
  func sharedStorage(engine: Engine) throws {
    let bench = try storages(engine)
    try bench.load("user", program("one", hops: true))
    try bench.load("same", program("one"))
    try bench.store("same", in: "slots", at: 0)
    try bench.load("none", program())
    try bench.store("none", in: "slots", at: 1)
    for other in ["two", "percpu"] {
      try bench.load("other", program(other))
      expectRefusal(.invalid, "\(other)") { try bench.store("other", in: "slots", at: 0) }
    }
  }

  @Test("R3.4: a program with a storage does not get into an array without", arguments: Engine.all)
  func noStorage(engine: Engine) throws {
    let bench = try storages(engine)
    try bench.load("user", program(hops: true))
    try bench.load("other", program("one"))
    expectRefusal(.invalid) { try bench.store("other", in: "slots", at: 0) }
  }

  @Test("R3.4 and E15: a program without a storage is no bridge to one with", arguments: Engine.all)
  func bridge(engine: Engine) throws {
    let bench = try storages(engine)
    try bench.load("user", program("two", hops: true))
    expectRefusal(.invalid) { try bench.load("bridge", program(hops: true)) }
  }
}
