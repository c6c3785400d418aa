import BPFRuntime
import TestSupport
import Testing

/// Frames with real headers.
enum HeaderSamples {
  private static let link: [UInt8] = [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9]

  private static func payload(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 & 0xff) } }

  static func ipv4(service: UInt8 = 0, transport: UInt8 = 17, payload count: Int = 40) -> [UInt8] {
    let length = 20 + count
    return [
      0x45, service, UInt8(length >> 8), UInt8(length & 0xff), 0, 1, 0, 0, 64, transport, 0x12,
      0x34,
      10, 0, 0, 1, 10, 0, 0, 2,
    ] + payload(count)
  }

  static func ipv6(service: UInt8 = 0, payload count: Int = 40) -> [UInt8] {
    let address: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    return [0x60 | service >> 4, service << 4, 0, 0, 0, UInt8(count), 6, 64] + address + [1]
      + address + [2] + payload(count)
  }

  static func frame(_ types: [UInt16], _ packet: [UInt8]) -> [UInt8] {
    var bytes = link
    for (index, type) in types.enumerated() {
      bytes += [UInt8(type >> 8), UInt8(type & 0xff)]
      if index < types.count - 1 { bytes += [UInt8(0x20 + index), UInt8(5 + index)] }
    }
    return bytes + packet
  }

  static let plain = [frame([0x0800], ipv4()), frame([0x86dd], ipv6())]
  static let tagged = [
    frame([0x8100, 0x0800], ipv4()), frame([0x88a8, 0x8100, 0x86dd], ipv6()),
    frame([0x8100, 0x8100, 0x8100, 0x0800], ipv4()), frame([0x8100, 0x0020], payload(60)),
  ]
  static let others = [frame([0x0806], payload(60)), frame([0x0020], payload(60))]
  static let all = plain + tagged + others
}

@Suite("Helpers on socket buffers do what they do in the kernel", .requiresKernel)
struct SocketBufferHelperTests {
  typealias Buffers = SocketBufferComparisonTests

  static let note = XDPComparisonTests.note
  static let fields = [0, 16, 20, 24, 28]

  private func check(
    _ body: String, _ packets: [[UInt8]] = HeaderSamples.all, types: [UInt32] = [3],
    _ comment: String = ""
  ) throws {
    for number in types {
      let type = try #require(ProgramType.linux(number: number))
      try PacketComparison(
        type: type, body: body + "\n" + Buffers.read(number == 1 ? [] : Self.fields)
      ).check(packets, comment)
    }
  }

  @Test("skb_adjust_room")
  func adjustRoom() throws {
    let flags = [
      0, 1, 2, 4, 6, 8, 0x18, 0x1a, 0x20, 0x40, 0x42, 0x0e00_0000_0000_0042, 0x80, 0x100, 0x180,
      0x200, 0x0e00_0000_0000_0000, 0x0a, 0x12, 0x0c,
    ]
    for difference in [0, 8, 20, 40, 0xfff, 70000, -8, -20, -30, -39, -40, -41, -60, -70000] {
      for mode in [0, 1, 2] {
        for flag in flags {
          try check(
            """
            r1 = r6
            r2 = \(difference)
            r3 = \(mode)
            r4 = \(flag) ll
            call skb_adjust_room
            \(Self.note)
            """, HeaderSamples.plain + HeaderSamples.others, "\(difference) \(mode) \(flag)")
        }
      }
    }
  }

  @Test("skb_adjust_room twice, for a tunnel in a tunnel")
  func adjustRoomTwice() throws {
    for flags in [(2, 2), (2, 0), (0, 2), (4, 4), (0, 0)] {
      let calls = [flags.0, flags.1].map {
        "r1 = r6\nr2 = 20\nr3 = 1\nr4 = \($0)\ncall skb_adjust_room\n\(Self.note)"
      }
      try check(calls.joined(separator: "\n"), HeaderSamples.plain, "\(flags)")
    }
  }

  @Test("skb_change_proto")
  func changeProtocol() throws {
    for networkProtocol in [0x0008, 0xdd86, 0x0081, 0, 0xffff] {
      for flags in [0, 1] {
        try check(
          Buffers.call("skb_change_proto", networkProtocol, flags), HeaderSamples.all,
          "\(networkProtocol) \(flags)")
      }
    }
  }

