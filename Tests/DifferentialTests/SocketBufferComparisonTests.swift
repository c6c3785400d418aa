import BPFRuntime
import TestSupport
import Testing

@Suite("Programs on socket buffers do what they do in the kernel", .requiresKernel)
struct SocketBufferComparisonTests {
  typealias XDP = XDPComparisonTests

  static let note = XDP.note

  /// Notes the length as the context and, for traffic control, the pointers say.
  static let noteLengths = """
    r0 = *(u32 *)(r6 +0)
    \(note)
    r2 = *(u32 *)(r6 +76)
    r0 = *(u32 *)(r6 +80)
    r0 -= r2
    \(note)
    """

  /// The words that all types may read; what a test run makes of `napi_id` is not a constant.
  static let words = [
    0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 164, 176,
  ]

  static func read(_ offsets: [Int]) -> String {
    offsets.map { "r0 = *(u32 *)(r6 +\($0))\n\(note)" }.joined(separator: "\n")
  }

  static func call(_ name: String, _ arguments: Int...) -> String {
    let loads = arguments.enumerated().map { "r\($0 + 2) = \($1)" }.joined(separator: "\n")
    return "r1 = r6\n\(loads)\ncall \(name)\n\(note)"
  }

  static func copy(_ helper: String, _ offset: Int, _ count: Int, _ last: Int? = nil) -> String {
    """
    r1 = r6
    r2 = \(offset)
    r3 = r10
    r3 += -64
    r4 = \(count)
    \(last.map { "r5 = \($0)" } ?? "")
    call \(helper)
    \(note)
    \(XDP.noteStack)
    """
  }

  static let types: [UInt32] = [1, 3, 4]
  static let fields = PacketFields(
    mark: 0x8123_4567, priority: 7, ingressInterface: 1, interface: 1,
    controlBlock: [1, 0x8000_0002, 3, 4, 0xffff_ffff], timestamp: 0x1234_5678_9abc,
    hardwareTimestamp: 0, wireByteCount: nil, segmentCount: 3, segmentByteCount: 9)

