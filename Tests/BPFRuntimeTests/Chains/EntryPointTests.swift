import BPFCompiler
import BPFRuntime
import TestSupport
import Testing

@Suite("Entry points take their program from the generation")
struct EntryPointTests {
  static func entryPoint(_ world: ChainWorld) throws -> EntryPoint {
    try world.runtime.makeEntryPoint(
      named: "ingress", type: .words,
      engine: world.bench.engine == .compiled ? .compiled : .interpreter)
  }

  static func run(_ world: ChainWorld, _ entryPoint: EntryPoint) throws -> UInt64? {
    let mode: CPU.Mode = world.bench.engine == .unchecked ? .unchecked : .checked
    let context = try Context(layout: ProgramType.words.context)
    return try world.bench.cpu.run(entryPoint, in: context, mode: mode)?.returnValue
  }

  @Test("plain updates and transactions change where runs begin", arguments: Engine.ours)
  func program(engine: Engine) throws {
    let world = try ChainWorld(engine)
    let ingress = try Self.entryPoint(world)
    #expect(try Self.run(world, ingress) == nil)
    try ingress.set(world.program("p1"))
    #expect(try Self.run(world, ingress) == 1)
    #expect(ingress.program?.name == "p1")
    var change = try world.transaction("p2", "p3")
    try change.enter(ingress, with: world.program("main"))
    let generation = try change.commit()
    #expect(generation.changes.contains { $0.description == "ingress[0]: p1 -> main" })
    #expect(try Self.run(world, ingress) == 2)
    change = try world.transaction("p4", "p5")
    try change.enter(ingress, with: world.program("other"))
    try change.commit()
    #expect(try Self.run(world, ingress) == 5)
    try world.runtime.rollBack(to: 2)
    #expect(try Self.run(world, ingress) == 2)
    try world.runtime.rollBack(to: 1)
    #expect(try Self.run(world, ingress) == 1)
    ingress.clear()
    #expect(try Self.run(world, ingress) == nil)
    #expect(try world.bench.run("p1") == 1, "the CPU is free again")
  }

  @Test("a run of an entry point counts hops like any other", arguments: Engine.ours)
  func hops(engine: Engine) throws {
    let world = try ChainWorld(engine)
    let ingress = try Self.entryPoint(world)
    try ingress.set(world.program("main"))
    try world.bench.store("main", in: "a", at: 0)
    let context = try Context(layout: ProgramType.words.context)
    let result = try world.bench.cpu.run(ingress, in: context)
    #expect(result?.hops == 33)
    #expect(result?.returnValue == 99)
  }

  @Test("programs of other kinds are refused")
  func refused() throws {
    let world = try ChainWorld(.checked)
    let ingress = try Self.entryPoint(world)
    try world.bench.load("filter", BenchProgram("r0 = 0\nexit", .number(1)))
    let error = #expect(throws: ChainError.self) { try ingress.set(world.program("filter")) }
    guard case .incompatible("filter", "ingress", 0, _)? = error else {
      Issue.record("\(error as Any)")
      return
    }
    let stranger = try ChainWorld(.checked)
    #expect(throws: ChainError.foreign(name: "p1")) { try ingress.set(stranger.program("p1")) }
    #expect(throws: LinuxError.invalid) {
      try world.runtime.makeEntryPoint(named: "x", type: .xdp, engine: .compiled)
    }
    let context = try Context(layout: .plain(byteCount: 8))
    #expect(throws: Fault.self) { try world.bench.cpu.run(ingress, in: context) }
  }
}
