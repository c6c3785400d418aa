import BPFRuntime
import TestSupport
import Testing

/// Scenarios with packets (tail-calls.md section 9); the numbers were measured in Linux.
@Suite("Tail calls: scenarios with packets")
struct TailCallPacketScenarioTests {
  /// A big-endian number of two bytes.
  static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }

  static func ethernet(_ type: Int) -> [UInt8] {
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + word(type)
  }

  /// An IPv4 header without options in front of a payload.
  static func ip(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0x45, 0] + word(20 + payload.count) + [0, 0, 0, 0, 64, number, 0, 0]
      + [10, 0, 0, 1, 10, 0, 0, 2] + payload
  }

  static func udp(_ source: Int, _ target: Int) -> [UInt8] {
    word(source) + word(target) + word(24) + [0, 0] + [UInt8](repeating: 0, count: 16)
  }

  // MARK: UC1

  /// The packet's start in r7, after a test that `count` bytes are there; passes otherwise.
  static func bounds(_ count: Int) -> String {
    """
    r7 = *(u32 *)(r6 +0)
    r8 = *(u32 *)(r6 +4)
    r1 = r7
    r1 += \(count)
    if r1 > r8 goto pass
    """
  }

  static let pass = "pass: r0 = 2\nexit"

  static func loadDispatcher(_ bench: any Bench) throws {
    try bench.makeSlots("slots", 256)
    try bench.makeCounters("counts", 5)
    func load(_ name: String, _ pieces: String...) throws {
      try bench.load(name, BenchProgram(([Text.begin] + pieces).joined(separator: "\n"), .xdp))
    }
    try load(
      "root", bounds(34),
      """
      r1 = *(u16 *)(r7 +12)
      r1 = be16 r1
      if r1 != 0x800 goto other
      r3 = *(u8 *)(r7 +23)
      r1 = r6
      r2 = map[slots]
      call 12
      """, Text.count(3), pass, "other:", Text.count(4), "goto pass")
    try load(
      "tcp", Text.count(0), bounds(38),
      "r1 = *(u16 *)(r7 +36)\nr1 = be16 r1\nif r1 != 23 goto pass\nr0 = 1\nexit", pass)
    try load(
      "udp", Text.count(1), bounds(42),
      "r1 = *(u16 *)(r7 +36)\nr1 = be16 r1\nif r1 != 7 goto pass",
      swap(0, 6, "u32"), swap(4, 10, "u16"), swap(26, 30, "u32"), swap(34, 36, "u16"),
      "r0 = 3\nexit", pass)
    try load("icmp", Text.count(2), "r0 = 1\nexit")
  }

  /// Exchanges two fields of the packet.
  static func swap(_ a: Int, _ b: Int, _ size: String) -> String {
    """
    r1 = *(\(size) *)(r7 +\(a))
    r2 = *(\(size) *)(r7 +\(b))
    *(\(size) *)(r7 +\(a)) = r2
    *(\(size) *)(r7 +\(b)) = r1
    """
  }

  @Test("UC1: dispatch by protocol", arguments: Engine.all)
  func dispatch(engine: Engine) throws {
    let bench = try engine.bench()
    try Self.loadDispatcher(bench)
    func run(_ number: UInt8, _ port: Int, type: Int = 0x800) throws -> BenchResult {
      try bench.run(
        "root", .packet(Self.ethernet(type) + Self.ip(number, Self.udp(12345, port))))
    }
    #expect(try run(6, 80).value == 2)
    for (slot, name) in [6: "tcp", 17: "udp", 1: "icmp"] as [UInt32: String] {
      try bench.store(name, in: "slots", at: slot)
    }
    try bench.setCounters("counts", [], count: 5)
    #expect(try run(6, 80).value == 2)
    #expect(try run(6, 23).value == 1)
    #expect(try run(17, 53).value == 2)
    let echo = try run(17, 7)
    #expect(echo.value == 3)
    #expect(echo.packet.count == 58)
    #expect(Array(echo.packet.prefix(12)) == [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])
    #expect(Array(echo.packet[26..<38]) == [10, 0, 0, 2, 10, 0, 0, 1, 0, 7, 0x30, 0x39])
    #expect(try run(1, 0).value == 1)
    #expect(try run(132, 0).value == 2)
    #expect(try run(6, 80, type: 0x86dd).value == 2)
    #expect(try bench.counters("counts") == [2, 2, 1, 1, 1])
    try bench.empty("slots", at: 1)
    #expect(try run(1, 0).value == 2)
  }

  // MARK: UC4

  /// Programs for Ethernet, VLAN, IPv4 and UDP; the place in the packet is in cb[0], the depth in
  /// cb[1], and each program tests that its header is there.
  static func loadParser(_ bench: any Bench) throws {
    try bench.makeSlots("layers", 4)
    try bench.makeCounters("counts", 4)
    func load(_ name: String, _ pieces: String...) throws {
      let text = ([Text.begin] + pieces).joined(separator: "\n")
      try bench.load(name, BenchProgram(text, .schedCls))
    }
    // bpf_skb_load_bytes of a header to the stack; 44 when it is not there.
    func header(_ count: Int) -> String {
      """
      r1 = r6
      r2 = *(u32 *)(r6 +48)
      r3 = r10
      r3 += -24
      r4 = \(count)
      call 26
      if r0 != 0 goto short
      """
    }
    func advance(_ count: Int) -> String {
      """
      r1 = *(u32 *)(r6 +48)
      r1 += \(count)
      *(u32 *)(r6 +48) = r1
      r1 = *(u32 *)(r6 +52)
      r1 += 1
      *(u32 *)(r6 +52) = r1
      """
    }
    let short = "short: r0 = 44\nexit"
    // The type of what follows is in r7: to slot 0 (VLAN) or 1 (IPv4).
    let byType = Text.lines(
      """
      r3 = 0
      if r7 == 0x8100 goto hop
      if r7 == 0x88a8 goto hop
      r3 = 1
      if r7 == 0x800 goto hop
      goto out
      hop: r1 = r6
      r2 = map[layers]
      call 12
      """, "out:", Text.leave(40), short)
    try load(
      "root", header(14), "r7 = *(u16 *)(r10 -12)\nr7 = be16 r7",
      "r1 = 14\n*(u32 *)(r6 +48) = r1\nr1 = 0\n*(u32 *)(r6 +52) = r1", byType)
    try load(
      "vlan", Text.count(0), header(4), "r7 = *(u16 *)(r10 -22)\nr7 = be16 r7", advance(4), byType)
    try load(
      "ip", Text.count(1), header(20), "r7 = *(u8 *)(r10 -15)", advance(20),
      """
      r3 = 1
      if r7 == 4 goto hop
      r3 = 2
      if r7 == 17 goto hop
      r3 = 3
      hop: r1 = r6
      r2 = map[layers]
      call 12
      """, Text.leave(45), short)
    try load(
      "udp", Text.count(2), header(8), "r0 = *(u32 *)(r6 +52)\nr0 += 1000\nexit", short)
    for (slot, name) in ["vlan", "ip", "udp"].enumerated() {
      try bench.store(name, in: "layers", at: UInt32(slot))
    }
  }

  static func nested(vlan: Int, tunnels: Int, number: UInt8 = 17) -> [UInt8] {
    var packet = ip(number, udp(12345, 53))
    for _ in 0..<tunnels { packet = ip(4, packet) }
    var type = 0x800
    for _ in 0..<vlan {
      packet = word(5) + word(type) + packet
      type = 0x8100
    }
    return ethernet(type) + packet
  }

  @Test(
    "UC4: nested headers, up to the limit of hops", arguments: Engine.all,
    [
      (0, 0, 1001), (1, 0, 1002), (2, 0, 1003), (0, 1, 1002), (2, 3, 1006), (0, 30, 1031),
      (0, 31, 1032), (0, 32, 45), (1, 31, 45), (2, 29, 1032), (2, 30, 45),
    ] as [(Int, Int, UInt32)])
  func nested(engine: Engine, packet: (vlan: Int, tunnels: Int, result: UInt32)) throws {
    let bench = try engine.bench()
    try Self.loadParser(bench)
    let bytes = Self.nested(vlan: packet.vlan, tunnels: packet.tunnels)
    #expect(try bench.run("root", .packet(bytes)).value == packet.result)
    let isThrough = packet.result != 45
    let counts = try bench.counters("counts")
    #expect(counts[0] == UInt64(packet.vlan))
    #expect(counts[2] == (isThrough ? 1 : 0))
    #expect(counts[0] + counts[1] + counts[2] == min(33, UInt64(packet.vlan + packet.tunnels + 2)))
  }

  @Test("UC4: other headers fall through where nobody takes them", arguments: Engine.all)
  func others(engine: Engine) throws {
    let bench = try engine.bench()
    try Self.loadParser(bench)
    let tcp = Self.nested(vlan: 0, tunnels: 0, number: 6)
    #expect(try bench.run("root", .packet(tcp)).value == 45)
    let unknown = Self.ethernet(0x1234) + [UInt8](repeating: 0, count: 40)
    #expect(try bench.run("root", .packet(unknown)).value == 40)
    // Linux's test runs take no frame of IPv4 that is too short for its header.
    let truncated = Self.ethernet(0x8100) + Self.word(5) + Self.word(0x800)
    #expect(try bench.run("root", .packet(truncated)).value == 44)
  }
}
