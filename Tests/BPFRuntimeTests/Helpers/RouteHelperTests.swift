import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite("Routes, sockets, text and dynamic pointers")
struct RouteHelperTests {
  /// Device 2 is where packets come in, 3 where they leave.
  static let routes: RouteTable = {
    var routes = RouteTable()
    routes.add(RouteTable.Interface(index: 2, linkAddress: [2, 0, 0, 0, 0, 2], forwards: true))
    routes.add(
      RouteTable.Interface(
        index: 3, linkAddress: [2, 0, 0, 0, 0, 3], mtu: 1400, addresses: ["192.0.2.3"]))
    routes.add(RouteTable.Interface(index: 4))
    routes.add(.init(to: "10.0.0.0/8", interface: 3, gateway: "192.0.2.1", priority: 7))
    routes.add(.init(to: "10.1.0.0/16", .blackhole))
    routes.add(.init(to: "10.2.0.0/16", .unreachable))
    routes.add(.init(to: "10.3.0.0/16", .prohibited))
    routes.add(.init(to: "10.4.0.0/16", .local, table: 255))
    routes.add(.init(to: "10.5.0.0/16", interface: 3))
    routes.add(.init(to: "2001:db8::/32", interface: 3, gateway: "2001:db8:1::1"))
    routes.add(.init(interface: 3, address: "192.0.2.1", linkAddress: [2, 0, 0, 0, 0, 9]))
    routes.add(.init(interface: 3, address: "2001:db8:1::1", linkAddress: [2, 0, 0, 0, 0, 8]))
    return routes
  }()

  /// Fills the structure, looks it up and returns r0 and the structure's words.
  private func look(
    _ destination: InternetAddress, interface: UInt32 = 2, length: UInt16 = 100, flags: Int = 0
  ) throws -> (result: UInt32, structure: [UInt8]) {
    let runtime = Runtime()
    let map = try runtime.makeMap(
      MapDefinition(name: "map", type: .array, keySize: 4, valueSize: 64, maxEntries: 1))
    var structure = [UInt8](repeating: 0, count: 64)
    structure[0] = destination.isIPv6 ? 10 : 2
    structure[6] = UInt8(length & 0xff)
    structure[7] = UInt8(length >> 8)
    structure[8] = UInt8(interface)
    structure.replaceSubrange(32..<32 + destination.bytes.count, with: destination.bytes)
    try map.update([0, 0, 0, 0], structure)
    let assembled = try Assembler().assemble(
      "r2 = map[map][0]+0\nr3 = 64\nr4 = \(flags)\ncall 69\nexit")
    let program = try runtime.load(
      ProgramSource(
        name: "p", type: .xdp, instructions: assembled.instructions,
        maps: assembled.references.mapValues { _ in .init(map, valueOffset: 0) }))
    let cpu = try runtime.makeCPU()
    cpu.environment.routes = Self.routes
    let context = try PacketContext(type: .xdp)
    try context.load([UInt8](repeating: 0, count: 60))
    let result = try cpu.run(program, in: context)
    return (UInt32(truncatingIfNeeded: result.returnValue), try map.lookup([0, 0, 0, 0]))
  }

  @Test("results are Linux's")
  func results() throws {
    #expect(try look("10.9.9.9").result == 0)
    #expect(try look("10.1.0.1").result == 1)
    #expect(try look("10.2.0.1").result == 2)
    #expect(try look("10.3.0.1").result == 3)
    #expect(try look("10.4.0.1").result == 4)
    #expect(try look("11.0.0.1").result == 4)
    #expect(try look("10.9.9.9", interface: 4).result == 5)
    #expect(try look("10.5.0.1").result == 7)
    #expect(try look("10.9.9.9", length: 1401).result == 8)
    #expect(try look("10.9.9.9", interface: 99).result == UInt32(bitPattern: -19))
    #expect(try look("10.9.9.9", flags: 64).result == UInt32(bitPattern: -22))
    #expect(try look("2001:db8::5").result == 0)
    #expect(try look("fe80::5").result == 4)
  }

  @Test("a success fills in device, next hop, metric, length and addresses")
  func success() throws {
    let found = try look("10.9.9.9", flags: 16).structure
    #expect(found[6...7] == [0x78, 0x05])
    #expect(found[8...11] == [3, 0, 0, 0])
    #expect(found[12...15] == [7, 0, 0, 0])
    #expect(found[16...19] == [192, 0, 2, 3])
    #expect(found[32...35] == [192, 0, 2, 1])
    #expect(found[52...57] == [2, 0, 0, 0, 0, 3])
    #expect(found[58...63] == [2, 0, 0, 0, 0, 9])
    #expect(try look("10.9.9.9", flags: 4).structure[58...63] == [0, 0, 0, 0, 0, 0])
  }

