import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite("Timers in map values")
struct TimerTests {
  /// A map with room for a timer and a counter, and a program that does one thing with element 0.
  private final class Bench {
    let runtime = Runtime(compiler: .x86())
    let map: MapHandle
    let cpu: CPU
    let engine: Runtime.Engine

    init(_ engine: Runtime.Engine, _ type: MapType = .array) throws {
      self.engine = engine
      map = try runtime.makeMap(
        MapDefinition(name: "timers", type: type, keySize: 4, valueSize: 24, maxEntries: 2))
      if type == .hash { try map.update([0, 0, 0, 0], [UInt8](repeating: 0, count: 24)) }
      cpu = try runtime.makeCPU()
      cpu.clock = .fixed(1000)
    }

    /// Runs a program with the address of the timer in r6.
    func run(_ body: String) throws -> Int64 {
      let text = """
        *(u32 *)(r10 -4) = 0
        r1 = map[timers]
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto out
        r6 = r0
        \(body)
        out: exit
        tick:
        r1 = *(u32 *)(r2 +0)
        r4 = *(u64 *)(r3 +16)
        r4 += 1
        *(u64 *)(r3 +16) = r4
        r0 = 0
        exit
        """
      let assembled = try Assembler().assemble(text)
      let program = try unsafe runtime.loadUnverified(
        ProgramSource(
          name: "timers", type: .words, instructions: assembled.instructions,
          maps: assembled.references.mapValues { _ in .init(map) }),
        engine: engine)
      let result = try cpu.run(program, in: Context(layout: program.type.context))
      return Int64(bitPattern: result.returnValue)
    }

    var count: UInt8 {
      get throws { try map.lookup([0, 0, 0, 0])[16] }
    }
  }

  private static let initialize = "r1 = r6\nr2 = map[timers]\nr3 = 1\ncall 169"
  private static let setCallback = "r1 = r6\nr2 = function[tick]\ncall 170"
  private static let cancel = "r1 = r6\ncall 172"

  private static func start(_ nanoseconds: Int, flags: Int = 0) -> String {
    "r1 = r6\nr2 = \(nanoseconds)\nr3 = \(flags)\ncall 171"
  }

  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  @Test("a timer calls back once when it is due", arguments: engines)
  func fires(engine: Runtime.Engine) throws {
    for type in [MapType.array, .hash] {
      let bench = try Bench(engine, type)
      #expect(try bench.run(Self.initialize) == 0)
      #expect(try bench.run(Self.setCallback) == 0)
      #expect(try bench.run(Self.start(500)) == 0)
      #expect(try bench.cpu.runTimers() == 0)
      bench.cpu.clock = .fixed(1500)
      #expect(try bench.cpu.runTimers() == 1)
      #expect(try bench.count == 1)
      #expect(try bench.cpu.runTimers() == 0)
      #expect(try bench.run(Self.start(1600, flags: 1)) == 0)
      bench.cpu.clock = .fixed(1600)
      #expect(try bench.cpu.runTimers() == 1)
      #expect(try bench.count == 2)
    }
  }

  @Test("what Linux refuses is refused with its numbers")
  func errors() throws {
    let bench = try Bench(.interpreter)
    #expect(try bench.run(Self.start(1)) == -22)
    #expect(try bench.run(Self.setCallback) == -22)
    #expect(try bench.run(Self.cancel) == -22)
    #expect(try bench.run("r1 = r6\nr2 = map[timers]\nr3 = 5\ncall 169") == -22)
    #expect(try bench.run("r1 = r6\nr2 = map[timers]\nr3 = 17\ncall 169") == -22)
    #expect(try bench.run(Self.initialize) == 0)
    #expect(try bench.run(Self.initialize) == -16)
    #expect(try bench.run(Self.start(1)) == -22)
    #expect(try bench.run(Self.setCallback) == 0)
    #expect(try bench.run(Self.start(1, flags: 4)) == -22)
    #expect(try bench.run(Self.start(10)) == 0)
    #expect(try bench.run(Self.cancel) == 1)
    #expect(try bench.run(Self.cancel) == 0)
    // Cancelling forgets the callback.
    #expect(try bench.run(Self.start(10)) == -22)
  }

  @Test("a timer in its own callback cannot be cancelled there")
  func deadlock() throws {
    let bench = try Bench(.interpreter)
    let own = """
      r1 = r6
      r2 = function[own]
      call 170
      goto out
      own:
      r6 = r3
      r1 = r3
      call 172
      r0 = -r0
      *(u64 *)(r6 +16) = r0
      r0 = 0
      exit
      """
    #expect(try bench.run(Self.initialize) == 0)
    #expect(try bench.run(own) == 0)
    #expect(try bench.run(Self.start(1)) == 0)
    bench.cpu.clock = .fixed(5000)
    #expect(try bench.cpu.runTimers() == 1)
    #expect(try bench.count == 35)
  }

  @Test("a timer goes with its element")
  func elementGone() throws {
    let bench = try Bench(.interpreter, .hash)
    #expect(try bench.run(Self.initialize) == 0)
    #expect(try bench.run(Self.setCallback) == 0)
    #expect(try bench.run(Self.start(1)) == 0)
    try bench.map.delete([0, 0, 0, 0])
    try bench.map.update([0, 0, 0, 0], [UInt8](repeating: 0, count: 24))
    bench.cpu.clock = .fixed(5000)
    #expect(try bench.cpu.runTimers() == 0)
    #expect(try bench.count == 0)
    #expect(try bench.run(Self.initialize) == 0)
  }
}
