import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

/// Ways out of a checked run that an embedder's own types, contexts and maps could open.
@Suite("Checked runs stay inside their own memory, whatever they are embedded in")
struct IsolationTests {
  static func source(
    _ text: String, _ type: ProgramType, _ maps: [String: MapHandle] = [:], license: String = "GPL"
  ) throws -> ProgramSource {
    try RuntimeBench.source("hostile", BenchProgram(text, type, license: license), maps)
  }

  static func type(
    _ layout: ContextLayout, helpers: [Helper] = [], number: UInt32 = 0x10001
  ) -> ProgramType {
    ProgramType(number: number, name: "own", context: layout, helpers: helpers)
  }

  static func fault(
    _ text: String, _ type: ProgramType, _ context: Context, _ maps: [String: MapHandle] = [:],
    in runtime: Runtime = Runtime(), limit: UInt64? = nil
  ) throws -> Fault.Kind? {
    let program = try runtime.load(source(text, type, maps))
    let cpu = try runtime.makeCPU()
    if let limit { cpu.instructionLimit = limit }
    do throws(Fault) {
      _ = try cpu.run(program, in: context)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test("a context without a packet has no ends that helpers could move")
  func noPacket() throws {
    let runtime = Runtime()
    let text = """
      r6 = r1
      r2 = -4096
      call 44
      r7 = r0
      r1 = r6
      r2 = 0
      r3 = r10
      r3 += -8
      r4 = 8
      call 189
      r0 += r7
      exit
      """
    let program = try runtime.load(Self.source(text, .xdp))
    let context = try Context(layout: ProgramType.xdp.context)
    let result = try runtime.makeCPU().run(program, in: context)
    #expect(Int64(bitPattern: result.returnValue) == -44, "both are EINVAL")
  }

  @Test("helpers of socket buffers write to no other context", arguments: [0, 8])
  func foreignContext(byteCount: Int) throws {
    let runtime = Runtime()
    let layout = ContextLayout(byteCount: byteCount, fields: [], hasPacket: true)
    let type = Self.type(layout, helpers: Array(ProgramType.schedCls.helpers.values))
    let text = """
      r6 = r1
      r2 = 0x41414141
      call 48
      r7 = r0
      r1 = r6
      r2 = 100
      r3 = 0
      call 38
      r0 += r7
      exit
      """
    let program = try runtime.load(Self.source(text, type))
    let context = try PacketContext(type: type)
    let packet = [UInt8](1...60)
    try context.load(packet)
    let result = try runtime.makeCPU().run(program, in: context)
    #expect(Int64(bitPattern: result.returnValue) == -44, "both are EINVAL")
    #expect(context.packet == packet)
    #expect(context.redirection == nil)
  }

  @Test("a map of another runtime is refused")
  func foreignMap() throws {
    let own = Runtime(possibleCPUs: 4)
    let other = Runtime(possibleCPUs: 1)
    // Filler, so that the numbers of maps and programs differ in one runtime but not in both.
    let map = try other.makeMap(
      MapDefinition(name: "m", type: .perCPUArray, keySize: 4, valueSize: 8, maxEntries: 1))
    _ = try own.makeMap(
      MapDefinition(name: "m", type: .array, keySize: 4, valueSize: 8, maxEntries: 1))
    let source = try Self.source("r1 = map[m]\nr0 = 0\nexit", .words, ["m": map])
    #expect(throws: LoadError.foreignMap("m")) { try own.load(source) }
    let slots = try own.makeMap(TailCallConcurrencyTests.definition(1))
    let program = try other.load(Self.source("r0 = 0\nexit", .words))
    #expect(throws: LinuxError.invalid) { try slots.setProgram(program, at: 0) }
    #expect(slots.ownerType == nil)
  }

  @Test("a program runs on CPUs of its own runtime only")
  func foreignProgram() async {
    await #expect(processExitsWith: .failure) {
      let program = try Runtime().load(IsolationTests.source("r0 = 0\nexit", .words))
      let context = try Context(layout: ProgramType.words.context)
      _ = try Runtime().makeCPU().run(program, in: context)
    }
  }

  @Test("a CPU makes one run at a time")
  func nestedRun() async {
    await #expect(processExitsWith: .failure) {
      let runtime = Runtime()
      let text = "*(u16 *)(r10 -8) = 65\nr1 = r10\nr1 += -8\nr2 = 2\ncall 6\nexit"
      let program = try runtime.load(IsolationTests.source(text, .words))
      let context = try Context(layout: ProgramType.words.context)
      let cpu = try runtime.makeCPU()
      cpu.traceHandler = { [unowned cpu] _ in
        cpu.traceHandler = nil
        _ = try? cpu.run(program, in: context)
      }
      _ = try cpu.run(program, in: context)
    }
  }

  @Test("each fixed-size argument has its own size")
  func fixedSizes() throws {
    let helper = Helper(
      number: 700, name: "two",
      arguments: [.fixedMemory(byteCount: 64), .fixedMemory(byteCount: 4)]
    ) { _, _, _, _, _, _ in 0 }
    let type = Self.type(.plain(byteCount: 8), helpers: [helper])
    let context = try Context(layout: type.context)
    let text = "r1 = r10\nr1 += -8\nr2 = r10\nr2 += -4\ncall 700\nexit"
    guard case .invalidHelperArgument(number: 1, _)? = try Self.fault(text, type, context) else {
      Issue.record("64 bytes at the stack's last 8 were let through")
      return
    }
  }

