import BPFKernel
import BPFRuntime
import TestSupport
import Testing

@Suite("Perf events in every engine", .serialized)
struct PerfEventEngineTests {
  private func bench(_ engine: Engine, isFilled: Bool = true) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeMap(
      "events",
      MapDefinition(
        name: "events", type: .perfEventArray, keySize: 4, valueSize: 4, maxEntries: 64))
    if isFilled { try bench.openEvents("events") }
    return bench
  }

  /// Outputs bytes of the stack with the flags in the first word; -1 in it stands for a packet.
  private func output(_ size: Int, flags: String) -> String {
    """
    r6 = r1
    r7 = \(flags) ll
    r1 = 578437695752307201 ll
    *(u64 *)(r10 -16) = r1
    *(u64 *)(r10 -8) = r1
    r1 = r6
    r2 = map[events]
    r3 = r7
    r4 = r10
    r4 += -16
    r5 = \(size)
    call 25
    exit
    """
  }

  /// What a sample of a number of bytes looks like.
  private func expected(_ size: Int, _ packet: [UInt8] = []) -> [UInt8] {
    (0..<size).map { UInt8($0 % 8 + 1) } + packet
  }

  /// The sample without what Linux fills it up with.
  private func trimmed(_ sample: [UInt8], to count: Int, _ engine: Engine) -> [UInt8] {
    if engine == .kernel {
      #expect(sample.count == (count + 11) & ~7 - 4)
      return Array(sample.prefix(count))
    }
    return sample
  }

  private static let current: UInt64 = 0xffff_ffff

  @Test("samples of any size arrive", arguments: Engine.all)
  func sizes(engine: Engine) throws {
    let bench = try bench(engine)
    for size in [1, 4, 8, 12, 16] {
      try bench.load("output", output(size, flags: "\(Self.current)"))
      #expect(try bench.run("output", 0) == 0)
      let samples = try bench.samples(of: "events")
      #expect(samples.map { trimmed($0, to: size, engine) } == [expected(size)])
    }
  }

  @Test("flags that a tracing program must not have are refused", arguments: Engine.all)
  func flags(engine: Engine) throws {
    let bench = try bench(engine)
    let cases: [(UInt64, UInt32)] = [
      (Self.current, 0), (0, 0), (1, 95), (63, 2), (64, 7), (0xffff_fffe, 7),
      (Self.current | 1 << 32, 22), (Self.current | 1 << 52, 22), (.max, 22),
    ]
    for (flags, errno) in cases where flags != 1 || Kernel.possibleCPUCount > 1 {
      try bench.load("output", output(8, flags: "\(flags)"))
      #expect(try bench.run("output", 0) == 0 &- errno, "flags \(flags)")
    }
  }

  @Test(
    "bytes of the packet are appended, no more than there are", arguments: Engine.all,
    [ProgramType.xdp, .schedCls, .socketFilter])
  func packets(engine: Engine, type: ProgramType) throws {
    let bench = try bench(engine)
    var frame = (0..<60).map { UInt8($0) }
    frame[12] = 0x88
    frame[13] = 0xb5
    let seen = type.number == 1 ? Array(frame[14...]) : frame
    let cases: [(count: UInt64, high: UInt64, errno: UInt32)] = [
      (0, 0, 0), (1, 0, 0), (20, 0, 0), (UInt64(seen.count), 0, 0),
      (UInt64(seen.count) + 1, 0, 14), (0xf_ffff, 0, 14), (0, 1 << 52, 22), (0, 1 << 63, 22),
    ]
    for item in cases {
      let flags = Self.current | item.count << 32 | item.high
      try bench.load("output", BenchProgram(output(8, flags: "\(flags)"), type))
      #expect(try bench.run("output", .packet(frame)).value == 0 &- item.errno, "\(item)")
      let samples = try bench.samples(of: "events")
      guard item.errno == 0 else {
        #expect(samples.isEmpty)
        continue
      }
      let count = Int(item.count)
      let sample = samples.first.map { trimmed($0, to: 8 + count, engine) }
      #expect(sample == expected(8, Array(seen[..<count])))
    }
  }

  @Test("an empty slot is ENOENT, no slot is E2BIG", arguments: Engine.all)
  func emptySlots(engine: Engine) throws {
    let bench = try bench(engine, isFilled: false)
    for (flags, errno) in [(Self.current, 2), (0, 2), (63, 2), (64, 7)] as [(UInt64, UInt32)] {
      try bench.load("output", output(8, flags: "\(flags)"))
      #expect(try bench.run("output", 0) == 0 &- errno, "flags \(flags)")
    }
  }

  @Test("a full buffer is ENOSPC", arguments: Engine.all)
  func full(engine: Engine) throws {
    let bench = try bench(engine)
    try bench.load("output", output(16, flags: "\(Self.current)"))
    var result: UInt32 = 0
    for _ in 0..<10_000 where result == 0 { result = try bench.run("output", 0) }
    #expect(result == 0 &- 28)
    #expect(try bench.samples(of: "events").count > 1000)
    #expect(try bench.run("output", 0) == 0)
  }

  @Test("reading an event that is none is an error", arguments: Engine.all)
  func reads(engine: Engine) throws {
    let bench = try bench(engine, isFilled: false)
    try bench.load("read", "r2 = *(u64 *)(r1 +0)\nr1 = map[events]\ncall 22\nexit")
    for (flags, errno) in [
      (Self.current, 2), (0, 2), (64, 7), (1 << 32, 22), (.max, 22),
    ] as [(UInt64, UInt32)] {
      #expect(try bench.run("read", flags) == 0 &- errno, "flags \(flags)")
    }
    for (size, flags, errno) in [
      (24, 0, 2), (24, 64, 7), (16, 0, 22), (32, 0, 22), (24, 1 << 32, 22),
    ] as [(Int, UInt64, UInt32)] {
      try bench.load(
        "value",
        """
        r2 = *(u64 *)(r1 +0)
        *(u64 *)(r10 -32) = -1
        *(u64 *)(r10 -24) = -1
        *(u64 *)(r10 -16) = -1
        *(u64 *)(r10 -8) = -1
        r1 = map[events]
        r3 = r10
        r3 += -32
        r4 = \(size)
        call 55
        r1 = *(u64 *)(r10 -32)
        if r1 == 0 goto cleared
        r0 = 1
        cleared: exit
        """)
      #expect(try bench.run("value", flags) == 0 &- errno, "size \(size), flags \(flags)")
    }
  }

  @Test("a program reads counters of the host", arguments: Engine.ours)
  func counters(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    try bench.makeMap(
      "events",
      MapDefinition(type: .perfEventArray, keySize: 4, valueSize: 4, maxEntries: 2))
    try bench.maps["events"]?.setCounter(at: 1) { 77 }
    try bench.load("read", "r2 = *(u64 *)(r1 +0)\nr1 = map[events]\ncall 22\nexit")
    #expect(try bench.run("read", 1) == 77)
    #expect(try bench.run("read", 0) == 0 &- 2)
    try bench.load("output", output(8, flags: "1"))
    #expect(try bench.run("output", 0) == 0 &- 22)
  }
}
