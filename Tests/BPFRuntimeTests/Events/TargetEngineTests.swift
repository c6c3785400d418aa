import BPFRuntime
import TestSupport
import Testing

@Suite("Redirections and questions about groups in every engine", .serialized)
struct TargetEngineTests {
  private func redirect(_ flags: UInt64, key: UInt64) -> BenchProgram {
    BenchProgram(
      """
      r1 = map[targets]
      r2 = \(key) ll
      r3 = \(flags) ll
      call 51
      r6 = r0
      r0 = 2
      if r6 == 4 goto hit
      r0 = r6
      r0 += 100
      hit: exit
      """, .xdp)
  }

  /// Linux would look for the device when a program returned the verdict, so a hit is 2 here and
  /// anything else 100 more than it was.
  private static let hit: UInt32 = 2

  private static let misses: [(UInt64, UInt32)] = [
    (0, 100), (1, 101), (2, 102), (3, 103), (4, 100), (7, 100), (32, 100), (1 << 32, 100),
    (.max, 100),
  ]

  @Test(
    "a miss gives the low bits of the flags, other flags XDP_ABORTED", arguments: Engine.all,
    [14, 25, 16, 17] as [UInt32])
  func misses(engine: Engine, type: UInt32) throws {
    let bench = try engine.bench()
    try bench.makeMap("targets", MapDefinition(MapShape(type, value: 4)))
    for key in [0, 3, 4, 0xffff_ffff, 1 << 32] as [UInt64] {
      for (flags, result) in Self.misses {
        try bench.load("redirect", redirect(flags, key: key))
        #expect(
          try bench.run("redirect", .anyPacket).value == result, "key \(key), flags \(flags)")
      }
    }
    // Only devices can be all meant at once.
    let isDevices = type == 14 || type == 25
    for flags in [8, 9, 24, 25] as [UInt64] {
      try bench.load("redirect", redirect(flags, key: 0))
      #expect(try bench.run("redirect", .anyPacket).value == (isDevices ? Self.hit : 100))
    }
    try bench.load("redirect", redirect(17, key: 0))
    #expect(try bench.run("redirect", .anyPacket).value == (isDevices ? 101 : 100))
  }

  @Test("a hit is XDP_REDIRECT", arguments: Engine.all, [14, 25, 16] as [UInt32])
  func hits(engine: Engine, type: UInt32) throws {
    let bench = try engine.bench()
    try bench.makeMap("targets", MapDefinition(MapShape(type, value: 4)))
    try bench.update("targets", littleEndian(0), littleEndian(1), flags: 0)
    for flags in [0, 1, 2, 3] as [UInt64] {
      try bench.load("redirect", redirect(flags, key: 0))
      #expect(try bench.run("redirect", .anyPacket).value == Self.hit)
    }
    try bench.load("redirect", redirect(0, key: 1))
    #expect(try bench.run("redirect", .anyPacket).value == 100)
    // The key is 32 bits wide.
    try bench.load("redirect", redirect(0, key: 1 << 32))
    #expect(try bench.run("redirect", .anyPacket).value == Self.hit)
  }

  @Test("programs look into maps of devices", arguments: Engine.all, [14, 25] as [UInt32])
  func lookups(engine: Engine, type: UInt32) throws {
    let bench = try engine.bench()
    try bench.makeMap("targets", MapDefinition(MapShape(type, value: 8)))
    try bench.update("targets", littleEndian(2), littleEndian(1) + littleEndian(0), flags: 0)
    for (key, result) in [(2, 1), (1, 100), (9, 100)] as [(UInt64, UInt32)] {
      try bench.load(
        "look",
        BenchProgram(
          """
          *(u32 *)(r10 -4) = \(key)
          r1 = map[targets]
          r2 = r10
          r2 += -4
          call 1
          if r0 == 0 goto none
          r1 = *(u32 *)(r0 +4)
          r0 = *(u32 *)(r0 +0)
          r0 += r1
          exit
          none: r0 = 100
          exit
          """, .xdp))
      #expect(try bench.run("look", .anyPacket).value == result, "key \(key)")
    }
  }

  @Test("where a packet goes is told with its number", arguments: Engine.ours)
  func targets(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    bench.runtime.devices = [1, 7]
    let cases: [(UInt32, UInt64, [UInt8]?, RedirectTarget?)] = [
      (14, 0, littleEndian(7), .mappedDevice(7)), (25, 0, littleEndian(7), .mappedDevice(7)),
      (16, 0, littleEndian(9), .cpu(0)), (14, 0, nil, nil),
      (14, 8, nil, .broadcast(map: 0, excludesIngress: false)),
      (25, 24, nil, .broadcast(map: 0, excludesIngress: true)),
    ]
    for (type, flags, value, expected) in cases {
      try bench.makeMap("targets", MapDefinition(MapShape(type, value: 4)))
      if let value { try bench.update("targets", littleEndian(0), value, flags: 0) }
      try bench.load("redirect", redirect(flags, key: 0))
      _ = try bench.run("redirect", .anyPacket)
      var target = bench.redirectTarget
      if case .broadcast(let map, let excludesIngress) = target {
        #expect(try map == bench.mapID("targets"))
        target = .broadcast(map: 0, excludesIngress: excludesIngress)
      }
      #expect(target == expected, "type \(type), flags \(flags)")
    }
  }

  @Test("a socket for frames is a target", arguments: Engine.ours)
  func sockets(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    try bench.makeMap("targets", MapDefinition(MapShape(17, value: 4)))
    try bench.maps["targets"]?.setSocket(SocketTarget(cookie: 5), at: littleEndian(2))
    try bench.load("redirect", redirect(0, key: 2))
    #expect(try bench.run("redirect", .anyPacket).value == Self.hit)
    #expect(try bench.redirectTarget == .socket(map: bench.mapID("targets"), index: 2))
    try bench.delete("targets", littleEndian(2))
    #expect(try bench.run("redirect", .anyPacket).value == 100)
  }

  @Test("redirect helpers tell apart where they send a packet", arguments: Engine.ours)
  func redirects(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    let cases: [(String, ProgramType, RedirectTarget?)] = [
      ("r1 = 3\nr2 = 0\ncall 23", .schedCls, .device(3)),
      ("r1 = 3\nr2 = 1\ncall 23", .schedCls, .ingress(3)),
      ("r1 = 3\nr2 = 2\ncall 23", .schedCls, nil),
      ("r1 = 4\nr2 = 0\ncall 155", .schedCls, .peer(4)),
      ("r1 = 5\nr2 = 0\ncall 23", .xdp, .device(5)),
      ("r1 = 5\nr2 = 1\ncall 23", .xdp, nil),
    ]
    for (text, type, expected) in cases {
      try bench.load("redirect", BenchProgram(text + "\nexit", type))
      _ = try bench.run("redirect", .anyPacket)
      #expect(bench.redirectTarget == expected, "\(text)")
    }
  }

  @Test("clones go to devices that there are", arguments: Engine.all)
  func clones(engine: Engine) throws {
    let bench = try engine.bench()
    let cases: [(device: Int, flags: Int, result: UInt32)] = [
      (1, 0, 0), (1, 1, 0), (1, 2, 0 &- 22), (123_456, 0, 0 &- 22), (1, -1, 0 &- 22),
    ]
    for item in cases {
      try bench.load(
        "clone",
        BenchProgram("r2 = \(item.device)\nr3 = \(item.flags)\ncall 13\nexit", .schedCls))
      var frame = [UInt8](repeating: 0, count: 60)
      frame[12] = 8
      #expect(try bench.run("clone", .packet(frame)).value == item.result, "\(item)")
    }
  }

  @Test("no slot is E2BIG, an empty one EAGAIN", arguments: Engine.all)
  func controlGroups(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeMap("groups", MapDefinition(MapShape(8, value: 4)))
    for (index, result) in [(0, 0 &- 11), (3, 0 &- 11), (4, 0 &- 7)] as [(Int, UInt32)] {
      try bench.load(
        "packet",
        BenchProgram("r2 = map[groups]\nr3 = \(index)\ncall 33\nexit", .schedCls))
      #expect(try bench.run("packet", .anyPacket).value == result)
      try bench.load(
        "task", BenchProgram("r1 = map[groups]\nr2 = \(index)\ncall 37\nexit", .schedCls))
      #expect(try bench.run("task", .anyPacket).value == result)
    }
  }

  @Test("the embedder says who belongs to a group", arguments: Engine.ours)
  func membership(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    try bench.makeMap("groups", MapDefinition(MapShape(8, value: 4)))
    try bench.maps["groups"]?.setControlGroup(
      ControlGroup { $0 == .currentTask(cpu: 0) }, at: 2)
    try bench.load("packet", BenchProgram("r2 = map[groups]\nr3 = 2\ncall 33\nexit", .schedCls))
    #expect(try bench.run("packet", .anyPacket).value == 0)
    try bench.load("task", BenchProgram("r1 = map[groups]\nr2 = 2\ncall 37\nexit", .schedCls))
    #expect(try bench.run("task", .anyPacket).value == 1)
  }
}
