import BPFInstructions
import BPFKernel
import TestSupport
import Testing

@Suite("Programs of the kernel", .requiresKernel)
struct KernelProgramTests {
  /// Linux's numbers of the program types used here.
  enum ProgramType {
    static let socketFilter: UInt32 = 1
    static let traffic: UInt32 = 3
    static let xdp: UInt32 = 6
    static let rawTracepoint: UInt32 = 17
  }

  static let packet = [UInt8](repeating: 0xab, count: 60)

  /// `r0 = value; exit`
  static func returning(_ value: Int32) -> [Instruction] {
    [
      Instruction(opcode: 0xb7, destination: .r0, immediate: value),
      Instruction(opcode: Opcode.exit),
    ]
  }

  /// `r2 = array; r3 = index; tail_call; r0 = missed; exit`
  static func tailCall(_ array: KernelMap, _ index: Int32, missed: Int32) -> [Instruction] {
    Instruction.loadImmediate64(.r2, UInt64(array.descriptor.rawValue), source: .r1)
      + [
        Instruction(opcode: 0xb7, destination: .r3, immediate: index),
        Instruction(opcode: Opcode.call, immediate: 12),
      ] + returning(missed)
  }

  static func load(
    _ instructions: [Instruction], type: UInt32, name: String = "", logLevel: UInt32 = 0
  ) throws(KernelError) -> KernelProgram {
    try KernelProgram(
      instructions, KernelProgram.Options(type: type, name: name, logLevel: logLevel))
  }

  @Test("our tag of a program is Linux's, maps included")
  func tags() throws {
    let array = try KernelMap(
      KernelMap.Shape(type: 3, keySize: 4, valueSize: 4, maxEntries: 3, flags: 0), name: "slots")
    for instructions in [Self.returning(7), Self.returning(8), Self.tailCall(array, 1, missed: 5)] {
      let tag = try Self.load(instructions, type: ProgramType.xdp).facts.tag
      let text = tag.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      #expect(instructions.tag == text)
    }
  }

  @Test(
    "a program runs on a packet",
    arguments: [ProgramType.socketFilter, ProgramType.traffic, ProgramType.xdp])
  func runsOnPacket(type: UInt32) throws {
    let program = try Self.load(Self.returning(7), type: type, name: "seven")
    let run = try program.testRun(data: Self.packet, repetitions: 3)
    #expect(run.returnValue == 7)
    // A type that begins after the Ethernet header gives that header back as zeros.
    let header = type == ProgramType.socketFilter ? [UInt8](repeating: 0, count: 14) : []
    #expect(run.data == header + Self.packet.dropFirst(header.count))
    #expect(try program.facts.type == type)
    #expect(try KernelProgram(identifier: program.facts.identifier).facts == program.facts)
  }

  @Test("an XDP context goes in and comes out")
  func xdpContext() throws {
    // `r0 = *(u32 *)(r1 +16); exit`: the queue; the test's device is the loopback, with one.
    let program = try Self.load(
      [
        Instruction(opcode: 0x61, destination: .r0, source: .r1, offset: 16),
        Instruction(opcode: Opcode.exit),
      ], type: ProgramType.xdp)
    let context =
      KernelBytes.word(0) + KernelBytes.word(60) + KernelBytes.word(0) + KernelBytes.word(1)
      + KernelBytes.word(0) + KernelBytes.word(0)
    let run = try program.testRun(data: Self.packet, context: context)
    #expect(run.returnValue == 0)
    #expect(run.context == context)
  }

  @Test("a traffic control program changes its context")
  func trafficContext() throws {
    // `*(u32 *)(r1 +8) = 5; r0 = 0; exit`: the mark.
    let program = try Self.load(
      [
        Instruction(opcode: 0xb7, destination: .r2, immediate: 5),
        Instruction(opcode: 0x63, destination: .r1, source: .r2, offset: 8),
      ] + Self.returning(0), type: ProgramType.traffic)
    let run = try program.testRun(data: Self.packet, contextCapacity: 192)
    #expect(KernelBytes.number(run.context[8..<12]) == 5)
  }

  @Test("a raw tracepoint takes its context as words")
  func rawTracepoint() throws {
    let program = try Self.load(
      [
        Instruction(opcode: 0x79, destination: .r0, source: .r1, offset: 8),
        Instruction(opcode: Opcode.exit),
      ], type: ProgramType.rawTracepoint)
    let context = KernelBytes.doubleWord(1) + KernelBytes.doubleWord(0x1_0000_0002)
    let run = try program.testRun(context: context)
    #expect(run.returnValue == 2)
  }

  @Test(
    "a packet that is too short is refused",
    arguments: [(ProgramType.xdp, 13), (ProgramType.traffic, 13), (ProgramType.socketFilter, 13)])
  func shortPacket(type: UInt32, byteCount: Int) throws {
    let program = try Self.load(Self.returning(0), type: type)
    #expect(throws: KernelErrno.invalid) {
      try program.testRun(data: [UInt8](repeating: 0, count: byteCount))
    }
  }

  @Test("a rejected program carries the verifier's log")
  func rejected() throws {
    let error = #expect(throws: KernelError.self) {
      try Self.load([Instruction(opcode: Opcode.exit)], type: ProgramType.xdp, name: "bare")
    }
    #expect(error?.errno == .accessDenied)
    #expect(error?.operation == "load program 'bare'")
    #expect(error?.log.contains("R0 !read_ok") == true)
  }

  @Test("an accepted program carries a log when asked for")
  func acceptedLog() throws {
    let program = try Self.load(Self.returning(1), type: ProgramType.xdp, logLevel: 1)
    #expect(program.verifierLog.contains("processed 2 insns"))
  }

  @Test("two programs are chained by tail call, and rewired")
  func chain() throws {
    let array = try KernelMap(
      KernelMap.Shape(type: 3, keySize: 4, valueSize: 4, maxEntries: 3), name: "chain")
    let target = try Self.load(Self.returning(2), type: ProgramType.xdp, name: "target")
    let entry = try Self.load(
      Self.tailCall(array, 1, missed: 1), type: ProgramType.xdp, name: "entry")
    let slot = KernelBytes.word(1)

    #expect(try entry.testRun(data: Self.packet).returnValue == 1)
    try array.update(slot, target.slotValue)
    #expect(try entry.testRun(data: Self.packet).returnValue == 2)
    // R4.8: the slot reads back as the program's id.
    #expect(
      UInt32(KernelBytes.number(try array.lookup(slot))) == (try target.facts.identifier))
    try array.delete(slot)
    #expect(try entry.testRun(data: Self.packet).returnValue == 1)
  }
}
