import BPFRuntime
import TestSupport
import Testing

/// Spin locks in values, which programs take and user space asks for.
@Suite("Spin locks against Linux", .serialized)
struct SpinLockComparisonTests {
  /// Adds what the packet's first byte says to both words behind the lock.
  private static let text = """
    r2 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r2
    r4 += 1
    r0 = 9
    if r4 > r3 goto out
    r8 = *(u8 *)(r2 +0)
    *(u32 *)(r10 -4) = 1
    r1 = map[values]
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto out
    r6 = r0
    r1 = r6
    r1 += 4
    call 93
    r1 = *(u64 *)(r6 +8)
    r1 += r8
    *(u64 *)(r6 +8) = r1
    r2 = *(u64 *)(r6 +16)
    r2 += r8
    *(u64 *)(r6 +16) = r2
    r1 = r6
    r1 += 4
    call 94
    r0 = 0
    out: exit
    """

  /// Updates the same value with the flags in the packet's first byte.
  private static let update = """
    r2 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r2
    r4 += 1
    r0 = 9
    if r4 > r3 goto out
    r4 = *(u8 *)(r2 +0)
    *(u32 *)(r10 -4) = 1
    *(u64 *)(r10 -32) = -1
    *(u64 *)(r10 -24) = 7
    *(u64 *)(r10 -16) = 8
    r1 = map[values]
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -32
    call 2
    out: exit
    """

  private func packet(_ first: UInt8) -> BenchInput {
    .packet([first] + [UInt8](repeating: 0, count: 59))
  }

  @Test(
    "programs change a value under its lock, user space reads and writes it whole",
    arguments: Engine.all, [MapType.hash, .array])
  func locks(engine: Engine, type: MapType) throws {
    let bench = try engine.bench()
    try bench.makeMap(
      "values",
      MapDefinition(
        name: "values", type: type, keySize: 4, valueSize: 24, maxEntries: 4, lockOffset: 4))
    let key = littleEndian(1)
    func value(_ head: UInt32, _ words: UInt64...) -> [UInt8] {
      littleEndian(head) + littleEndian(0) + words.flatMap { bytes($0) }
    }
    try bench.load("add", BenchProgram(Self.text, .xdp))
    try bench.load("update", BenchProgram(Self.update, .xdp))
    // No element yet in a hash: nothing happens.
    #expect(try bench.run("add", packet(3)).value == 0)
    // What stands where the lock is does not get in.
    let noise = littleEndian(5) + littleEndian(.max) + bytes(UInt64(10)) + bytes(UInt64(10))
    for flags in [0, 4, 2, 6] as [UInt64] {
      try bench.update("values", key, noise, flags: flags)
      #expect(try bench.lookup("values", key, flags: 0) == value(5, 10, 10))
      #expect(try bench.run("add", packet(3)).value == 0)
      #expect(try bench.run("add", packet(4)).value == 0)
      #expect(try bench.lookup("values", key, flags: 4) == value(5, 17, 17))
    }
    for (flags, result) in [
      (0, 0), (4, 0), (6, 0), (1, -17), (5, -17), (3, -22), (7, -22), (8, -22),
    ] {
      #expect(
        try bench.run("update", packet(UInt8(flags))).value
          == UInt32(bitPattern: Int32(result)), "\(flags)")
      #expect(try bench.lookup("values", key, flags: 4) == value(.max, 7, 8))
    }
    expectRefusal(.exists) { try bench.update("values", key, noise, flags: 5) }
    expectRefusal(.invalid) { try bench.update("values", key, noise, flags: 8) }
    expectRefusal(.invalid) { _ = try bench.lookup("values", key, flags: 1) }
    expectRefusal(.invalid) { _ = try bench.lookup("values", key, flags: 5) }
  }

  @Test("a value without a lock refuses the lock flag", arguments: Engine.all)
  func noLock(engine: Engine) throws {
    let bench = try engine.bench()
    for type in [MapType.hash, .array, .lruHash] {
      try bench.makeMap(
        "values",
        MapDefinition(name: "values", type: type, keySize: 4, valueSize: 24, maxEntries: 4))
      let (key, value) = (littleEndian(1), [UInt8](repeating: 0, count: 24))
      try bench.update("values", key, value, flags: 0)
      expectRefusal(.invalid) { _ = try bench.lookup("values", key, flags: 4) }
      expectRefusal(.invalid) { try bench.update("values", key, value, flags: 4) }
      try bench.load("update", BenchProgram(Self.update, .xdp))
      #expect(try bench.run("update", packet(4)).value == 0 &- 22)
    }
  }
}
