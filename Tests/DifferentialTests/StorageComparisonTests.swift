import BPFRuntime
import TestSupport
import Testing

/// Storages of objects, as far as bpf(2) reaches them without attaching anything.
@Suite("Storages against Linux", .serialized)
struct StorageComparisonTests {
  private static let types: [UInt32] = [24, 28, 29, 32]

  private static func errno(_ body: () throws(BenchError) -> Void) -> Int32 {
    do throws(BenchError) {
      try body()
      return 0
    } catch {
      return error.errno?.rawValue ?? -1
    }
  }

  private static func shape(_ type: UInt32, _ change: (inout MapShape) -> Void = { _ in })
    -> MapShape
  {
    var shape = MapShape(type, entries: 0, flags: 1)
    shape.isTyped = true
    change(&shape)
    return shape
  }

  @Test("typed storages are created and refused as in Linux", .requiresKernel, arguments: types)
  func creation(type: UInt32) throws {
    var shapes = [Self.shape(type)]
    for flags in [0, 2, 3, 5, 9, 17, 129, 257, 513, 1025, 4097] as [UInt32] {
      shapes.append(Self.shape(type) { $0.flags = flags })
    }
    for size in [1, 7, 8, 24, 4096, 32768, 65000, 65536, 1 << 20] as [UInt32] {
      shapes.append(Self.shape(type) { $0.valueSize = size })
    }
    shapes.append(Self.shape(type) { $0.maxEntries = 1 })
    shapes.append(Self.shape(type) { $0.keySize = 8 })
    shapes.append(Self.shape(type) { $0.extra = 1 })
    shapes.append(Self.shape(type) { $0.lockOffset = 4 })
    for shape in shapes {
      let results = try [Engine.checked, .kernel].map { engine in
        let bench = try engine.bench()
        return Self.errno { () throws(BenchError) in
          try bench.makeMap("map", MapDefinition(shape))
        }
      }
      #expect(results[0] == results[1], "\(shape)")
    }
  }

  @Test("user space reaches nothing without a descriptor", .requiresKernel, arguments: types)
  func withoutDescriptor(type: UInt32) throws {
    let results = try [Engine.checked, .kernel].map { engine in
      let bench = try engine.bench()
      try bench.makeMap("map", MapDefinition(Self.shape(type)))
      let key = littleEndian(.max)
      var errors: [Int32] = []
      for flags in [0, 1, 4] as [UInt64] {
        errors.append(
          Self.errno { () throws(BenchError) in _ = try bench.lookup("map", key, flags: flags) })
      }
      for flags in [0, 1, 2, 3, 4] as [UInt64] {
        errors.append(
          Self.errno { () throws(BenchError) in
            try bench.update("map", key, bytes(UInt64(1)), flags: flags)
          })
      }
      errors.append(Self.errno { () throws(BenchError) in try bench.delete("map", key) })
      errors.append(
        Self.errno { () throws(BenchError) in _ = try bench.lookupAndDelete("map", key) })
      errors.append(
        Self.errno { () throws(BenchError) in _ = try bench.nextKey("map", after: nil) })
      return errors
    }
    #expect(results[0] == results[1])
  }

  /// What a program of a task does with the task's value: flags in the first word.
  private static let get = """
    r7 = *(u64 *)(r1 +0)
    *(u64 *)(r10 -8) = 40
    call 158
    r1 = map[storage]
    r2 = r0
    r3 = r10
    r3 += -8
    r4 = r7
    call 156
    if r0 == 0 goto none
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r0 = r1
    exit
    none: r0 = 0
    exit
    """

  private static let delete = """
    call 158
    r1 = map[storage]
    r2 = r0
    call 157
    exit
    """

  @Test("a task's value is made on demand and goes when it is removed", arguments: Engine.all)
  func task(engine: Engine) throws {
    let bench = try engine.bench()
    // Here there is no task that is not declared.
    (bench as? RuntimeBench)?.cpu.environment.process = .declared(
      ProcessIdentity(taskAddress: 0x1000))
    try bench.makeMap("storage", MapDefinition(Self.shape(29)))
    try bench.load("get", Self.get)
    try bench.load("delete", Self.delete)
    #expect(try bench.run("delete") == 0 &- 2)
    #expect(try bench.run("get", 0) == 0)
    #expect(try bench.run("get", 2) == 0)
    #expect(try bench.run("get", 1) == 41)
    #expect(try bench.run("get", 0) == 42)
    #expect(try bench.run("get", 1) == 43)
    #expect(try bench.run("get", 3) == 0)
    #expect(try bench.run("delete") == 0)
    #expect(try bench.run("delete") == 0 &- 2)
    #expect(try bench.run("get", 0) == 0)
    #expect(try bench.run("get", 1) == 41)
  }

  @Test(
    "a group's value begins with zeros and stays for the run", arguments: Engine.all,
    [19, 21] as [UInt32])
  func group(engine: Engine, type: UInt32) throws {
    let groups = try #require(ProgramType.linux(number: 8))
    let bench = try engine.bench()
    try bench.makeMap("storage", MapDefinition(MapShape(type, key: 16, entries: 0)))
    let count = """
      r1 = map[storage]
      r2 = 0
      call 81
      r1 = *(u64 *)(r0 +0)
      r1 += 1
      *(u64 *)(r0 +0) = r1
      """
    try bench.load(
      "count",
      BenchProgram(count + "\n" + count + "\nr0 = 0\nif r1 != 2 goto +1\nr0 = 1\nexit", groups))
    #expect(try bench.run("count", .anyPacket).value == 1)
  }
}
