import BPFRuntime
import TestSupport
import Testing

@Suite("XDP programs do what they do in the kernel", .requiresKernel)
struct XDPComparisonTests {
  /// Adds r0 to what has been seen.
  static let note = "r8 *= 31\nr8 += r0"

  /// Notes the lengths of metadata and packet.
  static let noteLengths = """
    r2 = *(u32 *)(r6 +0)
    r3 = *(u32 *)(r6 +4)
    r3 -= r2
    r4 = *(u32 *)(r6 +8)
    r2 -= r4
    r8 *= 31
    r8 += r3
    r8 *= 31
    r8 += r2
    """

  /// Notes the 64 bytes on the stack.
  static let noteStack =
    (1...8).map { "r0 = *(u64 *)(r10 -\($0 * 8))\n\(note)" }
    .joined(separator: "\n") + "\nr0 = r8\nr0 >>= 32\n\(note)"

  static func adjust(_ helper: String, _ offset: Int) -> String {
    "r1 = r6\nr2 = \(offset)\ncall \(helper)\n\(note)\n\(noteLengths)"
  }

  static func copy(_ helper: String, _ offset: Int, _ count: Int) -> String {
    """
    r1 = r6
    r2 = \(offset)
    r3 = r10
    r3 += -64
    r4 = \(count)
    call \(helper)
    \(note)
    \(noteStack)
    """
  }

  static let adjustments = [
    "xdp_adjust_head": [
      0, 1, 14, -1, -8, -128, -215, -216, -217, -224, -225, -256, -257, 46, 47, 1500, 3506, 3507,
      -70000, 70000, Int(Int32.max), Int(Int32.min),
    ],
    "xdp_adjust_meta": [
      0, -4, -3, 4, -8, -32, -36, -212, -216, -220, -248, -252, -256, -260, 1, 8,
      Int(Int32.max), Int(Int32.min),
    ],
    "xdp_adjust_tail": [
      0, 1, -1, 4, -46, -47, -1500, 128, 1000, 3460, 3461, 3506, 3520, 70000, -70000,
      Int(Int32.max), Int(Int32.min),
    ],
  ]

  @Test("moving one end", arguments: adjustments.keys.sorted())
  func adjusting(helper: String) throws {
    for offset in Self.adjustments[helper] ?? [] {
      try PacketComparison(type: .xdp, body: Self.adjust(helper, offset))
        .check(PacketSamples.frames)
    }
  }

  @Test("moving one end of a packet with metadata", arguments: adjustments.keys.sorted())
  func adjustingWithMetadata(helper: String) throws {
    for metadata in [4, 32, 212] {
      for offset in Self.adjustments[helper] ?? [] {
        try PacketComparison(
          type: .xdp, body: Self.noteLengths + "\n" + Self.adjust(helper, offset),
          metadata: metadata
        ).check([[UInt8](1...250) + [UInt8](1...50)])
      }
    }
  }

  @Test("metadata that Linux refuses is refused", arguments: [1, 2, 3, 216, 220, 252, 256, 260])
  func refusedMetadata(byteCount: Int) throws {
    try PacketComparison(type: .xdp, body: Self.noteLengths, metadata: byteCount)
      .check([[UInt8](1...250) + [UInt8](1...250)])
  }

  @Test("packets of all small lengths are taken or refused alike")
  func shortPackets() throws {
    try PacketComparison(type: .xdp, body: Self.noteLengths)
      .check((1...32).map { [UInt8](repeating: 5, count: $0) })
  }

  @Test("copying bytes", arguments: ["xdp_load_bytes", "xdp_store_bytes"])
  func copying(helper: String) throws {
    for (offset, count) in [
      (0, 1), (0, 64), (13, 1), (14, 1), (14, 20), (59, 1), (60, 1), (0, 60), (0, 61), (3456, 64),
      (3457, 64), (0xffff, 1), (0x10000, 1), (-1, 1), (Int(Int32.min), 64),
    ] {
      try PacketComparison(type: .xdp, body: Self.copy(helper, offset, count))
        .check(PacketSamples.frames)
    }
  }

  @Test("the length of the packet does not count metadata")
  func bufferLength() throws {
    let body = "r1 = r6\ncall xdp_get_buff_len\n\(Self.note)"
    try PacketComparison(type: .xdp, body: body).check(PacketSamples.frames)
    try PacketComparison(type: .xdp, body: body, metadata: 8).check([[UInt8](1...90)])
  }

  @Test("redirecting", arguments: [0, 1, 2, 8, 16, -1])
  func redirecting(flags: Int) throws {
    // The result goes into r8 only: a verdict of redirection would have Linux look for a target.
    let body = "r1 = 1\nr2 = \(flags)\ncall redirect\nr0 += 100\n\(Self.note)"
    try PacketComparison(type: .xdp, body: body).check([[UInt8](1...60)])
  }

  @Test("reading the plain fields")
  func fields() throws {
    let body = [12, 16].map { "r0 = *(u32 *)(r6 +\($0))\n\(Self.note)" }.joined(separator: "\n")
    try PacketComparison(type: .xdp, body: body).check([[UInt8](1...60)])
  }

  @Test("random sequences", arguments: 0..<60)
  func randomSequence(seed: Int) throws {
    var generator = SeededGenerator(state: UInt64(seed))
    var steps: [String] = []
    for _ in 0..<Int.random(in: 3...14, using: &generator) {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0:
        steps.append(
          Self.adjust("xdp_adjust_head", .random(in: -120...40, using: &generator)))
      case 1:
        steps.append(
          Self.adjust("xdp_adjust_tail", .random(in: -80...200, using: &generator)))
      case 2:
        let offset = Int.random(in: -12...8, using: &generator) * 4
        steps.append(Self.adjust("xdp_adjust_meta", offset))
      case 3: steps.append("r1 = r6\ncall xdp_get_buff_len\n\(Self.note)")
      case let other:
        let helper = other == 4 ? "xdp_load_bytes" : "xdp_store_bytes"
        let count = Int.random(in: 1...64, using: &generator)
        steps.append(Self.copy(helper, .random(in: 0...180, using: &generator), count))
      }
    }
    try PacketComparison(type: .xdp, body: steps.joined(separator: "\n"))
      .check(PacketSamples.frames, "seed \(seed)")
  }
}
