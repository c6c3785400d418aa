import BPFRuntime
import TestSupport
import Testing

@Suite("Routes are those of Linux", .requiresKernel)
struct RouteComparisonTests {
  /// Devices 22 and 23 are two ends of a cable, as are 24 and 25; 24 forwards nothing.
  private static let setup = """
    ip link set lo up
    ip link add v22 index 22 address 02:00:00:00:00:22 type veth \
      peer name v23 index 23 address 02:00:00:00:00:23
    ip link add v24 index 24 type veth peer name v25 index 25
    for device in v22 v23 v24; do
      echo 0 > /proc/sys/net/ipv6/conf/$device/accept_dad
      ip link set $device up
      echo 1 > /proc/sys/net/ipv4/conf/$device/forwarding
      echo 1 > /proc/sys/net/ipv6/conf/$device/forwarding
    done
    echo 0 > /proc/sys/net/ipv4/conf/v24/forwarding
    echo 0 > /proc/sys/net/ipv6/conf/v24/forwarding
    ip link set v23 mtu 1400
    ip addr add 192.0.2.3/32 dev v23
    ip route add 10.0.0.0/8 via 192.0.2.1 dev v23 onlink metric 7
    ip route add blackhole 10.1.0.0/16
    ip route add unreachable 10.2.0.0/16
    ip route add prohibit 10.3.0.0/16
    ip route add local 10.4.0.0/16 dev lo
    ip route add 10.5.0.0/16 dev v23
    ip route add 10.6.0.0/16 via 192.0.2.1 dev v23 onlink mtu lock 1300
    ip route add 10.7.0.0/16 via 192.0.2.1 dev v23 onlink table 77
    ip route add 10.9.0.0/16 dev v22
    ip route add 10.0.0.0/8 dev v22 table 78
    ip route add 10.5.0.0/16 dev v22 table 78
    ip -6 route add 2001:db8::/32 dev v22 table 78
    ip route add 10.8.0.0/16 via inet6 2001:db8:1::1 dev v23 onlink
    ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:09 dev v23 nud permanent
    ip -6 addr add 2001:db8:1::3/128 dev v23 nodad
    ip -6 route add 2001:db8:1::/64 dev v23 metric 5
    ip -6 route add 2001:db8::/32 via 2001:db8:1::1 dev v23 metric 9
    ip -6 route add blackhole 2001:db8:2::/48
    ip -6 route add prohibit 2001:db8:3::/48
    ip -6 route add unreachable 2001:db8:4::/48
    ip -6 neigh add 2001:db8:1::1 lladdr 02:00:00:00:00:08 dev v23 nud permanent
    """

  /// Without rules Linux looks through tables in another way.
  private static let rules = """

    ip rule add fwmark 0x70/0xf0 table 78
    ip -6 rule add fwmark 0x70/0xf0 table 78
    """

  private static let routes: RouteTable = {
    var routes = RouteTable()
    routes.add(.init(index: 22, linkAddress: [2, 0, 0, 0, 0, 0x22], forwards: true))
    routes.add(
      RouteTable.Interface(
        index: 23, linkAddress: [2, 0, 0, 0, 0, 0x23], mtu: 1400, forwards: true,
        addresses: ["192.0.2.3", "2001:db8:1::3"]))
    routes.add(RouteTable.Interface(index: 24))
    routes.add(RouteTable.Interface(index: 25))
    routes.add(.init(to: "192.0.2.3/32", .local, interface: 23, table: 255))
    routes.add(.init(to: "10.0.0.0/8", interface: 23, gateway: "192.0.2.1", priority: 7))
    routes.add(.init(to: "10.1.0.0/16", .blackhole))
    routes.add(.init(to: "10.2.0.0/16", .unreachable))
    routes.add(.init(to: "10.3.0.0/16", .prohibited))
    routes.add(.init(to: "10.4.0.0/16", .local, interface: 1, table: 255))
    routes.add(.init(to: "10.5.0.0/16", interface: 23))
    routes.add(.init(to: "10.6.0.0/16", interface: 23, gateway: "192.0.2.1", mtu: 1300))
    routes.add(.init(to: "10.7.0.0/16", interface: 23, gateway: "192.0.2.1", table: 77))
    routes.add(.init(to: "10.9.0.0/16", interface: 22))
    routes.add(.init(to: "10.0.0.0/8", interface: 22, table: 78))
    routes.add(.init(to: "10.5.0.0/16", interface: 22, table: 78))
    routes.add(.init(to: "2001:db8::/32", interface: 22, priority: 1024, table: 78))
    routes.add(.init(to: "10.8.0.0/16", interface: 23, gateway: "2001:db8:1::1"))
    routes.add(.init(to: "2001:db8:1::3/128", .local, table: 255))
    routes.add(.init(to: "2001:db8:1::3/128", interface: 23, priority: 256))
    routes.add(.init(to: "2001:db8:1::/64", interface: 23, priority: 5))
    routes.add(.init(to: "2001:db8::/32", interface: 23, gateway: "2001:db8:1::1", priority: 9))
    routes.add(.init(to: "2001:db8:2::/48", .blackhole))
    routes.add(.init(to: "2001:db8:3::/48", .prohibited))
    routes.add(.init(to: "2001:db8:4::/48", .unreachable))
    routes.add(.init(interface: 23, address: "192.0.2.1", linkAddress: [2, 0, 0, 0, 0, 9]))
    routes.add(.init(interface: 23, address: "2001:db8:1::1", linkAddress: [2, 0, 0, 0, 0, 8]))
    return routes
  }()

