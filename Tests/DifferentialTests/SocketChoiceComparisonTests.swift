import BPFKernel
import BPFRuntime
import Glibc
import TestSupport
import Testing

@Suite("Programs that choose sockets, against Linux", .serialized, .requiresKernel)
struct SocketChoiceComparisonTests {
  /// A socket of this process, and what it is in our table.
  private struct Sample {
    let descriptor: Int32
    let socket: SocketTable.Socket

    /// Makes one that is bound to a free port of the loopback device; it listens, or is connected
    /// to a port.
    init(
      transport: UInt8, isIPv6: Bool = false, isIPv6Only: Bool = false, peer: UInt16? = nil
    ) throws {
      let type = transport == 6 ? SOCK_STREAM : SOCK_DGRAM
      let descriptor = Glibc.socket(
        isIPv6 ? AF_INET6 : AF_INET, Int32(type.rawValue), Int32(transport))
      var option: Int32 = isIPv6Only ? 1 : 0
      if isIPv6 { setsockopt(descriptor, 41, 26, &option, 4) }
      let size = socklen_t(isIPv6 ? 28 : 16)
      var address = Self.address(isIPv6: isIPv6, port: peer ?? 0)
      let isUsable = address.withUnsafeMutableBytes { bytes in
        bytes.withMemoryRebound(to: sockaddr.self) { address in
          guard let start = address.baseAddress else { return false }
          if peer != nil { return connect(descriptor, start, size) == 0 }
          guard bind(descriptor, start, size) == 0 else { return false }
          return transport == 17 || listen(descriptor, 4) == 0
        }
      }
      try #require(isUsable, "errno \(errno)")
      var count = socklen_t(28)
      address.withUnsafeMutableBytes { bytes in
        _ = bytes.withMemoryRebound(to: sockaddr.self) { address in
          address.baseAddress.map { getsockname(descriptor, $0, &count) }
        }
      }
      var cookie: UInt64 = 0
      count = 8
      try #require(getsockopt(descriptor, SOL_SOCKET, 57, &cookie, &count) == 0)
      self.descriptor = descriptor
      socket = SocketTable.Socket(
        transport: transport, localAddress: isIPv6 ? nil : "127.0.0.1",
        localPort: UInt16(address[2]) << 8 | UInt16(address[3]),
        remoteAddress: peer == nil ? nil : "127.0.0.1", remotePort: peer ?? 0, cookie: cookie,
        isIPv6: isIPv6, isIPv6Only: isIPv6Only)
    }

    private static func address(isIPv6: Bool, port: UInt16) -> [UInt8] {
      let head = [isIPv6 ? 10 : 2, 0, UInt8(port >> 8), UInt8(port & 0xff)] as [UInt8]
      let host = isIPv6 ? [] : [127, 0, 0, 1] as [UInt8]
      return head + host + [UInt8](repeating: 0, count: 28 - head.count - host.count)
    }
  }

  /// Sockets that take connections, and some that do not.
  private static func samples() throws -> [Sample] {
    let listener = try Sample(transport: 6)
    return [
      listener, try Sample(transport: 17), try Sample(transport: 6, isIPv6: true),
      try Sample(transport: 17, isIPv6: true, isIPv6Only: true),
      try Sample(transport: 6, peer: listener.socket.localPort),
      try Sample(transport: 17, peer: 9),
    ]
  }

  /// Chooses two sockets one after the other, with flags, and looks at the one that is chosen.
  private static let text = """
    r6 = r1
    r7 = map[out][0]+0
    r1 = *(u64 *)(r7 +0)
    *(u32 *)(r10 -4) = r1
    r1 = map[sockets]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto none
    r8 = r0
    r1 = r6
    r2 = r8
    r3 = *(u64 *)(r7 +8)
    call sk_assign
    *(u64 *)(r7 +32) = r0
    r1 = r8
    call sk_release
    *(u64 *)(r7 +40) = r0
    goto second
    none: r1 = r6
    r2 = 0
    r3 = *(u64 *)(r7 +8)
    call sk_assign
    *(u64 *)(r7 +32) = r0
    second: r1 = *(u64 *)(r7 +16)
    *(u32 *)(r10 -4) = r1
    r1 = map[sockets]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto look
    r8 = r0
    r1 = r6
    r2 = r8
    r3 = *(u64 *)(r7 +24)
    call sk_assign
    *(u64 *)(r7 +48) = r0
    r1 = r8
    call sk_release
    look: r1 = *(u64 *)(r6 +0)
    if r1 == 0 goto out
    r2 = *(u32 *)(r1 +4)
    *(u64 *)(r7 +56) = r2
    r2 = *(u32 *)(r1 +12)
    *(u64 *)(r7 +64) = r2
    r2 = *(u32 *)(r1 +44)
    *(u64 *)(r7 +72) = r2
    r2 = *(u32 *)(r1 +72)
    *(u64 *)(r7 +80) = r2
    out: r0 = 1
    exit
    """

