import BPFRuntime
import TestSupport
import Testing

@Suite("Records of ring buffers behind dynptrs, in every engine", .serialized)
struct RingPointerEngineTests {
  private func bench(_ engine: Engine) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeMap(
      "ring",
      MapDefinition(
        name: "ring", type: .ringBuffer, keySize: 0, valueSize: 0, maxEntries: 4096))
    try bench.makeCounters("out", 8)
    return bench
  }

  /// Reserves as many bytes as the first word says, with the flags of the second; writes and reads
  /// eight bytes at the offset in the third, takes four bytes there directly if there are, and
  /// gives the record back. What each call returned is in `out`.
  private static func text(giveBack: Int) -> String {
    """
    r6 = *(u64 *)(r1 +0)
    r7 = *(u64 *)(r1 +8)
    r8 = *(u64 *)(r1 +16)
    r9 = map[out][0]+0
    r1 = map[ring]
    r2 = r6
    r3 = r7
    r4 = r10
    r4 += -16
    call 198
    *(u64 *)(r9 +0) = r0
    r1 = 0x0807060504030201 ll
    *(u64 *)(r10 -24) = r1
    r1 = r10
    r1 += -16
    r2 = r8
    r3 = r10
    r3 += -24
    r4 = 8
    r5 = 0
    call 202
    *(u64 *)(r9 +8) = r0
    r1 = r10
    r1 += -16
    r2 = r8
    r3 = 4
    call 203
    if r0 == 0 goto none
    r1 = *(u32 *)(r0 +0)
    *(u64 *)(r9 +16) = r1
    r1 = 0x5a
    *(u8 *)(r0 +1) = r1
    none: *(u64 *)(r10 -32) = 0
    r1 = r10
    r1 += -32
    r2 = 8
    r3 = r10
    r3 += -16
    r4 = r8
    r5 = 0
    call 201
    *(u64 *)(r9 +24) = r0
    r1 = *(u64 *)(r10 -32)
    *(u64 *)(r9 +32) = r1
    r1 = r10
    r1 += -16
    r2 = 0
    call \(giveBack)
    r0 = 0
    exit
    """
  }

  private struct Outcome: Equatable {
    var results: [UInt64]
    var records: [[UInt8]]
  }

  private func outcome(
    _ engine: Engine, giveBack: Int, _ words: [UInt64]
  ) throws -> Outcome {
    let bench = try bench(engine)
    try bench.load("main", Self.text(giveBack: giveBack))
    #expect(try bench.run("main", .words(words)).value == 0)
    return Outcome(
      results: try bench.counters("out"), records: try bench.records(of: "ring").map(\.bytes))
  }

  @Test("reserve, write, data, read and submit come to the same", arguments: [199, 200])
  func agreement(giveBack: Int) throws {
    let sizes: [UInt64] = [
      0, 4, 8, 20, 4064, 4080, 4096, 0xff_ffff, 0x100_0000, 1 << 32 | 8, .max,
    ]
    for size in sizes {
      for (flags, offset) in [(0, 0), (0, 4), (0, 12), (0, 13), (0, .max), (1, 0), (.max, 0)]
        as [(UInt64, UInt64)]
      {
        let words = [size, flags, offset]
        let expected = try outcome(.checked, giveBack: giveBack, words)
        for engine in Engine.all {
          #expect(
            try outcome(engine, giveBack: giveBack, words) == expected, "\(engine) \(words)")
        }
      }
    }
  }

  @Test("a record is seen when it is submitted, as it was filled", arguments: Engine.all)
  func submitted(engine: Engine) throws {
    let full = try outcome(engine, giveBack: 199, [8, 0, 0])
    #expect(full.results[..<5] == [0, 0, 0x0403_0201, 0, 0x0807_0605_0403_5a01])
    #expect(full.records == [[1, 0x5a, 3, 4, 5, 6, 7, 8]])
    #expect(try outcome(engine, giveBack: 200, [8, 0, 0]).records.isEmpty)
    let refused = try outcome(engine, giveBack: 199, [8, 1, 0])
    let invalid = LinuxError.invalid.helperResult
    #expect(refused.results[..<5] == [invalid, invalid, 0, invalid, 0])
    #expect(refused.records.isEmpty)
    #expect(
      try outcome(engine, giveBack: 199, [1 << 24, 0, 0]).results[0]
        == LinuxError.tooBig.helperResult)
    #expect(try outcome(engine, giveBack: 199, [4096, 0, 0]).results[0] == invalid)
  }

  @Test("a record that a checked run made up is not given back")
  func forged() throws {
    let bench = try bench(.checked)
    // A pointer to the map's own value, which is no record; and a true one, twice.
    try bench.load(
      "main",
      """
      r1 = map[out][0]+0
      *(u64 *)(r10 -16) = r1
      r1 = 8
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -16
      r2 = 0
      call 199
      r1 = map[ring]
      r2 = 8
      r3 = 0
      r4 = r10
      r4 += -16
      call 198
      r6 = *(u64 *)(r10 -16)
      *(u64 *)(r10 -32) = r6
      r6 = *(u64 *)(r10 -8)
      *(u64 *)(r10 -24) = r6
      r1 = r10
      r1 += -16
      r2 = 0
      call 199
      r1 = r10
      r1 += -32
      r2 = 0
      call 200
      r1 = r10
      r1 += -40
      r2 = 8
      r3 = r10
      r3 += -16
      r4 = 0
      r5 = 0
      call 201
      exit
      """)
    #expect(try bench.run("main") == 0 &- 22)
    #expect(try bench.records(of: "ring").count == 1)
  }
}
