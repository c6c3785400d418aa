import BPFCompiler
import BPFRuntime
import TestSupport
import Testing

/// Programs of types that Linux has no test run for: what is expected is what its documentation and
/// its sources say.
@Suite("Programs about sockets and messages")
struct SocketProgramTests {
  /// A place to run programs of one type, with a map of three sockets and a table that has them.
  private final class Stage {
    let runtime: Runtime
    let cpu: CPU
    let type: ProgramType
    let engine: Runtime.Engine
    let sockets: MapHandle
    let hash: MapHandle
    let group: MapHandle
    let table: SocketTable

    /// By cookie: 1 is connected, 2 listens, 3 is one of UDP; 4 is not in the maps.
    init(_ engine: Runtime.Engine, _ number: UInt32) throws {
      self.engine = engine
      runtime = Runtime(compiler: engine == .compiled ? .x86() : nil)
      cpu = try runtime.makeCPU()
      type = try #require(ProgramType.linux(number: number))
      table = try SocketTable([
        SocketTable.Socket(
          transport: 6, localAddress: "192.0.2.1", localPort: 80, remoteAddress: "192.0.2.2",
          remotePort: 9, cookie: 1),
        SocketTable.Socket(transport: 6, localAddress: "192.0.2.1", localPort: 80, cookie: 2),
        SocketTable.Socket(transport: 17, localAddress: "192.0.2.1", localPort: 53, cookie: 3),
        SocketTable.Socket(transport: 17, localPort: 53, cookie: 4, isIPv6: true),
      ])
      cpu.environment.sockets = table
      sockets = try runtime.makeMap(
        MapDefinition(
          name: "sockets", type: .socketMap, keySize: 4, valueSize: 8, maxEntries: 4))
      hash = try runtime.makeMap(
        MapDefinition(
          name: "hash", type: .socketHash, keySize: 8, valueSize: 8, maxEntries: 4))
      group = try runtime.makeMap(
        MapDefinition(
          name: "group", type: .reuseportSockets, keySize: 4, valueSize: 8, maxEntries: 4))
      for cookie in 1...3 as ClosedRange<UInt64> {
        let target = SocketTarget(cookie: cookie)
        try sockets.setSocket(target, at: littleEndian(UInt32(cookie)))
        try group.setSocket(target, at: littleEndian(UInt32(cookie)))
        try hash.setSocket(target, at: littleEndian(UInt32(cookie)) + [0, 0, 0, 0])
      }
    }

    func program(_ text: String) throws -> Program {
      try unsafe runtime.loadUnverified(
        ProgramSource(
          assembly: text, type: type, maps: ["sockets": sockets, "hash": hash, "group": group]),
        engine: engine)
    }

    func context(_ packet: [UInt8], _ words: [Int: UInt32] = [:]) throws -> PacketContext {
      let context = try PacketContext(type: type)
      try context.load(packet)
      for (offset, word) in words { context[word: offset] = word }
      return context
    }

    func run(_ text: String, _ context: Context) throws -> Int64 {
      Int64(bitPattern: try cpu.run(program(text), in: context).returnValue)
    }
  }

  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  private static let letters = Array("abcdefghijklmnop".utf8)

