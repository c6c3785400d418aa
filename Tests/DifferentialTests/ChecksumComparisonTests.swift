import BPFRuntime
import TestSupport
import Testing

@Suite("Checksum helpers compute what they compute in the kernel", .requiresKernel)
struct ChecksumComparisonTests {
  /// Words whose sums come close to the two forms of zero.
  static let values: [UInt32] = [
    0, 1, 0xffff, 0x10000, 0xffff_fffe, 0xffff_ffff, 0x1234_5678, 0xedcb_a987, 0x8000_8000,
    0x7fff_8000,
  ]

  static func load(_ register: Int, _ value: UInt32) -> String {
    "w\(register) = \(Int32(bitPattern: value))"
  }

  static func replace(_ helper: String, _ offset: Int, _ from: String, _ to: String, _ flags: Int)
    -> String
  {
    """
    r1 = r6
    r2 = \(offset)
    \(from)
    \(to)
    r5 = \(flags)
    call \(helper)
    \(XDPComparisonTests.note)
    """
  }

  static let packets: [[UInt8]] = {
    let fields: [[UInt8]] = [
      [0, 0], [0xff, 0xff], [0, 1], [1, 0], [0xff, 0xfe], [0x12, 0x34], [0x80, 0],
    ]
    return fields.map { field in
      [UInt8](repeating: 1, count: 12) + [8, 0] + [UInt8](1...10) + field + [UInt8](1...34)
    }
  }()

  @Test("replacing in a checksum", arguments: ["l3_csum_replace", "l4_csum_replace"])
  func replacing(helper: String) throws {
    for flags in [0, 2, 4] {
      for from in Self.values where flags > 0 || from == 0 {
        let body = Self.values.map { to in
          // Each result is copied to a place of its own, and the field gets its old value back.
          """
          r1 = r6
          r2 = 24
          r3 = r10
          r3 += -64
          r4 = 2
          call skb_load_bytes
          \(Self.replace(helper, 24, Self.load(3, from), Self.load(4, to), flags))
          r1 = r6
          r2 = 24
          r3 = r10
          r3 += -56
          r4 = 2
          call skb_load_bytes
          r0 = *(u16 *)(r10 -56)
          \(XDPComparisonTests.note)
          r1 = r6
          r2 = 24
          r3 = r10
          r3 += -64
          r4 = 2
          r5 = 0
          call skb_store_bytes
          """
        }.joined(separator: "\n")
        try SocketBufferComparisonTests.check(3, body, packets: Self.packets, "\(flags) \(from)")
      }
    }
  }

  @Test("arguments that Linux refuses", arguments: ["l3_csum_replace", "l4_csum_replace"])
  func refusing(helper: String) throws {
    for flags in [0, 1, 2, 3, 4, 5, 8, 15, 16, 0x20, 0x40, 0x80, 0x100, 0x110, -1] {
      for offset in [0, 1, 24, 58, 59, 60, 0xfffe, 0x10000, -2] {
        for from in [UInt32(0), 3] {
          let body = Self.replace(helper, offset, Self.load(3, from), Self.load(4, 5), flags)
          try SocketBufferComparisonTests.check(3, body, packets: [Self.packets[5]], "\(flags)")
        }
      }
    }
  }

  @Test("checksums that may be absent")
  func absentChecksums() throws {
    for flags in [0x20, 0x40, 0x60, 0x10, 0x70, 0x30, 0x80, 0xb0] {
      for size in [0, 2, 4] {
        for to in Self.values {
          let body = Self.replace(
            "l4_csum_replace", 24, Self.load(3, 0), Self.load(4, to), flags | size)
          try SocketBufferComparisonTests.check(3, body, packets: Self.packets, "\(flags) \(to)")
        }
      }
    }
  }

  @Test("differences of blocks", arguments: [UInt32(3), 6])
  func differences(type: UInt32) throws {
    let type = try #require(ProgramType.linux(number: type))
    for seed in Self.values {
      for (from, to) in [
        (0, 0), (4, 0), (0, 4), (4, 4), (8, 16), (20, 20), (32, 4), (3, 0), (0, 5), (1, 2), (64, 0),
      ] {
        for (fromBytes, toBytes) in [
          ("r10 -64", "r10 -64"), ("r10 -64", "r10 -32"), ("r10 -128", "r10 -192"),
          ("r10 -64", "r10 -128"), ("r10 -192", "r10 -64"), ("r10 -192", "r10 -192"),
        ] {
          // Two more blocks: all zeros below, all ones below that.
          let blocks = (0..<8).map {
            """
            *(u64 *)(r10 -\(128 - $0 * 8)) = 0
            *(u64 *)(r10 -\(192 - $0 * 8)) = -1
            """
          }.joined(separator: "\n")
          func pointer(_ register: Int, _ place: String) -> String {
            let parts = place.split(separator: " ")
            return "r\(register) = \(parts[0])\nr\(register) += \(parts[1])"
          }
          let body = """
            \(blocks)
            \(from == 0 ? "r1 = 0" : pointer(1, fromBytes))
            r2 = \(from)
            \(to == 0 ? "r3 = 0" : pointer(3, toBytes))
            r4 = \(to)
            \(Self.load(5, seed))
            call csum_diff
            r8 = r0
            r0 >>= 32
            \(XDPComparisonTests.note)
            """
          try PacketComparison(type: type, body: body)
            .check([[UInt8](1...60)], "\(from) \(to) \(seed)")
        }
      }
    }
  }
}