  @Test("a field ends where the struct does", arguments: [0, 4, 100])
  func fieldBeyondStruct(offset: Int) throws {
    let field = ContextField("f", at: offset, size: 8, reads: .any, writes: .any)
    let type = Self.type(ContextLayout(byteCount: 8, fields: [field], hasPacket: true))
    let context = try PacketContext(type: type)
    let kind = try Self.fault("r0 = *(u64 *)(r1 +\(offset))\nexit", type, context)
    #expect((kind == nil) == (offset == 0))
  }

  @Test("an atomic update does not read what programs may only write")
  func writeOnlyMap() throws {
    let runtime = Runtime()
    let map = try runtime.makeMap(
      MapDefinition(
        name: "m", type: .array, keySize: 4, valueSize: 8, maxEntries: 1,
        flags: .writeOnlyForPrograms))
    let text = """
      r1 = map[m][0]+0
      r2 = 0
      r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)
      r0 = r2
      exit
      """
    let context = try Context(layout: ProgramType.words.context)
    guard case .invalidRead? = try Self.fault(text, .words, context, ["m": map], in: runtime) else {
      Issue.record("the value was read")
      return
    }
  }

  @Test("a helper that is for GPL programs is that by its number too")
  func licenceOfIndirectCalls() throws {
    let runtime = Runtime()
    let helper = Helper(number: 701, name: "gpl", arguments: [], isGPLOnly: true) {
      _, _, _, _, _, _ in 7
    }
    let type = Self.type(.plain(byteCount: 8), helpers: [helper])
    let context = try Context(layout: type.context)
    let text = "r3 = 701\ncallx r3\nexit"
    for (license, isRefused) in [("GPL", false), ("MIT", true)] {
      let program = try runtime.load(Self.source(text, type, license: license))
      let value = try? runtime.makeCPU().run(program, in: context).returnValue
      #expect(value == (isRefused ? nil : 7), "\(license)")
    }
  }

  @Test("what helpers copy is bounded by the run's limit too")
  func helperBudget() throws {
    let runtime = Runtime()
    let map = try runtime.makeMap(
      MapDefinition(
        name: "m", type: .array, keySize: 4, valueSize: 256 << 20, maxEntries: 1))
    let text = """
      again:
      r1 = 0
      r2 = 0
      r3 = map[m][0]+0
      r4 = \(256 << 20)
      r5 = 0
      call 28
      goto again
      """
    let context = try PacketContext(type: .xdp)
    try context.load([UInt8](repeating: 0, count: 60))
    let kind = try Self.fault(text, .xdp, context, ["m": map], in: runtime, limit: 1_000_000)
    #expect(kind == .instructionLimit)
  }

  @Test("the slots of a type are not those of another one with the same number and address")
  func layoutIdentity() throws {
    let runtime = Runtime()
    let slots = try runtime.makeMap(TailCallConcurrencyTests.definition(1))
    func store(byteCount: Int) throws {
      let type = Self.type(.plain(byteCount: byteCount))
      try slots.setProgram(runtime.load(Self.source("r0 = 0\nexit", type)), at: 0)
    }
    try store(byteCount: 8)
    try slots.delete(littleEndian(0))
    // One of so many lies where the first one was.
    let others = (0..<1000).map { _ in Self.type(.plain(byteCount: 64)) }
    for other in others {
      let program = try runtime.load(Self.source("r0 = 0\nexit", other))
      #expect(throws: LinuxError.invalid) { try slots.setProgram(program, at: 0) }
    }
  }
}

@Suite("What depends on input is an error, never a trap")
struct MisuseTests {
  @Test("a context of another type")
  func contextOfAnotherType() throws {
    let runtime = Runtime()
    let program = try runtime.load(IsolationTests.source("r0 = 0\nexit", .xdp))
    let context = try Context(layout: ProgramType.words.context)
    let fault = #expect(throws: Fault.self) {
      try runtime.makeCPU().run(program, in: context)
    }
    #expect(fault?.kind == .contextOfAnotherType("xdp"))
  }

  @Test("a limit that changes while the program runs")
  func limitChanges() throws {
    let runtime = Runtime()
    let text = "*(u16 *)(r10 -8) = 65\nr1 = r10\nr1 += -8\nr2 = 2\ncall 6\nexit"
    let program = try runtime.load(IsolationTests.source(text, .words))
    let context = try Context(layout: ProgramType.words.context)
    let cpu = try runtime.makeCPU()
    cpu.traceHandler = { [unowned cpu] _ in cpu.instructionLimit = 1 }
    #expect(try cpu.run(program, in: context).instructions == 6)
    #expect(throws: Fault.self) { try cpu.run(program, in: context) }
  }

  @Test("numbers out of range")
  func numbers() throws {
    #expect(throws: LinuxError.invalid) { try Runtime(possibleCPUs: 2).makeCPU(index: 2) }
    #expect(throws: LinuxError.invalid) { try Runtime(possibleCPUs: 2).makeCPU(index: -1) }
    #expect(throws: LinuxError.noMemory) { try PacketContext(type: .xdp, capacity: .max) }
    let context = try PacketContext(type: .xdp)
    #expect(throws: LinuxError.invalid) {
      try context.load([UInt8](repeating: 0, count: 60), metadata: .min)
    }
    context.initialFields = PacketFields(controlBlock: [1])
    #expect(context.initialFields.controlBlock == [1])
  }

  @Test("a type with Linux's number and a context of its own")
  func ownContextUnderLinuxNumber() throws {
    for number: UInt32 in [1, 3, 6] {
      let type = IsolationTests.type(
        ContextLayout(byteCount: 4, fields: [], hasPacket: true), number: number)
      let context = try PacketContext(type: type)
      try context.load([UInt8](repeating: 7, count: 60))
      #expect(context.packet.count == 60)
      #expect(context.linuxContext.count == 4)
      #expect(context.fields == PacketFields())
    }
  }
}