  @Test("tags of virtual networks")
  func tags() throws {
    let push = "r1 = r6\nr2 = 0x81\nr3 = 0x1234\ncall skb_vlan_push\n\(Self.note)"
    let pushProvider = "r1 = r6\nr2 = 0xa888\nr3 = 7\ncall skb_vlan_push\n\(Self.note)"
    let pushOther = "r1 = r6\nr2 = 0\nr3 = 0x11234\ncall skb_vlan_push\n\(Self.note)"
    let pop = "r1 = r6\ncall skb_vlan_pop\n\(Self.note)"
    for steps in [
      [push], [pushProvider], [pushOther], [pop], [push, push], [push, pushProvider, push],
      [push, pop], [push, push, pop], [push, push, pop, pop], [pop, pop], [pop, pop, pop],
      [pop, push], [push, push, push, pop, pop, pop, pop],
    ] {
      try check(steps.joined(separator: "\n"), HeaderSamples.all, "\(steps.count)")
    }
  }

  @Test("keys of tunnels")
  func tunnelKeys() throws {
    func set(_ size: Int, _ flags: Int, _ patch: String = "") -> String {
      """
      \(patch)
      r1 = r6
      r2 = r10
      r2 += -64
      r3 = \(size)
      r4 = \(flags)
      call skb_set_tunnel_key
      \(Self.note)
      """
    }
    func get(_ size: Int, _ flags: Int) -> String {
      """
      r1 = r6
      r2 = r10
      r2 += -64
      r3 = \(size)
      r4 = \(flags)
      call skb_get_tunnel_key
      \(Self.note)
      \(XDPComparisonTests.noteStack)
      """
    }
    let clear = "r1 = 0\n*(u64 *)(r10 -48) = r1\n*(u64 *)(r10 -40) = r1"
    let clearExtension = "r1 = 0\n*(u16 *)(r10 -42) = r1"
    for size in [8, 16, 22, 24, 28, 40, 44, 48, 64] {
      try check(get(size, 0), HeaderSamples.plain, "get \(size)")
      for flags in [0, 1, 2, 4, 8, 16, 32] {
        try check(
          set(size, flags, clear) + "\n" + get(44, flags & 1), HeaderSamples.plain,
          "\(size) \(flags)")
      }
    }
    for flags in [0, 1, 16, 17, 2, 32] {
      for size in [8, 22, 24, 28, 44] {
        try check(
          set(44, 1, clearExtension) + "\n" + get(size, flags), HeaderSamples.plain,
          "6: \(size) \(flags)")
        try check(
          set(44, 0, clear) + "\n" + get(size, flags), HeaderSamples.plain, "4: \(size) \(flags)")
      }
    }
    try check(set(44, 0), HeaderSamples.plain, "label and extension")
    try check(set(44, 1), HeaderSamples.plain, "extension")
    try check(set(44, 0, clearExtension), HeaderSamples.plain, "label")
  }

  @Test("options of tunnels")
  func tunnelOptions() throws {
    func options(_ name: String, _ size: Int) -> String {
      """
      r1 = r6
      r2 = r10
      r2 += -64
      r3 = \(size)
      call \(name)
      \(Self.note)
      \(XDPComparisonTests.noteStack)
      """
    }
    let key = """
      r1 = 0
      *(u64 *)(r10 -48) = r1
      *(u64 *)(r10 -40) = r1
      r1 = r6
      r2 = r10
      r2 += -64
      r3 = 44
      r4 = 0
      call skb_set_tunnel_key
      """
    for size in [4, 6, 8, 64] {
      try check(options("skb_get_tunnel_opt", size), HeaderSamples.plain)
      try check(options("skb_set_tunnel_opt", size), HeaderSamples.plain)
      for wanted in [4, 8, 10, 64] {
        try check(
          [key, options("skb_set_tunnel_opt", size), options("skb_get_tunnel_opt", wanted)]
            .joined(separator: "\n"), HeaderSamples.plain, "\(size) \(wanted)")
      }
    }
  }

