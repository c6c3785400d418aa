import Switchyard
import TestSupport
import Testing

/// A batch gives what its packets give one by one.
@Suite("Batches")
struct BatchTests {
  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.compiled, .interpreter]

  /// Shortens the packet by its first byte, or lets it be, and returns its second byte.
  private static let shorten = """
    r6 = r1
    r2 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r2
    r4 += 14
    if r4 > r3 goto out
    r7 = *(u8 *)(r2 +1)
    r2 = *(u8 *)(r2 +0)
    r2 = -r2
    call 65
    r0 = r7
    exit
    out: r0 = 0
    exit
    """

  /// Calls itself until no hop is left, and returns how often nothing else happened: 1.
  private static let chain = """
    r2 = map[slots]
    r3 = *(u32 *)(r1 +12)
    r3 &= 0
    call 12
    r0 = 1
    exit
    """

  private func packets(_ count: Int) -> [[UInt8]] {
    (0..<count).map { number in
      [UInt8(number % 40), UInt8(truncatingIfNeeded: number)]
        + [UInt8](repeating: 7, count: 14 + number % 50)
    }
  }

  private func load(
    _ text: String, in runtime: Runtime, _ engine: Runtime.Engine, _ maps: [String: MapHandle] = [:]
  ) throws -> Program {
    let assembled = try Assembler().assemble(text)
    return try runtime.load(
      verifying: ProgramSource(
        name: "test", type: .xdp, instructions: assembled.instructions,
        maps: assembled.references.compactMapValues { maps[$0].map { .init($0) } }),
      engine: engine)
  }

  private func chain(_ runtime: Runtime, _ engine: Runtime.Engine) throws -> (Program, MapHandle) {
    let slots = try runtime.makeMap(
      MapDefinition(name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 1))
    let program = try load(Self.chain, in: runtime, engine, ["slots": slots])
    try slots.setProgram(program, at: 0)
    return (program, slots)
  }

  @Test("Return values, lengths and bytes are those of single runs", arguments: engines)
  func results(_ engine: Runtime.Engine) throws {
    let runtime = Runtime()
    let program = try load(Self.shorten, in: runtime, engine)
    let cpu = try runtime.makeCPU()
    let context = try PacketContext(type: .xdp)
    // More than share an epoch.
    let batch = try PacketBatch(type: .xdp, capacity: 200)
    for round in 0..<2 {
      let packets = packets(200 - round * 63)
      for packet in packets { try batch.append(packet) }
      #expect(batch.isFull == (round == 0))
      try cpu.run(program, over: batch)
      #expect(batch.finishedCount == packets.count)
      #expect(batch.results.count == packets.count)
      for (index, packet) in packets.enumerated() {
        try context.load(packet)
        let single = try cpu.run(program, in: context)
        #expect(batch.returnValue(at: index) == single.returnValue)
        #expect(batch.results[index].returnValue == single.returnValue)
        #expect(batch.results[index].packetByteCount == context.packet.count)
        #expect(batch[index].packet == context.packet)
      }
      #expect(Set(batch.results.map(\.packetByteCount)).count > 10)
      batch.removeAll()
      #expect(batch.results.isEmpty)
    }
  }

  @Test("R2.4: every run of a batch has a budget of its own", arguments: engines)
  func budget(_ engine: Runtime.Engine) throws {
    let runtime = Runtime()
    let (program, slots) = try chain(runtime, engine)
    let cpu = try runtime.makeCPU()
    let batch = try PacketBatch(type: .xdp, capacity: 70)
    for packet in packets(70) { try batch.append(packet) }
    try cpu.run(program, over: batch)
    #expect(batch.results.allSatisfy { $0.returnValue == 1 })
    #expect(program.tailCallCounts[0].limit == 70)
    // Counted or written down, hops take another way to the same end.
    cpu.countsTailCalls = true
    try cpu.run(program, over: batch)
    #expect(program.tailCallCounts[0].limit == 140)
    let uncounted = program.tailCallCounts[0].taken
    #expect(uncounted == (engine == .compiled ? 33 * 70 : 33 * 140))
    cpu.recordsTailCalls = true
    try cpu.run(program, over: batch)
    #expect(program.tailCallCounts[0].taken == uncounted + 33 * 70)
    #expect(cpu.tailCalls.count == 34)
    cpu.recordsTailCalls = false
    cpu.countsTailCalls = false
    try cpu.run(program, over: batch)
    #expect(program.tailCallCounts[0].limit == 280)
    _ = slots
  }

  @Test("An entry point's program is looked up again and again", arguments: engines)
  func entryPoint(_ engine: Runtime.Engine) throws {
    let runtime = Runtime()
    let first = try load("r0 = 1\nexit", in: runtime, engine)
    let entry = try runtime.makeEntryPoint(named: "in", type: .xdp, engine: engine)
    let cpu = try runtime.makeCPU()
    let batch = try PacketBatch(type: .xdp, capacity: 3)
    for packet in packets(3) { try batch.append(packet) }
    try cpu.run(entry, over: batch)
    #expect(batch.finishedCount == 0)
    try entry.set(first)
    try cpu.run(entry, over: batch)
    #expect(batch.results.map(\.returnValue) == [1, 1, 1])
    try entry.set(try load("r0 = 2\nexit", in: runtime, engine))
    try cpu.run(entry, over: batch)
    #expect(batch.results.map(\.returnValue) == [2, 2, 2])
  }

  @Test("A fault ends the batch at its packet")
  func fault() throws {
    // Reads where its packet's first byte says: 0 is fine.
    let text = """
      r2 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +0)
      r0 *= 100000
      r2 += r0
      r0 = *(u8 *)(r2 +0)
      exit
      """
    let runtime = Runtime(compiler: nil)
    let program = try runtime.load(
      ProgramSource(
        name: "reader", type: .xdp, instructions: try Assembler().assemble(text).instructions))
    let batch = try PacketBatch(type: .xdp)
    for first: UInt8 in [0, 0, 1, 0] {
      try batch.append([first] + [UInt8](repeating: 0, count: 20))
    }
    let fault = #expect(throws: Fault.self) { try runtime.makeCPU().run(program, over: batch) }
    #expect(fault?.instruction == 4)
    #expect(batch.finishedCount == 2)
    #expect(batch.results.map(\.returnValue) == [0, 0])
  }

  @Test("What does not fit is refused, with the packets that are there left alone")
  func refusals() throws {
    #expect(throws: LinuxError.invalid) { try PacketBatch(type: .xdp, capacity: 0) }
    let batch = try PacketBatch(type: .xdp, capacity: 1)
    #expect(throws: LinuxError.invalid) { try batch.append([1, 2, 3]) }
    #expect(batch.count == 0)
    try batch.append(packets(1)[0])
    #expect(throws: LinuxError.tooBig) { try batch.append(packets(1)[0]) }
    #expect(batch.count == 1)
    for engine in Self.engines {
      let runtime = Runtime()
      let other = try runtime.load(
        verifying: ProgramSource(
          name: "other", type: .socketFilter,
          instructions: try Assembler().assemble("r0 = 0\nexit").instructions), engine: engine)
      let fault = #expect(throws: Fault.self) { try runtime.makeCPU().run(other, over: batch) }
      #expect(fault?.kind == .contextOfAnotherType("socket_filter"))
      #expect(batch.finishedCount == 0)
    }
  }
}
