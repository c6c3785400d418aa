import BPFRuntime
import TestSupport
import Testing

@Suite("Programs that take flows apart, and those of netfilter, against Linux", .requiresKernel)
struct FlowComparisonTests {
  /// Reads a packet of version 4 and notes addresses and ports; sets the header's offsets to what
  /// stands in the packet's last bytes.
  private static let text = """
    r6 = r1
    r7 = *(u64 *)(r6 +144)
    r2 = *(u32 *)(r6 +76)
    r3 = *(u32 *)(r6 +80)
    r4 = r2
    r4 += 42
    if r4 > r3 goto short
    r5 = *(u16 *)(r7 +10)
    *(u16 *)(r7 +4) = r5
    r5 = *(u8 *)(r2 +23)
    *(u8 *)(r7 +9) = r5
    r5 = *(u32 *)(r2 +26)
    *(u32 *)(r7 +16) = r5
    r5 = *(u32 *)(r2 +30)
    *(u32 *)(r7 +20) = r5
    r5 = *(u16 *)(r2 +34)
    *(u16 *)(r7 +12) = r5
    r5 = *(u16 *)(r2 +36)
    *(u16 *)(r7 +14) = r5
    r5 = *(u16 *)(r7 +2)
    *(u32 *)(r7 +52) = r5
    r5 = *(u16 *)(r2 +38)
    *(u16 *)(r7 +0) = r5
    r5 = *(u16 *)(r2 +40)
    *(u16 *)(r7 +2) = r5
    r5 = *(u32 *)(r7 +48)
    r0 = *(u8 *)(r2 +15)
    exit
    short: r0 = 2
    exit
    """

  @Test("keys of a flow are what they are in Linux, offsets kept inside the packet")
  func flows() throws {
    try #require(Engine.all.contains(.kernel))
    let type = try #require(ProgramType.linux(number: 22))
    let benches = try Engine.all.map { engine in
      let bench = try engine.bench()
      try bench.load(
        "flow", BenchProgram(Self.text, type, traits: ProgramTraits(expectedAttachType: 17)))
      return bench
    }
    var packets: [[UInt8]] = []
    for (network, transport) in [
      (14, 34), (0, 0), (14, 10), (13, 14), (20, 15), (42, 42), (60, 60), (61, 30), (65535, 65535),
    ] {
      for verdict in [0, 2, 129, 1] as [UInt8] {
        for count in [42, 60, 41, 14, 20] {
          var packet = (0..<60).map { UInt8($0 * 3) }
          packet.replaceSubrange(12..<16, with: [8, 0, 0x45, verdict])
          packet.replaceSubrange(
            38..<42,
            with: [
              UInt8(network & 0xff), UInt8(network >> 8), UInt8(transport & 0xff),
              UInt8(transport >> 8),
            ])
          packets.append(Array(packet.prefix(count)))
        }
      }
    }
    for packet in packets {
      let outcomes = try benches.map { bench in
        let result = try bench.run("flow", .packet(packet))
        let keys = (bench as? RuntimeBench)?.flowKeys?.bytes ?? result.packet
        return "\(result.value) \(keys)"
      }
      for (bench, outcome) in zip(benches, outcomes) {
        #expect(outcome == outcomes.last, "\(bench.engine) \(packet)")
      }
    }
  }

  @Test("a program of netfilter says drop or accept")
  func netfilter() throws {
    let type = try #require(ProgramType.linux(number: 32))
    for engine in Engine.all {
      let bench = try engine.bench()
      try bench.makeCounters("out", 2)
      for verdict in [0, 1] as [UInt32] {
        try bench.load(
          "verdict",
          BenchProgram(
            """
            r2 = map[out][0]+0
            r1 = 1
            lock *(u64 *)(r2 +\(8 * verdict)) += r1
            r0 = \(verdict)
            exit
            """, type, traits: ProgramTraits(expectedAttachType: 45)))
        let packet = HeaderSamples.frame([0x0800], HeaderSamples.ipv4(payload: 100))
        let isOurs = engine != .kernel
        let result = try bench.run("verdict", isOurs ? .context([]) : .packet(packet))
        #expect(result.value == verdict, "\(engine)")
      }
      #expect(try bench.counters("out") == [1, 1], "\(engine)")
    }
  }
}