  /// Random sequences of everything that changes or reads a packet.
  @Test("random sequences", arguments: 0..<60)
  func randomSequence(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed) &+ 1000)
    var steps: [String] = []
    for _ in 0..<Int.random(in: 3...14, using: &generator) {
      steps.append(Self.randomStep(&generator))
      steps.append(Self.noteLengths)
    }
    try Self.check(3, steps.joined(separator: "\n"), "seed \(seed)")
  }

  static func randomStep(_ generator: inout SeededGenerator) -> String {
    let offset = Int.random(in: -2...120, using: &generator)
    let count = Int.random(in: 1...64, using: &generator)
    switch Int.random(in: 0..<9, using: &generator) {
    case 0: return copy("skb_load_bytes", offset, count)
    case 1: return copy("skb_load_bytes_relative", offset, count, offset & 1)
    case 2: return copy("skb_store_bytes", offset, count, count & 3)
    case 3: return call("skb_change_tail", offset + 20, 0)
    case 4: return call("skb_change_head", count & 31, 0)
    case 5: return call("skb_pull_data", offset)
    case 6: return call("skb_change_type", count & 7) + "\n" + read([4])
    case 7:
      return
        "r1 = r6\nr2 = \(offset)\nr3 = \(count)\nr4 = 77\nr5 = 2\ncall l3_csum_replace\n\(note)"
    default: return call("set_hash", count) + "\n" + read([0, 68])
    }
  }

  static func check(
    _ type: UInt32, _ body: String, fields: PacketFields? = nil,
    packets: [[UInt8]] = PacketSamples.frames, _ comment: String = ""
  ) throws {
    let type = try #require(ProgramType.linux(number: type))
    try PacketComparison(type: type, body: body, fields: fields).check(packets, comment)
  }

  @Test("reading each field, with and without a context", arguments: types)
  func reading(type: UInt32) throws {
    for offset in Self.words + (type == 1 ? [] : [72, 160]) {
      try Self.check(type, Self.read([offset]), "offset \(offset)")
      try Self.check(type, Self.read([offset]), fields: Self.fields, "offset \(offset)")
    }
    guard type != 1 else { return }
    try Self.check(type, Self.noteLengths)
    for offset in [152, 184] {
      let body = "r8 = *(u64 *)(r6 +\(offset))\nr0 = r8\nr0 >>= 32\n\(Self.note)"
      try Self.check(type, body)
      try Self.check(type, body, fields: Self.fields)
    }
    try Self.check(type, "r8 = *(u8 *)(r6 +180)", fields: Self.fields)
  }

  @Test("writing each field", arguments: types)
  func writing(type: UInt32) throws {
    let offsets = type == 1 ? [48, 52, 56, 60, 64] : [8, 12, 32, 44, 48, 52, 56, 60, 64, 72]
    for offset in offsets {
      for value in [1, 0x1234_5678, 0xffff, 0xfffe, 0x10000, -1] {
        let body = "r2 = \(value)\n*(u32 *)(r6 +\(offset)) = r2\n\(Self.read([offset]))"
        try Self.check(type, body, packets: [[UInt8](1...60)], "offset \(offset)")
        // Linux compares an immediate for queue_mapping as signed; here it is as in a register.
        if offset == 12, value < 0 { continue }
        let immediate = "*(u32 *)(r6 +\(offset)) = \(value)\n\(Self.read([offset]))"
        try Self.check(type, immediate, packets: [[UInt8](1...60)], "offset \(offset)")
      }
    }
    let parts = """
      *(u8 *)(r6 +49) = 0x12
      *(u16 *)(r6 +54) = 0x3456
      r2 = -2
      *(u64 *)(r6 +56) = r2
      \(Self.read([48, 52, 56, 60, 64]))
      """
    try Self.check(type, parts, fields: Self.fields, packets: [[UInt8](1...60)])
    guard type != 1 else { return }
    let timestamp = "r2 = 0x123456789abc ll\n*(u64 *)(r6 +152) = r2\nr8 = *(u64 *)(r6 +152)"
    try Self.check(type, timestamp, packets: [[UInt8](1...60)])
  }

  @Test("packets of all small lengths are taken or refused alike", arguments: types)
  func shortPackets(type: UInt32) throws {
    let packets = (1...32).map { [UInt8](repeating: 5, count: $0) }
    try Self.check(type, Self.read([0, 4, 16]), packets: packets)
    let linux = try #require(ProgramType.linux(number: type))
    try PacketComparison(type: linux, body: Self.read([0, 4, 16]), wantsContext: false)
      .check(packets)
  }

  @Test("loading bytes", arguments: types)
  func loading(type: UInt32) throws {
    for (offset, count) in [
      (0, 1), (0, 64), (14, 20), (45, 1), (46, 1), (59, 1), (60, 1), (0, 60), (0, 61), (3456, 64),
      (0xffff, 1), (0x10000, 1), (-1, 1), (Int(Int32.max), 1), (Int(Int32.min), 64),
    ] {
      try Self.check(type, Self.copy("skb_load_bytes", offset, count))
      for base in [0, 1, 2, -1] {
        try Self.check(type, Self.copy("skb_load_bytes_relative", offset, count, base))
      }
    }
  }

  @Test("legacy packet loads", arguments: types)
  func packetLoads(type: UInt32) throws {
    for offset in [0, 13, 44, 45, 46, 56, 57, 59, 60] + [-0x100000, -0x200000, -0x1ffff2, -0xffff0]
    {
      for size in ["u8", "u16", "u32"] {
        try Self.check(type, "r0 = *(\(size) *)skb[\(offset)]\n\(Self.note)")
        let indirect = "r7 = \(offset)\nr0 = *(\(size) *)skb[r7 + 2]\n\(Self.note)"
        try Self.check(type, indirect)
      }
    }
  }

  @Test("storing bytes")
  func storing() throws {
    for (offset, count) in [
      (0, 1), (0, 64), (14, 20), (59, 1), (60, 1), (0, 60), (0, 61), (-1, 1),
      (Int(Int32.max), 1), (Int(Int32.min), 64),
    ] {
      for flags in [0, 1, 2, 3, 4, 8, -1] {
        let body = """
          \(Self.call("set_hash", 77))
          \(Self.copy("skb_store_bytes", offset, count, flags))
          \(Self.read([0, 68]))
          """
        try Self.check(3, body)
      }
    }
  }

  @Test("making bytes accessible")
  func pulling() throws {
    for count in [0, 1, 60, 61, 1514, 5000, -1, Int(Int32.min)] {
      try Self.check(3, Self.call("skb_pull_data", count) + "\n" + Self.noteLengths)
    }
  }

  @Test("hash, type and what has no value here")
  func small() throws {
    try Self.check(3, Self.call("set_hash", 0x1234_5678) + "\n" + Self.read([68]))
    try Self.check(
      3,
      [Self.call("set_hash", 5), Self.call("set_hash_invalid"), Self.read([68])]
        .joined(separator: "\n"))
    for type in [0, 1, 2, 3, 4, -1] {
      try Self.check(3, Self.call("skb_change_type", type) + "\n" + Self.read([4]))
    }
    try Self.check(3, Self.call("get_cgroup_classid") + "\n" + Self.call("get_route_realm"))
    try Self.check(3, Self.call("csum_update", 5))
  }

  @Test("levels of known checksums")
  func checksumLevels() throws {
    for sequence in [
      [0], [1, 0], [1, 1, 0], [1, 1, 1, 1, 0, 1, 0], [2, 0], [1, 2, 0], [1, 1, 2, 0, 2, 0], [3],
      [1, 3, 0], [4], [-1], [1, 1, 3, 1, 0],
    ] {
      let body = sequence.map { Self.call("csum_level", $0) }.joined(separator: "\n")
      try Self.check(3, body, packets: [[UInt8](1...60)], "\(sequence)")
    }
  }

  @Test("redirecting", arguments: [0, 1, 2, 3, 8, -1])
  func redirecting(flags: Int) throws {
    for helper in ["redirect", "redirect_peer"] {
      let body = "r1 = 1\nr2 = \(flags)\ncall \(helper)\nr0 += 100\n\(Self.note)"
      try Self.check(3, body, packets: [[UInt8](1...60)])
    }
  }

  @Test("changing the length")
  func changingTail() throws {
    for count in [
      0, 1, 13, 14, 15, 20, 59, 60, 61, 100, 200, 1514, 2000, 3000, 3700, 3712, 3713, 4000, 16063,
      16064, 16065, 65535, 65536, 65537, 131072,
      131073, 1_000_000, 4_194_304, 4_194_305, -1, Int(Int32.min),
    ] {
      for flags in [0, 1] {
        let body = Self.call("skb_change_tail", count, flags) + "\n" + Self.noteLengths
        try Self.check(3, body, packets: [[UInt8](1...60), [UInt8](1...200)], "\(count)")
      }
    }
  }

  @Test("making room in front")
  func changingHead() throws {
    for count in [
      0, 1, 2, 14, 20, 40, 64, 65, 100, 200, 15864, 15865, 16004, 16005, 65536, 131072, 4_194_305,
      -1,
    ] {
      for flags in [0, 1] {
        let body = """
          \(Self.call("skb_change_head", count, flags))
          \(Self.noteLengths)
          \(Self.copy("skb_load_bytes_relative", 0, 20, 0))
          \(Self.copy("skb_load_bytes_relative", 0, 20, 1))
          \(Self.read([4, 16]))
          """
        try Self.check(3, body, packets: [[UInt8](1...60), [UInt8](1...200)], "\(count)")
      }
    }
  }
}
