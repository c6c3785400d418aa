import Switchyard
import Testing

/// Compiled programs are entered with as little in between as they need; what a run says about
/// itself does not depend on it.
@Suite("Ways into a program")
struct RunEntryTests {
  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.compiled, .interpreter]

  /// Programs that need ever more of the CPU, and return 7.
  private static let programs: [(name: String, text: String)] = [
    ("nothing", "r0 = 7\nexit"),
    ("registers", "r2 = 3\nr3 = 4\nr0 = r2\nr0 += r3\nexit"),
    (
      "a loop",
      """
      r0 = 0
      r2 = 7
      again: r0 += 1
      r2 -= 1
      if r2 != 0 goto again
      exit
      """
    ),
    (
      "the packet",
      """
      r2 = *(u32 *)(r1 +0)
      r3 = *(u32 *)(r1 +4)
      r4 = r2
      r4 += 14
      r0 = 0
      if r4 > r3 goto out
      r0 = *(u8 *)(r2 +3)
      out: exit
      """
    ),
    ("the stack", "r2 = 7\n*(u64 *)(r10 -8) = r2\nr0 = *(u64 *)(r10 -8)\nexit"),
    ("a helper", "call 8\nr0 = 7\nexit"),
    ("preserved registers", "r6 = 7\ncall 8\nr0 = r6\nexit"),
  ]

  private struct World {
    let runtime = Runtime()
    let cpu: CPU
    let context: PacketContext
    let slots: MapHandle

    init() throws {
      cpu = try runtime.makeCPU()
      context = try PacketContext(type: .xdp)
      try context.load([UInt8](repeating: 7, count: 64))
      slots = try runtime.makeMap(
        MapDefinition(name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 1))
    }

    func load(_ text: String, _ engine: Runtime.Engine) throws -> Program {
      let assembled = try Assembler().assemble(text)
      return try runtime.load(
        verifying: ProgramSource(
          name: "test", type: .xdp, instructions: assembled.instructions,
          maps: assembled.references.mapValues { _ in .init(slots) }),
        engine: engine)
    }
  }

  @Test(
    "a program returns the same and makes no hops, alone, in a batch, counted and recorded",
    arguments: engines)
  func direct(_ engine: Runtime.Engine) throws {
    let world = try World()
    let batch = try PacketBatch(type: .xdp, capacity: 3)
    for _ in 0..<3 { try batch.append([UInt8](repeating: 7, count: 64)) }
    for (name, text) in Self.programs {
      let program = try world.load(text, engine)
      for mode in 0..<3 {
        world.cpu.countsTailCalls = mode == 1
        world.cpu.recordsTailCalls = mode == 2
        for _ in 0..<2 {
          let result = try world.cpu.run(program, in: world.context)
          #expect(result.returnValue == 7, "\(name)")
          #expect(result.hops == 0, "\(name)")
        }
        try world.cpu.run(program, over: batch)
        #expect(batch.results.map(\.returnValue) == [7, 7, 7], "\(name)")
      }
    }
  }

  @Test("a program is the same as the target of a tail call", arguments: engines)
  func target(_ engine: Runtime.Engine) throws {
    let world = try World()
    let caller = try world.load(
      "r6 = r1\nr2 = map[slots]\nr3 = 0\ncall 12\nr0 = 1\nexit", engine)
    let entry = try world.runtime.makeEntryPoint(named: "entry", type: .xdp, engine: engine)
    for (name, text) in Self.programs {
      let program = try world.load(text, engine)
      try world.slots.setProgram(program, at: 0)
      let result = try world.cpu.run(caller, in: world.context)
      #expect(result.returnValue == 7, "\(name)")
      #expect(result.hops == 1, "\(name)")
      try entry.set(program)
      let entered = try world.cpu.run(entry, in: world.context)
      #expect(entered?.returnValue == 7, "\(name)")
      #expect(entered?.hops == 0, "\(name)")
      try entry.set(caller)
      #expect(try world.cpu.run(entry, in: world.context)?.hops == 1, "\(name)")
    }
    entry.clear()
    #expect(try world.cpu.run(entry, in: world.context) == nil)
  }
}