  @Test("skb_ecn_set_ce")
  func congestion() throws {
    var packets = HeaderSamples.tagged + HeaderSamples.others
    for service in 0..<8 {
      packets.append(HeaderSamples.frame([0x0800], HeaderSamples.ipv4(service: UInt8(service))))
      packets.append(HeaderSamples.frame([0x86dd], HeaderSamples.ipv6(service: UInt8(service))))
    }
    try check("r1 = r6\ncall skb_ecn_set_ce\n\(Self.note)", packets)
  }

  @Test("skb_set_tstamp")
  func timestamps() throws {
    for time in [0, 12345] {
      for clock in [0, 1, 2, 3, -1] {
        try check(
          """
          r1 = r6
          r2 = \(time)
          r3 = \(clock)
          call skb_set_tstamp
          \(Self.note)
          r0 = *(u64 *)(r6 +152)
          \(Self.note)
          r0 = *(u8 *)(r6 +180)
          \(Self.note)
          """, HeaderSamples.all, "\(time) \(clock)")
      }
    }
  }

  @Test("set_hash makes a hash that get_hash_recalc keeps, and others are not 0")
  func hashes() throws {
    try check(
      """
      r1 = r6
      r2 = 0x12345
      call set_hash
      r1 = r6
      call get_hash_recalc
      \(Self.note)
      r1 = r6
      r2 = 0
      call set_hash
      r1 = r6
      call get_hash_recalc
      \(Self.note)
      """)
    try check(
      """
      r1 = r6
      call get_hash_recalc
      r7 = r0
      r0 = 1
      if r7 != 0 goto +1
      r0 = 2
      \(Self.note)
      r1 = r6
      call get_hash_recalc
      r0 -= r7
      \(Self.note)
      r0 = *(u32 *)(r6 +68)
      r0 -= r7
      \(Self.note)
      r1 = r6
      call set_hash_invalid
      r0 = *(u32 *)(r6 +68)
      \(Self.note)
      """, HeaderSamples.plain + HeaderSamples.tagged)
  }

  @Test("check_mtu of the loopback device")
  func checkMTU() throws {
    for number: UInt32 in [3] {
      for interface in [0, 1, 77777] {
        for length in [0, 100, 65536, 65537] {
          for difference in [0, 5, -5, 65536, 70000, -70000] {
            for flags in [0, 1, 2] {
              try check(
                """
                r1 = \(length)
                *(u32 *)(r10 -8) = r1
                r1 = r6
                r2 = \(interface)
                r3 = r10
                r3 += -8
                r4 = \(difference)
                r5 = \(flags)
                call check_mtu
                \(Self.note)
                r0 = *(u32 *)(r10 -8)
                \(Self.note)
                """, HeaderSamples.plain,
                "\(number) \(interface) \(length) \(difference) \(flags)")
            }
          }
        }
      }
    }
  }

  @Test("redirections give their verdicts")
  func redirections() throws {
    for flags in [0, 1, 2, 3, 8] {
      for size in [0, 8, 19, 20, 24, 64] {
        try check(
          """
          r1 = 1
          r2 = r10
          r2 += -64
          r3 = \(size)
          r4 = \(flags)
          call redirect_neigh
          \(Self.note)
          """, HeaderSamples.plain, "\(flags) \(size)")
      }
      try check(
        "r1 = 1\nr2 = 0\nr3 = 0\nr4 = \(flags)\ncall redirect_neigh\n\(Self.note)",
        HeaderSamples.plain)
      try check("r1 = 1\nr2 = \(flags)\ncall redirect_peer\n\(Self.note)", HeaderSamples.plain)
      try check("r1 = 1\nr2 = \(flags)\ncall redirect\n\(Self.note)", HeaderSamples.plain)
    }
  }

  @Test("groups, realms and transformations of a packet from nowhere")
  func nothing() throws {
    for call in ["get_route_realm", "skb_cgroup_classid", "get_cgroup_classid"] {
      try check("r1 = r6\ncall \(call)\n\(Self.note)", HeaderSamples.plain, call)
    }
    try check(
      """
      r1 = r6
      r2 = 0
      r3 = r10
      r3 += -64
      r4 = 28
      r5 = 0
      call skb_get_xfrm_state
      \(Self.note)
      \(XDPComparisonTests.noteStack)
      """, HeaderSamples.plain)
  }
}
