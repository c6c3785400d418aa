import BPFRuntime
import Glibc
import TestSupport
import Testing

@Suite("SYN cookies, against Linux", .serialized, .requiresKernel)
struct SYNCookieComparisonTests {
  /// Headers at fixed places of a value: the network's at 0, TCP's at 40, addresses and ports for a
  /// lookup at 104.
  struct Headers: Sendable {
    var version: UInt8 = 4
    /// FIN 1, SYN 2, RST 4, ACK 16.
    var flags: UInt8 = 2
    /// Of the header of TCP, in words.
    var words: UInt8 = 5
    var options: [UInt8] = []
    var sequence: UInt32 = 0x0102_0304
    var acknowledgement: UInt32 = 0
    var port: UInt16 = 80

    var value: [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 192)
      func put(_ offset: Int, _ new: [UInt8]) {
        bytes.replaceSubrange(offset..<offset + new.count, with: new)
      }
      func big(_ value: UInt32) -> [UInt8] {
        littleEndian(value).reversed()
      }
      bytes[0] = version << 4 | 5
      if version == 6 {
        bytes[23] = 1
        bytes[39] = 1
      } else {
        put(12, [127, 0, 0, 1, 127, 0, 0, 1])
      }
      let ports = [0x12, 0x34, UInt8(port >> 8), UInt8(port & 0xff)]
      put(40, ports + big(sequence) + big(acknowledgement) + [words << 4, flags])
      put(60, options)
      let addresses = version == 6 ? Array(bytes[8..<40]) : Array(bytes[12..<20])
      put(128, addresses + ports)
      return bytes
    }
  }

  /// What is called with headers.
  struct Call: Sendable, Hashable {
    var helper: Int
    var networkSize = 20
    var transportSize = 20
    var usesIPv6 = false

    var name: String { "\(helper) \(networkSize) \(transportSize) \(usesIPv6)" }

    /// The helpers 204 to 207, which look at nothing but headers.
    private var raw: String {
      let second = helper < 206 ? "\nr3 = \(transportSize)" : ""
      return """
        r1 = map[headers][0]+0
        r2 = map[headers][0]+40\(second)
        call \(helper)
        r1 = map[out][0]+0
        *(u64 *)(r1 +0) = r0
        r0 = 1
        exit
        """
    }

    var text: String {
      guard helper < 200 else { return raw }
      return """
        r6 = r1
        r2 = map[headers][0]+128
        r3 = \(usesIPv6 ? 36 : 12)
        r4 = -1
        r5 = 0
        call sk_lookup_tcp
        if r0 == 0 goto none
        r7 = r0
        r1 = r7
        r2 = map[headers][0]+0
        r3 = \(networkSize)
        r4 = map[headers][0]+40
        r5 = \(transportSize)
        call \(helper)
        r1 = map[out][0]+0
        *(u64 *)(r1 +0) = r0
        r1 = r7
        call sk_release
        r0 = 1
        exit
        none: r0 = 0
        exit
        """
    }
  }

  /// An engine, with programs by call.
  private final class Stage {
    let bench: any Bench
    private let type: ProgramType
    private var loaded: Set<String> = []

    init(_ engine: Engine, _ type: ProgramType) throws {
      bench = try engine.bench()
      self.type = type
      try bench.makeCounters("out", 1)
      try bench.makeCounters("headers", 24)
    }

    /// What a helper returned; `nil` where no socket was found.
    func result(_ call: Call, _ headers: Headers) throws -> UInt64? {
      if loaded.insert(call.name).inserted {
        try bench.load(call.name, BenchProgram(call.text, type))
      }
      try bench.update("headers", [0, 0, 0, 0], headers.value, flags: 0)
      try bench.setCounters("out", [1], count: 1)
      let isFound = try bench.run(call.name, .anyPacket).value == 1
      return isFound ? try bench.counters("out")[0] : nil
    }
  }

  /// What engines have to agree about: errors, and the size in a cookie.
  private static func comparable(_ result: UInt64?) -> Int64? {
    result.map { Int64(bitPattern: $0) < 0 ? Int64(bitPattern: $0) : Int64($0 >> 32) }
  }

  private static let options: [[UInt8]] = [
    [2, 4, 5, 180], [2, 4, 2, 23], [2, 4, 2, 24], [2, 4, 5, 20], [2, 4, 255, 255], [2, 4, 0, 0],
    [1, 1, 2, 4, 5, 160, 0, 0], [0, 2, 4, 5, 180, 0, 0, 0], [3, 3, 7, 2, 4, 5, 180, 0],
    [2, 3, 5, 180], [8, 0, 2, 4, 5, 180, 0, 0], [8, 40, 2, 4], [2, 4, 5, 180, 2, 4, 4, 176],
    [1, 1, 1, 2],
  ]

  /// Headers of every kind of good and bad.
  private static func samples(version: UInt8) -> [(Headers, size: Int)] {
    let flags = [2, 0, 1, 3, 4, 6, 16, 18, 20, 10, 0x42, 0xc2] as [UInt8]
    var samples = flags.map { (Headers(version: version, flags: $0), size: 20) }
    for option in options {
      let words = UInt8(5 + option.count / 4)
      samples.append(
        (Headers(version: version, words: words, options: option), size: Int(words) * 4))
    }
    for (words, size) in [(5, 24), (6, 20), (4, 20), (5, 19), (5, 1), (15, 60), (0, 20)] {
      samples.append((Headers(version: version, words: UInt8(words)), size: size))
    }
    return samples
  }

  @Test(
    "raw cookies have Linux's sizes and errors, and are known again by who made them",
    arguments: [UInt32(3), 6])
  func raw(type: UInt32) throws {
    try #require(Engine.all.contains(.kernel))
    let type = try #require(ProgramType.linux(number: type))
    let stages = try Engine.all.map { try Stage($0, type) }
    for (version, make, check) in [(UInt8(4), 204, 206), (6, 205, 207)] {
      for (sample, size) in Self.samples(version: version) {
        let outcomes = try stages.map { stage in
          let cookie = try stage.result(Call(helper: make, transportSize: size), sample)
          return [Self.comparable(cookie)]
            + (try Self.answers(stage, Call(helper: check), sample, cookie))
        }
        for (stage, outcome) in zip(stages, outcomes) {
          #expect(outcome == outcomes.last, "\(stage.bench.engine) \(sample) \(size)")
        }
      }
    }
  }

  /// What the check says to the right answer, and to some that are wrong.
  private static func answers(
    _ stage: Stage, _ check: Call, _ sample: Headers, _ cookie: UInt64?
  ) throws -> [Int64?] {
    guard let cookie, Int64(bitPattern: cookie) >= 0 else { return [] }
    var answer = sample
    answer.flags = 16
    answer.words = 5
    answer.options = []
    answer.sequence = sample.sequence &+ 1
    answer.acknowledgement = UInt32(truncatingIfNeeded: cookie) &+ 1
    var wrong: [Headers] = []
    for bit in [2, 5, 12, 23, 25, 28, 31] as [UInt32] {
      var other = answer
      other.acknowledgement ^= 1 << bit
      wrong.append(other)
    }
    var other = answer
    other.sequence &+= 0x10000
    wrong.append(other)
    other = answer
    other.port ^= 0x100
    if check.helper > 200 { wrong.append(other) }
    for flags in [0, 2, 4, 18, 20, 17] as [UInt8] {
      other = answer
      other.flags = flags
      wrong.append(other)
    }
    return try ([answer] + wrong).map { try Self.comparable(stage.result(check, $0)) }
  }

  /// A listener on a port of this thread's network; -1 where there is none.
  private static func listen(isIPv6: Bool, isIPv6Only: Bool = false, port: UInt16) -> Int32 {
    let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var option: Int32 = isIPv6Only ? 1 : 0
    if isIPv6 { setsockopt(descriptor, 41, 26, &option, 4) }
    var address = [isIPv6 ? 10 : 2, 0, UInt8(port >> 8), UInt8(port & 0xff)] as [UInt8]
    address += [UInt8](repeating: 0, count: 24)
    let isBound = address.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { address in
        address.baseAddress.map { bind(descriptor, $0, isIPv6 ? 28 : 16) } == 0
      }
    }
    return isBound && Glibc.listen(descriptor, 8) == 0 ? descriptor : -1
  }

  private static let setups: [(use: SYNCookies.Use, setup: String)] = [
    (.always, "2"), (.underAttack, "1"), (.never, "0"),
  ].map { ($0, "ip link set lo up\necho \($1) > /proc/sys/net/ipv4/tcp_syncookies") }

  @Sendable private static func differences(use: SYNCookies.Use) throws -> [String] {
    let listeners = [
      listen(isIPv6: false, port: 80), listen(isIPv6: true, port: 81),
      listen(isIPv6: true, isIPv6Only: true, port: 82),
    ]
    defer { for listener in listeners { close(listener) } }
    guard !listeners.contains(-1) else { return ["no listeners: errno \(errno)"] }
    let table = try SocketTable([
      SocketTable.Socket(transport: 6, localPort: 80),
      SocketTable.Socket(transport: 6, localPort: 81, isIPv6: true),
      SocketTable.Socket(transport: 6, localPort: 82, isIPv6: true, isIPv6Only: true),
    ])
    guard let type = ProgramType.linux(number: 3) else { return ["no type"] }
    let stages = try Engine.all.map { try Stage($0, type) }
    for bench in stages.compactMap({ $0.bench as? RuntimeBench }) {
      bench.cpu.environment.sockets = table
      bench.cpu.environment.synCookies.use = use
    }
    var differences: [String] = []
    func compare(_ what: String, _ outcomes: [[Int64?]]) {
      if outcomes.contains(where: { $0 != outcomes.last }) {
        differences.append("\(what): \(outcomes)")
      }
    }
    for (version, port) in [(4, 80), (4, 81), (6, 81), (6, 82)] as [(UInt8, UInt16)] {
      let usesIPv6 = version == 6
      // Before any was made, nothing is an answer to one.
      for size in [19, 20] {
        let check = Call(helper: 100, networkSize: size, usesIPv6: usesIPv6)
        let headers = Headers(version: version, flags: 16, port: port)
        compare(
          "early \(version) \(port)", try stages.map { [comparable(try $0.result(check, headers))] }
        )
      }
      for (var sample, size) in samples(version: version) {
        sample.port = port
        for networkSize in [19, 20, 39, 40] {
          let make = Call(
            helper: 110, networkSize: networkSize, transportSize: size, usesIPv6: usesIPv6)
          var check = make
          check.helper = 100
          check.transportSize = 20
          compare(
            "\(sample) \(size) \(networkSize)",
            try stages.map { stage in
              let cookie = try stage.result(make, sample)
              return [comparable(cookie)] + (try answers(stage, check, sample, cookie))
            })
        }
      }
      // A header of another version than the addresses by which the socket was found.
      for other in [4, 6, 5] as [UInt8] {
        for helper in [100, 110] {
          let headers = Headers(version: version, flags: helper == 100 ? 16 : 2, port: port)
          var changed = headers.value
          changed[0] = other << 4 | 5
          let call = Call(helper: helper, networkSize: 40, usesIPv6: usesIPv6)
          compare(
            "\(call.name) version \(other) \(port)",
            try stages.map { stage in
              _ = try stage.result(call, headers)
              try stage.bench.update("headers", [0, 0, 0, 0], changed, flags: 0)
              _ = try stage.bench.run(call.name, .anyPacket)
              return [comparable(try stage.bench.counters("out")[0])]
            })
        }
      }
    }
    return differences
  }

  @Test("listeners make and check cookies as in Linux", arguments: 0..<3)
  func listeners(index: Int) throws {
    try #require(Engine.all.contains(.kernel))
    let (use, setup) = Self.setups[index]
    let differences = try NetworkNamespace.run(setup: setup) { try Self.differences(use: use) }
    #expect(differences.isEmpty, "\(differences.count), first \(differences.prefix(4))")
  }

  @Test("a cookie is good for this minute and the next, with the key that it was made with")
  func age() throws {
    let type = try #require(ProgramType.linux(number: 6))
    let stage = try Stage(.checked, type)
    let cpu = try #require(stage.bench as? RuntimeBench).cpu
    cpu.environment.synCookies.key = SYNCookies.Key(1, 2)
    let minute: UInt64 = 60_000_000_000
    cpu.clock = .fixed(1000 * minute)
    let cookie = try #require(try stage.result(Call(helper: 204), Headers()))
    func answers() throws -> Int64? {
      try Self.answers(stage, Call(helper: 206), Headers(), cookie)[0]
    }
    for (time, expected) in [(1000, 0), (1001, 0), (1002, -13), (999, -13), (1256, 0)] {
      cpu.clock = .fixed(UInt64(time) * minute)
      // The count of minutes has eight bits in a cookie, but the hash has all of them.
      #expect(try answers() == Int64(time == 1256 ? -13 : expected), "\(time)")
    }
    cpu.clock = .fixed(1000 * minute)
    cpu.environment.synCookies.key = SYNCookies.Key(1, 3)
    #expect(try answers() == -13)
    cpu.environment.synCookies.key = SYNCookies.Key(1, 2)
    #expect(try answers() == 0)
  }
}