  @Test("addresses and prefixes are read from text")
  func addresses() {
    #expect(InternetAddress("1.2.3.4" as String)?.bytes == [1, 2, 3, 4])
    #expect(InternetAddress("::" as String)?.bytes == [UInt8](repeating: 0, count: 16))
    #expect(InternetAddress("1::2.3.4.5" as String)?.bytes.suffix(4) == [2, 3, 4, 5])
    for text in ["1.2.3", "1.2.3.256", "1:2", ":::", "1::2::3", "12345::", ""] {
      #expect(InternetAddress(text) == nil, "\(text)")
    }
    #expect(InternetPrefix("10.1.2.3/8" as String)?.address == "10.0.0.0")
    #expect(InternetPrefix("10.0.0.0/33" as String) == nil)
  }

  @Test("a socket is found by its addresses and can be read, but not written")
  func sockets() throws {
    let tuple = "r1 = 0x0200000a0100000a ll\n*(u64 *)(r10 -16) = r1\nr1 = 0x50000004"
    func run(_ tail: String) throws -> UInt64 {
      let text = """
        r6 = r1
        \(tuple)
        *(u32 *)(r10 -8) = r1
        r1 = r6
        r2 = r10
        r2 += -16
        r3 = 12
        r4 = -1
        r5 = 0
        call 84
        if r0 == 0 goto out
        \(tail)
        out: exit
        """
      let runtime = Runtime()
      let program = try runtime.load(
        ProgramSource(
          name: "p", type: .schedCls, instructions: try Assembler().assemble(text).instructions))
      let cpu = try runtime.makeCPU()
      cpu.environment.sockets = try SocketTable([
        .init(transport: 6, localPort: 81), .init(transport: 17, localPort: 80),
        .init(transport: 6, localPort: 80, mark: 77),
      ])
      let context = try PacketContext(type: .schedCls)
      try context.load([UInt8](repeating: 0, count: 60))
      return try cpu.run(program, in: context).returnValue
    }
    #expect(try run("r0 = *(u32 *)(r0 +16)") == 77)
    #expect(try run("r0 = *(u32 *)(r0 +44)") == 80)
    #expect(try run("r1 = r6\nr2 = r0\nr3 = 1\ncall 124") == UInt64(bitPattern: -22))
    #expect(try run("r1 = r0\ncall 86") == 0)
    #expect(throws: Fault.self) { try run("*(u32 *)(r0 +16) = 5") }
  }

  @Test("dynamic pointers keep to what they describe")
  func dynamicPointers() throws {
    func run(_ size: Int, _ flags: Int, _ body: String) throws -> Int64 {
      let text = """
        r1 = 0x0807060504030201 ll
        *(u64 *)(r10 -8) = r1
        *(u64 *)(r10 -24) = 0
        *(u64 *)(r10 -32) = 0
        r1 = r10
        r1 += -8
        r2 = \(size)
        r3 = \(flags)
        r4 = r10
        r4 += -32
        call 197
        \(body)
        exit
        """
      let runtime = Runtime()
      let program = try runtime.load(ProgramSource(assembly: text))
      let cpu = try runtime.makeCPU()
      return Int64(bitPattern: try cpu.run(program, in: MemoryContext([0])).returnValue)
    }
    func read(_ offset: Int, _ count: Int) -> String {
      """
      r1 = r10
      r1 += -40
      *(u64 *)(r1 +0) = 0
      r2 = \(count)
      r3 = r10
      r3 += -32
      r4 = \(offset)
      r5 = 0
      call 201
      if r0 != 0 goto +1
      r0 = *(u64 *)(r10 -40)
      """
    }
    #expect(try run(8, 0, "") == 0)
    #expect(try run(8, 1, "") == -22)
    #expect(try run(8, 0, read(2, 2)) == 0x0403)
    #expect(try run(8, 0, read(7, 2)) == -7)
    #expect(try run(8, 1, read(0, 1)) == -22)
    // A program that is not verified can forge one: it gets nothing that is not its own.
    #expect(try run(8, 0, "*(u64 *)(r10 -32) = 4096\n" + read(0, 8)) == -22)
  }
}