  /// What is looked up: `struct bpf_fib_lookup` and the flags.
  struct Question {
    var destination: InternetAddress
    var interface: UInt32
    var length: UInt16
    var flags: Int
    var table: UInt32 = 0
    var mark: UInt32 = 0

    var structure: [UInt64] {
      var bytes = [UInt8](repeating: 0, count: 64)
      bytes[0] = destination.isIPv6 ? 10 : 2
      bytes.replaceSubrange(6..<8, with: [UInt8(length & 0xff), UInt8(length >> 8)])
      bytes.replaceSubrange(8..<12, with: littleEndian(interface))
      bytes.replaceSubrange(32..<32 + destination.bytes.count, with: destination.bytes)
      bytes.replaceSubrange(48..<52, with: littleEndian(table))
      bytes.replaceSubrange(52..<56, with: littleEndian(mark))
      return stride(from: 0, to: 64, by: 8).map { start in
        bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
    }
  }

  private static let destinations: [InternetAddress] = [
    "10.9.9.9", "10.10.0.1", "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1", "10.6.0.1",
    "10.7.0.1",
    "10.8.0.1", "11.0.0.1", "192.0.2.3", "2001:db8::5", "2001:db8:1::1", "2001:db8:1::3",
    "2001:db8:2::1", "2001:db8:3::1", "2001:db8:4::1", "2001:db9::1", "fe80::1", "ff02::1", "::1",
  ]

  private static let questions = sized + destinations.flatMap(chosen)

  /// With flags that choose among routes: 2 (output), 32 (mark), and others beside them.
  private static func chosen(_ destination: InternetAddress) -> [Question] {
    [22, 23, 24, 99].flatMap { interface in
      [2, 3, 6, 7, 32, 33, 34, 36, 38, 54].flatMap { flags in
        [0, 0x70, 0x175, 0x60].map { mark in
          Question(
            destination: destination, interface: interface, length: 100, flags: flags, mark: mark)
        }
      }
        + [11, 43].map { flags in
          Question(
            destination: destination, interface: interface, length: 100, flags: flags, table: 78,
            mark: 0x70)
        }
    }
  }

  private static let sized = destinations.flatMap { destination in
    [22, 24, 99].flatMap { interface in
      [0, 100, 1300, 1301, 1400, 1401].flatMap { length in
        [0, 1, 4, 5, 16, 20, 64].map { flags in
          Question(
            destination: destination, interface: interface, length: UInt16(length), flags: flags)
        } + [
          Question(
            destination: destination, interface: interface, length: UInt16(length), flags: 9,
            table: 77)
        ]
      }
    }
  }

  /// What differs.
  @Sendable private static func differences(
    type: ProgramType, hasRules: Bool
  ) throws -> [String] {
    let benches = try Engine.all.map { try $0.bench() }
    var routes = routes
    if hasRules { routes.add(RouteTable.Rule(mark: 0x70, mask: 0xf0, table: 78)) }
    for bench in benches {
      (bench as? RuntimeBench)?.cpu.environment.routes = routes
      try bench.makeCounters("map", 8)
      for flags in Set(questions.map(\.flags)) {
        try bench.load(
          "\(flags)",
          BenchProgram("r2 = map[map][0]+0\nr3 = 64\nr4 = \(flags)\ncall 69\nexit", type))
      }
    }
    let packet = HeaderSamples.frame([0x0800], HeaderSamples.ipv4(payload: 1386))
    var differences: [String] = []
    for question in questions {
      let outcomes = try benches.map { bench in
        try bench.setCounters("map", question.structure, count: 8)
        let result = try bench.run("\(question.flags)", .packet(packet)).value
        return "\(Int32(bitPattern: result)) "
          + (try bench.counters("map"))
          .map { String($0, radix: 16) }.joined(separator: " ")
      }
      if let expected = outcomes.last, outcomes.contains(where: { $0 != expected }) {
        differences.append("\(question): \(outcomes)")
      }
    }
    return differences
  }

  @Test("fib_lookup finds the same routes", arguments: [UInt32(6), 3], [false, true])
  func lookups(type: UInt32, hasRules: Bool) throws {
    try #require(Engine.all.contains(.kernel))
    let type = try #require(ProgramType.linux(number: type))
    let differences = try NetworkNamespace.run(
      setup: Self.setup + (hasRules ? Self.rules : "")
    ) {
      try Self.differences(type: type, hasRules: hasRules)
    }
    #expect(differences.isEmpty, "\(differences.count), first \(differences.prefix(6))")
  }
}
