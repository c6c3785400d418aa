import BPFRuntime
import TestSupport
import Testing

@Suite("Ring buffers in every engine", .serialized)
struct RingBufferEngineTests {
  private func bench(_ engine: Engine, _ byteCount: UInt32 = 4096) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeMap(
      "ring",
      MapDefinition(
        name: "ring", type: .ringBuffer, keySize: 0, valueSize: 0, maxEntries: byteCount))
    return bench
  }

  /// Outputs the first word; the second holds flags.
  private func output(_ size: Int) -> String {
    """
    r6 = *(u64 *)(r1 +0)
    r7 = *(u64 *)(r1 +8)
    *(u64 *)(r10 -16) = 0
    *(u64 *)(r10 -8) = r6
    r1 = map[ring]
    r2 = r10
    r2 += -8
    r3 = \(size)
    r4 = r7
    call 130
    exit
    """
  }

  @Test("ringbuf_output takes the flags of the wake-up, and no others", arguments: Engine.all)
  func outputFlags(engine: Engine) throws {
    let bench = try bench(engine)
    try bench.load("output", output(8))
    let cases: [(UInt64, UInt32)] = [
      (0, 0), (1, 0), (2, 0), (3, 0), (4, 22), (8, 22), (1 << 32, 22), (.max, 22),
    ]
    for (flags, errno) in cases {
      #expect(try bench.run("output", flags, flags) == 0 &- errno, "flags \(flags)")
    }
    #expect(try bench.records(of: "ring").map(\.bytes) == (0..<4).map { bytes(UInt64($0)) })
  }

  @Test("records have the size that was asked for, zero included", arguments: Engine.all)
  func sizes(engine: Engine) throws {
    let bench = try bench(engine)
    for size in [0, 1, 5, 7, 8] {
      try bench.load("output", output(size))
      #expect(try bench.run("output", 0x0807_0605_0403_0201, 0) == 0)
    }
    let all: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    #expect(
      try bench.records(of: "ring").map(\.bytes) == [
        [], [1], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], all,
      ])
  }

  @Test("a page holds 255 records of 8 bytes, then EAGAIN", arguments: Engine.all)
  func capacity(engine: Engine) throws {
    let bench = try bench(engine)
    try bench.load("output", output(8))
    for number in 0..<255 as Range<UInt64> { #expect(try bench.run("output", number, 0) == 0) }
    #expect(try bench.run("output", 255, 0) == 0 &- 11)
    #expect(try bench.records(of: "ring").map(\.bytes) == (0..<255).map { bytes(UInt64($0)) })
    #expect(try bench.run("output", 7, 0) == 0)
    #expect(try bench.records(of: "ring").map(\.bytes) == [bytes(UInt64(7))])
  }

  /// Reserves, fills the first word, and submits or discards; 1 when there was no room.
  private func reserve(_ size: Int, flags: Int = 0, giveBack: Int = 132) -> String {
    """
    r6 = *(u64 *)(r1 +0)
    r1 = map[ring]
    r2 = \(size)
    r3 = \(flags)
    call 131
    if r0 == 0 goto none
    *(u64 *)(r0 +0) = r6
    r1 = r0
    r2 = 0
    call \(giveBack)
    r0 = 0
    exit
    none: r0 = 1
    exit
    """
  }

  @Test("reservations that do not fit, or have flags, are refused", arguments: Engine.all)
  func reservations(engine: Engine) throws {
    let bench = try bench(engine)
    let cases: [(size: Int, flags: Int, result: UInt32)] = [
      (8, 0, 0), (8, 1, 1), (8, 2, 1), (8, -1, 1), (4080, 0, 1), (4064, 0, 0), (4096, 0, 1),
      (1 << 28, 0, 1),
    ]
    for item in cases {
      try bench.load("reserve", reserve(item.size, flags: item.flags))
      #expect(try bench.run("reserve", 7) == item.result, "\(item)")
    }
    #expect(try bench.records(of: "ring").map(\.bytes.count) == [8, 4064])
  }

  @Test("what is discarded is not seen, and takes room until it is passed", arguments: Engine.all)
  func discards(engine: Engine) throws {
    let bench = try bench(engine)
    try bench.load("submit", reserve(8))
    try bench.load("discard", reserve(8, giveBack: 133))
    for number in 0..<255 as Range<UInt64> {
      #expect(try bench.run(number % 5 == 0 ? "discard" : "submit", number) == 0)
    }
    #expect(try bench.run("submit", 9) == 1)
    let kept = (0..<255).filter { $0 % 5 != 0 }.map { bytes(UInt64($0)) }
    #expect(try bench.records(of: "ring").map(\.bytes) == kept)
    #expect(try bench.run("submit", 9) == 0)
  }

  @Test("queries tell of positions", arguments: Engine.all)
  func queries(engine: Engine) throws {
    let bench = try bench(engine, 8192)
    try bench.load("submit", reserve(20))
    try bench.load("discard", reserve(8, giveBack: 133))
    try bench.load(
      "query", "r2 = *(u64 *)(r1 +0)\nr1 = map[ring]\ncall 134\nexit")
    func state() throws -> [UInt32] { try (0..<6).map { try bench.run("query", $0) } }
    #expect(try state() == [0, 8192, 0, 0, 0, 0])
    _ = try bench.run("submit", 1)
    _ = try bench.run("discard", 1)
    #expect(try state() == [48, 8192, 0, 48, 0, 0])
    _ = try bench.records(of: "ring")
    _ = try bench.run("submit", 1)
    #expect(try state() == [32, 8192, 48, 80, 0, 0])
    #expect(try bench.run("query", .max) == 0)
  }

  @Test("headers are Linux's, word for word", arguments: Engine.all)
  func headers(engine: Engine) throws {
    let bench = try bench(engine, 16384)
    var position: UInt32 = 0
    for size in [8, 13, 4000, 4096, 16, 5000] as [UInt32] {
      try bench.load("submit", reserve(Int(size)))
      #expect(try bench.run("submit", 7) == 0)
      let record = try #require(try bench.records(of: "ring").first)
      #expect(record.length == size)
      // The data begins on the third page of what Linux keeps for the ring.
      #expect(record.page == 3 + position / 4096)
      position += (size + 15) & ~7
    }
  }
}