  @Test("packets and messages are redirected to sockets in maps", arguments: engines)
  func redirections(engine: Runtime.Engine) throws {
    let cases: [(type: UInt32, call: Int, key: UInt64, flags: UInt64, cookie: UInt64?)] = [
      (14, 52, 1, 0, 1), (14, 52, 1, 1, 1), (14, 52, 3, 0, 3), (14, 52, 2, 0, nil),
      (14, 52, 0, 0, nil), (14, 52, 9, 0, nil), (14, 52, 1, 2, nil), (14, 72, 3, 1, 3),
      (14, 72, 4, 0, nil), (16, 60, 1, 0, 1), (16, 60, 3, 0, nil), (16, 60, 3, 1, 3),
      (16, 60, 2, 1, nil), (16, 60, 1, 4, nil), (16, 71, 1, 1, 1), (16, 71, 2, 1, nil),
    ]
    for item in cases {
      let stage = try Stage(engine, item.type)
      let isHash = item.call == 72 || item.call == 71
      let key =
        isHash
        ? "r1 = \(item.key)\n*(u64 *)(r10 -8) = r1\nr3 = r10\nr3 += -8" : "r3 = \(item.key)"
      let context = try stage.context([UInt8](repeating: 0, count: 60))
      let result = try stage.run(
        "r6 = r1\n\(key)\nr1 = r6\nr2 = map[\(isHash ? "hash" : "sockets")]\nr4 = \(item.flags)\n"
          + "call \(item.call)\nexit", context)
      #expect(result == (item.cookie == nil ? 0 : 1), "\(item)")
      let target = item.cookie.map { RedirectTarget.stream(cookie: $0, isIngress: item.flags == 1) }
      #expect(context.redirectTarget == target, "\(item)")
    }
  }

  /// Calls of helpers on a message of sixteen letters, and what it is then; the window is as long
  /// as the second number.
  private typealias MessageCall = (
    call: Int, first: Int64, second: Int64, flags: Int, result: Int64, text: String, window: Int
  )

  private static let messageCalls: [MessageCall] = [
    (63, 0, 16, 0, 0, "abcdefghijklmnop", 16), (63, 4, 6, 0, 0, "abcdefghijklmnop", 2),
    (63, 4, 4, 0, -22, "abcdefghijklmnop", 16), (63, 6, 4, 0, -22, "abcdefghijklmnop", 16),
    (63, 0, 17, 0, -22, "abcdefghijklmnop", 16), (63, 0, 4, 1, -22, "abcdefghijklmnop", 16),
    (63, -1, 1, 0, -22, "abcdefghijklmnop", 16), (90, 0, 2, 0, 0, "..abcdefghijklmnop", 18),
    (90, 16, 1, 0, 0, "abcdefghijklmnop.", 17), (90, 3, 2, 0, 0, "abc..defghijklmnop", 18),
    (90, 17, 1, 0, -22, "abcdefghijklmnop", 16), (90, 3, 0, 0, 0, "abcdefghijklmnop", 16),
    (90, 3, 1, 1, -22, "abcdefghijklmnop", 16), (90, 3, -1, 0, -12, "abcdefghijklmnop", 16),
    (91, 0, 2, 0, 0, "cdefghijklmnop", 14), (91, 14, 2, 0, 0, "abcdefghijklmn", 14),
    (91, 3, 1, 0, 0, "abcefghijklmnop", 15), (91, 0, 16, 0, 0, "", 0),
    (91, 15, 2, 0, -22, "abcdefghijklmnop", 16), (91, 16, 1, 0, -22, "abcdefghijklmnop", 16),
    (91, 3, 0, 0, 0, "abcdefghijklmnop", 16), (91, 3, 1, 1, -22, "abcdefghijklmnop", 16),
    (91, 1, -1, 0, -22, "abcdefghijklmnop", 16),
  ]

