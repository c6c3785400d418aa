import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite("Packets as contexts")
struct PacketContextTests {
  static let frame = [UInt8](1...60)

  static func run(
    _ text: String, _ type: ProgramType, in context: PacketContext
  ) throws -> CPU.Result {
    let assembler = Assembler(helperNumber: { HelperNames.number(of: $0) })
    let runtime = Runtime()
    let program = try runtime.load(
      ProgramSource(
        name: "test", type: type, instructions: assembler.assemble(text).instructions))
    return try runtime.makeCPU().run(program, in: context)
  }

  @Test("what an earlier run did is forgotten")
  func reuse() throws {
    let context = try PacketContext(type: .xdp)
    let program = """
      r6 = r1
      r2 = -100
      call xdp_adjust_head
      r1 = *(u32 *)(r6 +0)
      r0 = *(u8 *)(r1 +0)
      *(u8 *)(r1 +0) = 7
      r2 = 4
      exit
      """
    for _ in 0..<2 {
      try context.load(Self.frame)
      #expect(context.packet == Self.frame)
      // The room that the packet grew into is zero each time.
      #expect(try Self.run(program, .xdp, in: context).returnValue == 0)
      #expect(context.packet == [7] + [UInt8](repeating: 0, count: 99) + Self.frame)
    }
  }

  @Test("a packet larger than the capacity gets a larger buffer")
  func growth() throws {
    let context = try PacketContext(type: .schedCls, capacity: 0)
    for count in [60, 9000, 70000, 60] {
      let packet = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      try context.load(packet)
      #expect(context.packet == packet)
      let result = try Self.run("r0 = *(u32 *)(r1 +0)\nexit", .schedCls, in: context)
      #expect(result.returnValue == UInt64(count))
    }
  }

  @Test(
    "packets without an Ethernet header are refused",
    arguments: [UInt32(1), 3, 4, 6])
  func tooShort(number: UInt32) throws {
    let type = try #require(ProgramType.linux(number: number))
    let context = try PacketContext(type: type)
    for count in 0..<14 {
      #expect(throws: LinuxError.invalid) {
        try context.load([UInt8](repeating: 0, count: count))
      }
    }
    try context.load([UInt8](repeating: 0, count: 14))
  }

  @Test("metadata goes before the packet, for XDP only", arguments: [0, 4, 216])
  func metadata(byteCount: Int) throws {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    let context = try PacketContext(type: .xdp)
    try context.load(bytes, metadata: byteCount)
    #expect(context.metadata == Array(bytes.prefix(byteCount)))
    #expect(context.packet == Array(bytes.dropFirst(byteCount)))
    #expect(context.output == bytes)
    let buffer = try PacketContext(type: .schedCls)
    guard byteCount > 0 else { return try buffer.load(bytes, metadata: 0) }
    #expect(throws: LinuxError.invalid) { try buffer.load(bytes, metadata: byteCount) }
  }

  @Test("bad counts of metadata are refused", arguments: [-4, 1, 2, 3, 220, 4096])
  func badMetadata(byteCount: Int) throws {
    let context = try PacketContext(type: .xdp)
    #expect(throws: LinuxError.invalid) { try context.load(Self.frame, metadata: byteCount) }
  }

  @Test("fields go in and come out")
  func fields() throws {
    let context = try PacketContext(type: .schedCls)
    context.initialFields = PacketFields(mark: 5, priority: 6, controlBlock: [1, 2, 3, 4, 5])
    try context.load(Self.frame)
    _ = try Self.run(
      """
      r2 = *(u32 *)(r1 +8)
      r2 += 1
      *(u32 *)(r1 +8) = r2
      *(u32 *)(r1 +48) = 9
      r0 = 0
      exit
      """, .schedCls, in: context)
    #expect(context.fields.mark == 6)
    #expect(context.fields.priority == 6)
    #expect(context.fields.controlBlock == [9, 2, 3, 4, 5])
    #expect(context.fields.wireByteCount == 60)
    try context.load(Self.frame)
    #expect(context.fields.mark == 5)
  }

  @Test("a redirection names its interface")
  func redirection() throws {
    let context = try PacketContext(type: .xdp)
    try context.load(Self.frame)
    #expect(context.redirection == nil)
    let result = try Self.run("r1 = 12\nr2 = 0\ncall redirect\nexit", .xdp, in: context)
    #expect(ProgramType.xdp.verdictName(UInt32(result.returnValue)) == "XDP_REDIRECT")
    #expect(context.redirection == 12)
    try context.load(Self.frame)
    #expect(context.redirection == nil)
  }

  @Test("a socket filter gives zeros for the Ethernet header")
  func socketFilterOutput() throws {
    let context = try PacketContext(type: .socketFilter)
    try context.load(Self.frame)
    #expect(context.packet == Array(Self.frame.dropFirst(14)))
    #expect(context.output == [UInt8](repeating: 0, count: 14) + Self.frame.dropFirst(14))
  }

  @Test("a type without a packet has no packet context")
  func withoutPacket() {
    let type = ProgramType(number: 0x10000, name: "own", context: .plain(byteCount: 8))
    #expect(throws: LinuxError.invalid) { try PacketContext(type: type) }
  }

  @Test("an embedder's type gets its packets without conditions")
  func ownType() throws {
    let layout = ContextLayout(
      byteCount: 8,
      fields: [
        ContextField("data", at: 0, value: .packetStart),
        ContextField("data_end", at: 4, value: .packetEnd),
      ], hasPacket: true)
    let type = ProgramType(number: 0x10000, name: "own", context: layout)
    let context = try PacketContext(type: type)
    try context.load([42])
    let result = try Self.run("r1 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r1 +0)\nexit", type, in: context)
    #expect(result.returnValue == 42)
    try context.load([])
    #expect(context.packet.isEmpty)
  }
}