  private static func lookup(family: UInt8, protocol number: UInt8) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 72)
    bytes[8] = family
    bytes[12] = number
    if family == 2 {
      bytes.replaceSubrange(16..<20, with: [127, 0, 0, 1])
      bytes.replaceSubrange(40..<44, with: [127, 0, 0, 1])
    }
    bytes.replaceSubrange(60..<62, with: [80, 0])
    return bytes
  }

  @Test("sk_assign takes the same sockets with the same flags, and gives the same errors")
  func assignments() throws {
    try #require(Engine.all.contains(.kernel))
    let samples = try Self.samples()
    defer { for sample in samples { close(sample.descriptor) } }
    let table = try SocketTable(samples.map(\.socket))
    let type = try #require(ProgramType.linux(number: 30))
    let benches = try Engine.all.map { engine in
      let bench = try engine.bench()
      try bench.makeCounters("out", 16)
      try bench.makeMap(
        "sockets",
        MapDefinition(
          name: "sockets", type: .socketMap, keySize: 4, valueSize: 8, maxEntries: 16))
      try fill(bench, samples, table)
      try bench.load(
        "choose",
        BenchProgram(Self.text, type, traits: ProgramTraits(expectedAttachType: 36)))
      return bench
    }
    let flags: [UInt64] = [0, 1, 2, 3, 4, 1 << 40]
    for (family, number) in [(2, 6), (2, 17), (10, 6), (10, 17)] as [(UInt8, UInt8)] {
      for first in 0...UInt64(samples.count) {
        for (index, firstFlags) in flags.enumerated() {
          let second = (first + UInt64(index) * 3 + 1) % UInt64(samples.count + 1)
          for secondFlags in [0, 1] as [UInt64] {
            let words = [first, firstFlags, second, secondFlags]
            let outcomes = try benches.map { bench in
              try bench.setCounters("out", words, count: 16)
              let result = try bench.run(
                "choose", .context(Self.lookup(family: family, protocol: number)))
              return try bench.counters("out").dropFirst(4) + [UInt64(result.value)]
                + [chosen(bench, result)]
            }
            for (bench, outcome) in zip(benches, outcomes) {
              #expect(
                outcome == outcomes.last, "\(bench.engine) \(family) \(number) \(words)")
            }
          }
        }
      }
    }
  }

  /// The cookie of the chosen socket, which Linux writes into the context.
  private func chosen(_ bench: any Bench, _ result: BenchResult) -> UInt64 {
    if let bench = bench as? RuntimeBench { return bench.selectedSocket?.socket.cookie ?? 0 }
    return result.context.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func fill(_ bench: any Bench, _ samples: [Sample], _ table: SocketTable) throws {
    if let bench = bench as? RuntimeBench { bench.cpu.environment.sockets = table }
    for (index, sample) in samples.enumerated() {
      let key = littleEndian(UInt32(index))
      if let map = (bench as? RuntimeBench)?.maps["sockets"] {
        try map.setSocket(SocketTarget(cookie: sample.socket.cookie), at: key)
      } else {
        try bench.update(
          "sockets", key, littleEndian(UInt32(sample.descriptor)) + [0, 0, 0, 0], flags: 0)
      }
    }
  }

  @Test("a chosen socket outlives its table's place in the environment")
  func lifetime() throws {
    let type = try #require(ProgramType.linux(number: 30))
    for engine in Engine.ours {
      let bench = try RuntimeBench(engine)
      try bench.makeCounters("out", 16)
      try bench.makeMap(
        "sockets",
        MapDefinition(
          name: "sockets", type: .socketMap, keySize: 4, valueSize: 8, maxEntries: 16))
      try bench.load("choose", BenchProgram(Self.text, type))
      let program = try #require(bench.programs["choose"])
      let context = try Context(layout: type.context)
      context.bytes = Self.lookup(family: 2, protocol: 17)
      try bench.maps["sockets"]?.setSocket(SocketTarget(cookie: 5), at: littleEndian(0))
      bench.cpu.environment.sockets = try SocketTable([
        SocketTable.Socket(
          transport: 17, localAddress: "127.0.0.1", localPort: 7, cookie: 5)
      ])
      _ = try bench.cpu.run(program, in: context)
      #expect(context.selectedSocket?.index == 0)
      #expect(try bench.counters("out")[9] == 7)
      // The context keeps the table; a socket that is no longer in the environment is read still.
      bench.cpu.environment.sockets = .empty
      #expect(context.selectedSocket?.socket.cookie == 5)
      if engine == .compiled { _ = try bench.cpu.run(program, in: context) }
      context.bytes = Self.lookup(family: 2, protocol: 17)
      #expect(context.selectedSocket == nil)
      _ = try bench.cpu.run(program, in: context)
      #expect(context.selectedSocket == nil)
    }
  }
}