  @Test("bytes are pulled, pushed and popped in messages", arguments: engines)
  func messages(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, 16)
    for item in Self.messageCalls {
      let context = try stage.context(Self.letters)
      #expect(context[word: 68] == 16)
      // The result in the upper half; the lower one has the window and the size that is shown.
      let result = try stage.run(
        """
        r6 = r1
        r2 = \(item.first) ll
        r3 = \(item.second) ll
        r4 = \(item.flags)
        call \(item.call)
        r7 = *(u64 *)(r6 +8)
        r1 = *(u64 *)(r6 +0)
        r7 -= r1
        r1 = *(u32 *)(r6 +68)
        r1 <<= 16
        r7 |= r1
        r0 <<= 32
        r0 |= r7
        exit
        """, context)
      #expect(result >> 32 == item.result, "\(item)")
      #expect(Int(result & 0xffff) == item.window, "\(item)")
      #expect(Int(result >> 16 & 0xffff) == item.text.utf8.count, "\(item)")
      let text = item.text.utf8.map { $0 == UInt8(ascii: ".") ? 0 : $0 }
      #expect(context.message == text, "\(item)")
    }
  }

  @Test("a program reads and writes the window of a message, and says for how long it decides")
  func window() throws {
    for engine in Self.engines {
      let stage = try Stage(engine, 16)
      let context = try stage.context(Self.letters)
      let result = try stage.run(
        """
        r6 = r1
        r2 = 7
        call msg_apply_bytes
        r1 = r6
        r2 = 4096
        call msg_cork_bytes
        r1 = r6
        r2 = 4
        r3 = 8
        r4 = 0
        call msg_pull_data
        r2 = *(u64 *)(r6 +0)
        r3 = *(u64 *)(r6 +8)
        r4 = r2
        r4 += 4
        if r4 > r3 goto out
        r0 = *(u8 *)(r2 +0)
        r1 = 90
        *(u8 *)(r2 +3) = r1
        out: exit
        """, context)
      #expect(result == 101)
      #expect(context.message == Array("abcdefgZijklmnop".utf8))
      #expect(context.messageByteCounts == (7, 4096))
      // The next message knows nothing of that.
      try context.load([1])
      #expect(context.messageByteCounts == (0, 0))
      #expect(context[word: 68] == 1)
    }
    // Outside the window nothing can be touched.
    let stage = try Stage(.interpreter, 16)
    #expect(throws: Fault.self) {
      try stage.run(
        "r6 = r1\nr2 = 4\nr3 = 8\nr4 = 0\ncall msg_pull_data\nr1 = *(u64 *)(r6 +0)\n"
          + "r0 = *(u8 *)(r1 +4)\nexit", stage.context(Self.letters))
    }
  }

  @Test("a socket of a group is chosen by index", arguments: engines)
  func groups(engine: Runtime.Engine) throws {
    // The context is about socket 3, one of UDP over version 4.
    let cases: [(key: UInt32, flags: Int, result: Int64)] = [
      (3, 0, 0), (1, 0, -91), (0, 0, -2), (9, 0, -2), (3, 1, -22),
    ]
    let stage = try Stage(engine, 21)
    for item in cases {
      let context = try stage.context([1, 2, 3, 4, 5, 6, 7, 8])
      try context.declareSocket(2, of: stage.table)
      let text = """
        r6 = r1
        r1 = \(item.key)
        *(u32 *)(r10 -4) = r1
        r1 = r6
        r2 = map[group]
        r3 = r10
        r3 += -4
        r4 = \(item.flags)
        call sk_select_reuseport
        exit
        """
      #expect(try stage.run(text, context) == item.result, "\(item)")
      #expect(context.chosenSocketCookie == (item.result == 0 ? 3 : nil), "\(item)")
    }
    // What the context's own socket is known by, and bytes of the packet.
    let context = try stage.context([1, 2, 3, 4, 5, 6, 7, 8])
    try context.declareSocket(2, of: stage.table)
    #expect(try stage.run("r1 = *(u64 *)(r1 +40)\ncall get_socket_cookie\nexit", context) == 3)
    #expect(
      try stage.run(
        "r2 = 4\nr3 = r10\nr3 += -8\nr4 = 2\ncall skb_load_bytes\nr0 = *(u8 *)(r10 -7)\nexit",
        context) == 6)
  }

  @Test("events of sockets put them into maps, and ask for more", arguments: engines)
  func events(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, 13)
    func update(_ key: UInt32, _ flags: Int, operation: UInt32 = 4) throws -> Int64 {
      let context = try stage.context([], [0: operation])
      try context.declareSocket(3, of: stage.table)
      return try stage.run(
        """
        r6 = r1
        r1 = \(key)
        *(u32 *)(r10 -4) = r1
        r1 = r6
        r2 = map[sockets]
        r3 = r10
        r3 += -4
        r4 = \(flags)
        call sock_map_update
        exit
        """, context)
    }
    #expect(try update(0, 2) == -2)
    #expect(try update(0, 1) == 0)
    #expect(try update(0, 1) == -17)
    #expect(try update(0, 3) == -22)
    #expect(try update(4, 0) == -7)
    #expect(try update(0, 0, operation: 2) == -95)
    #expect(try stage.sockets.lookup(littleEndian(0)) == [4, 0, 0, 0, 0, 0, 0, 0])
    let flags = "r2 = 0x1ff\ncall sock_ops_cb_flags_set\nexit"
    #expect(try stage.run(flags, stage.context([])) == -22)
    let context = try stage.context([], [72: 1])
    #expect(try stage.run(flags, context) == 0x180)
    #expect(context[word: 84] == 0x7f)
  }

  @Test("programs about options see the value, and change what is set", arguments: engines)
  func options(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, 25)
    let context = try stage.context([1, 0, 0, 0], [24: 6, 28: 1, 32: 4, 36: 0xffff_ffff])
    stage.cpu.environment.hook.returnValue = -1
    let text = """
      r6 = r1
      r2 = *(u64 *)(r1 +8)
      r3 = *(u64 *)(r1 +16)
      r4 = r2
      r4 += 4
      if r4 > r3 goto out
      r5 = *(u32 *)(r2 +0)
      r5 += 7
      *(u32 *)(r2 +0) = r5
      r1 = 0
      *(u32 *)(r6 +36) = r1
      r1 = *(u64 *)(r6 +0)
      r0 = *(u32 *)(r1 +44)
      exit
      out: r0 = -1
      exit
      """
    // Of the socket that is there by default, everything is 0.
    #expect(try stage.run(text, context) == 0)
    #expect(context.packet == [8, 0, 0, 0])
    #expect(context[word: 36] == 0)
    try context.declareSocket(0, of: stage.table)
    #expect(try stage.run(text, context) == 80)
    #expect(try stage.run("r1 = *(u64 *)(r1 +0)\ncall tcp_sock\nexit", context) != 0)
    try context.load([])
    try context.declareSocket(nil, of: stage.table)
    #expect(try stage.run("r1 = *(u64 *)(r1 +0)\ncall tcp_sock\nexit", context) == 0)
    #expect(try stage.run(text, context) == -1)
  }

  /// A header of TCP with options.
  private static func header(_ options: [UInt8]) -> [UInt8] {
    [UInt8](repeating: 0, count: 20) + options
  }

  /// An option that is sought: the first bytes of the buffer, its size, the options of the header,
  /// flags, and what comes out.
  private typealias Search = (
    wanted: [UInt8], size: Int, options: [UInt8], flags: Int, result: Int64
  )

  private static let searches: [Search] = [
    ([2, 0], 4, [2, 4, 5, 180], 0, 4), ([2, 0], 3, [2, 4, 5, 180], 0, -28),
    ([2, 0], 4, [1, 1, 3, 3, 7, 2, 4, 5, 180], 0, 4), ([2, 0], 4, [0, 2, 4, 5, 180], 0, -42),
    ([2, 0], 4, [3, 3, 7, 1], 0, -42), ([2, 0], 4, [], 0, -42), ([2, 0], 4, [3, 9, 7], 0, -14),
    ([2, 0], 4, [3, 1, 7], 0, -14), ([2, 0], 4, [3], 0, -14), ([2, 4], 4, [2, 4, 5, 180], 0, -22),
    ([1, 0], 4, [1, 1], 0, -22), ([0, 0], 4, [1, 1], 0, -22), ([2, 0], 1, [], 0, -22),
    ([2, 0], 4, [2, 4, 5, 180], 2, -22), ([2, 0], 4, [2, 4, 5, 180], 1, -2),
    ([254, 4, 1, 2], 8, [254, 4, 1, 3, 254, 6, 1, 2, 9, 9], 0, 6),
    ([254, 6, 1, 2, 3, 4], 8, [254, 6, 1, 2, 3, 5, 254, 8, 1, 2, 3, 4, 9, 9], 0, 8),
    ([254, 5, 1, 2], 8, [], 0, -22), ([254, 0, 1, 2], 8, [], 0, -22),
    ([253, 4, 1, 2], 8, [254, 4, 1, 2], 0, -42), ([254, 6, 1, 2], 5, [], 0, -22),
  ]

  /// A call of a helper for an option of up to eight bytes, which lies on the stack.
  private static func call(_ helper: String, _ option: [UInt8], size: Int, flags: Int) -> String {
    let bytes = option + [UInt8](repeating: 0, count: 8 - option.count)
    let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return """
      r2 = \(word) ll
      *(u64 *)(r10 -8) = r2
      r2 = r10
      r2 += -8
      r3 = \(size)
      r4 = \(flags)
      call \(helper)
      exit
      """
  }

  @Test("options of headers are found as in Linux", arguments: engines)
  func searches(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, 13)
    for item in Self.searches {
      let text = Self.call("load_hdr_opt", item.wanted, size: item.size, flags: item.flags)
      let context = try stage.context(Self.header(item.options), [0: 13])
      #expect(try stage.run(text, context) == item.result, "\(item)")
    }
    let text = "r2 = r10\nr2 += -8\nr3 = 2\n*(u64 *)(r2 +0) = r3\nr4 = 0\ncall load_hdr_opt\nexit"
    #expect(try stage.run(text, stage.context([], [0: 13])) == -1)
    #expect(try stage.run(text, stage.context(Self.header([2, 2]), [0: 14])) == -1)
    #expect(try stage.run(text, stage.context(Self.header([2, 2]), [0: 15])) == 2)
  }

  @Test("room for options is reserved, and options are written there", arguments: engines)
  func storedOptions(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, 13)
    let reservations: [(count: Int, flags: Int, operation: UInt32, result: Int64, left: Int)] = [
      (4, 0, 14, 0, 8), (12, 0, 14, 0, 0), (13, 0, 14, -28, 12), (1, 0, 14, -22, 12),
      (4, 1, 14, -22, 12), (4, 0, 15, -1, 12), (4, 0, 13, -1, 12),
    ]
    for item in reservations {
      let context = try stage.context(Self.header([]), [0: item.operation])
      context.optionRoom = 12
      let text = "r2 = \(item.count)\nr3 = \(item.flags)\ncall reserve_hdr_opt\nexit"
      #expect(try stage.run(text, context) == item.result, "\(item)")
      #expect(context.optionRoom == item.left, "\(item)")
    }
    let stores: [(option: [UInt8], size: Int, flags: Int, operation: UInt32, result: Int64)] = [
      ([3, 3, 7], 3, 0, 15, 0), ([2, 4, 5, 180], 4, 0, 15, -17), ([3, 4, 7], 3, 0, 15, -22),
      ([3, 1], 2, 0, 15, -22), ([1, 2], 2, 0, 15, -22), ([3, 3, 7], 3, 1, 15, -22),
      ([3, 3, 7], 3, 0, 14, -1), ([254, 4, 1, 2], 4, 0, 15, -17), ([254, 4, 1, 3], 4, 0, 15, 0),
      ([254, 3, 1], 3, 0, 15, -22), ([8, 7, 1, 1, 1, 1, 1], 7, 0, 15, -28),
    ]
    let known: [UInt8] = [2, 4, 5, 180, 254, 4, 1, 2]
    for item in stores {
      let text = Self.call("store_hdr_opt", item.option, size: item.size, flags: item.flags)
      let context = try stage.context(Self.header(known), [0: item.operation])
      context.optionRoom = 6
      #expect(try stage.run(text, context) == item.result, "\(item)")
      let isStored = item.result == 0
      #expect(context.packet == Self.header(known + (isStored ? item.option : [])), "\(item)")
      #expect(context.optionRoom == 6 - (isStored ? item.option.count : 0), "\(item)")
    }
  }
}
