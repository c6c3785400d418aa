import BPFRuntime
import TestSupport
import Testing

/// Timers here and in Linux, where interrupts fire them.
@Suite("Timers against Linux", .serialized)
struct TimerComparisonTests {
  private static let engines = Engine.all.filter { $0 != .unchecked }
  private static let types: [MapType] = [.array, .hash, .lruHash]

  /// A map whose values have a timer and a counter behind it.
  private final class Stage {
    let bench: any Bench
    private let key = littleEndian(0)
    private var count = 0

    init(_ engine: Engine, _ type: MapType) throws {
      bench = try engine.bench()
      try bench.makeMap(
        "timers",
        MapDefinition(
          name: "timers", type: type, keySize: 4, valueSize: 24, maxEntries: 64, timerOffset: 0))
      try write()
    }

    /// A value with a counter of 0, and no timer.
    func write() throws {
      try bench.update(
        "timers", key, [UInt8](repeating: 0xff, count: 16) + bytes(UInt64(0)), flags: 0)
    }

    func delete() throws { try bench.delete("timers", key) }

    /// Runs a program that has the timer's address in r6.
    func run(_ body: String, callback: String = "") throws -> Int32 {
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
        \(callback)
        """
      count += 1
      try bench.load("step\(count)", BenchProgram(text, .xdp))
      return Int32(bitPattern: try bench.run("step\(count)", .anyPacket).value)
    }

    /// The counter, once it is this or time is over. Ours fire when somebody says so.
    func counted(_ expected: UInt64) throws -> [UInt8] {
      var value: [UInt8] = []
      _ = eventually {
        _ = try? (self.bench as? RuntimeBench)?.cpu.runTimers()
        value = (try? self.bench.lookup("timers", self.key, flags: 0)) ?? []
        return value.suffix(8) == bytes(expected)[...]
      }
      return value
    }

    static let initialize = "r1 = r6\nr2 = map[timers]\nr3 = 1\ncall 169"
    static let cancel = "r1 = r6\ncall 172"

    static func start(_ nanoseconds: UInt64, flags: Int = 0) -> String {
      "r1 = r6\nr2 = \(nanoseconds)\nr3 = \(flags)\ncall 171"
    }

    /// Sets a callback that counts, and does something more.
    func setCallback(_ body: String = "") throws -> Int32 {
      try run(
        "r1 = r6\nr2 = function[tick]\ncall 170",
        callback: """
          tick:
          r6 = r3
          r7 = *(u32 *)(r2 +0)
          r4 = *(u64 *)(r6 +16)
          r4 += 1
          r4 += r7
          *(u64 *)(r6 +16) = r4
          \(body)
          r0 = 0
          exit
          """)
    }
  }

  @Test("bad arguments give Linux's errors", arguments: engines, types)
  func errors(engine: Engine, type: MapType) throws {
    let stage = try Stage(engine, type)
    #expect(try stage.run(Stage.start(1)) == -22)
    #expect(try stage.setCallback() == -22)
    #expect(try stage.run(Stage.cancel) == -22)
    for clock in [2, 5, 8, 16, 17] {
      #expect(try stage.run("r1 = r6\nr2 = map[timers]\nr3 = \(clock)\ncall 169") == -22)
    }
    #expect(try stage.run(Stage.initialize) == 0)
    #expect(try stage.run(Stage.initialize) == -16)
    #expect(try stage.run(Stage.start(1)) == -22)
    #expect(try stage.setCallback() == 0)
    #expect(try stage.run(Stage.start(1, flags: 4)) == -22)
    #expect(try stage.run(Stage.start(2_000_000_000)) == 0)
    #expect(try stage.run(Stage.cancel) == 1)
    #expect(try stage.run(Stage.cancel) == 0)
    #expect(try stage.run(Stage.start(10)) == -22)
  }

  @Test("timers fire once for each start", arguments: engines, types)
  func fires(engine: Engine, type: MapType) throws {
    let stage = try Stage(engine, type)
    let zeros = [UInt8](repeating: 0, count: 16)
    #expect(try stage.counted(0) == zeros + bytes(UInt64(0)))
    #expect(try stage.run(Stage.initialize) == 0)
    #expect(try stage.setCallback() == 0)
    for turn in 1...3 as ClosedRange<UInt64> {
      // With flag 1, a time of the clock that has passed.
      #expect(try stage.run(Stage.start(turn == 2 ? 1 : 1_000_000, flags: turn == 2 ? 1 : 0)) == 0)
      // User space never sees the timer itself.
      #expect(try stage.counted(turn) == zeros + bytes(turn))
    }
    pause()
    #expect(try stage.counted(3) == zeros + bytes(UInt64(3)))
  }

  @Test("a callback starts its timer again, and cannot cancel it", arguments: engines)
  func inCallback(engine: Engine) throws {
    let stage = try Stage(engine, .array)
    #expect(try stage.run(Stage.initialize) == 0)
    // Starts itself until the counter is 5.
    #expect(
      try stage.setCallback(
        "if r4 > 4 goto enough\nr1 = r6\nr2 = 1000\nr3 = 0\ncall 171\nenough:") == 0)
    #expect(try stage.run(Stage.start(1000)) == 0)
    #expect(try stage.counted(5).suffix(8) == bytes(UInt64(5))[...])
    #expect(try stage.setCallback("r1 = r6\ncall 172\nr0 = -r0\n*(u64 *)(r6 +16) = r0") == 0)
    #expect(try stage.run(Stage.start(1000)) == 0)
    #expect(try stage.counted(35).suffix(8) == bytes(UInt64(35))[...])
  }

  @Test("a value that is written or removed loses its timer", arguments: engines, types)
  func lost(engine: Engine, type: MapType) throws {
    let stage = try Stage(engine, type)
    for removes in [false, true] where !removes || type != .array {
      #expect(try stage.run(Stage.initialize) == 0)
      #expect(try stage.setCallback() == 0)
      #expect(try stage.run(Stage.start(20_000_000)) == 0)
      if removes { try stage.delete() }
      try stage.write()
      pause()
      #expect(try stage.counted(0).suffix(8) == bytes(UInt64(0))[...])
      #expect(try stage.run(Stage.cancel) == -22)
    }
    #expect(try stage.run(Stage.initialize) == 0)
  }

  @Test("kinds that cannot have timers or locks are refused as in Linux", .requiresKernel)
  func creation() throws {
    for type in [1, 2, 3, 5, 6, 9, 10, 11, 12, 22, 23, 24, 30, 29] as [UInt32] {
      for part in ["lock", "timer", "both"] {
        for flags in [0, 1, 8, 128, 256] as [UInt32] {
          var shape = MapShape(type, value: 24, flags: flags)
          if [22, 23, 30].contains(type) { shape.keySize = 0 }
          if type == 3 || type == 12 { shape.valueSize = 4 }
          if type == 11 { shape.keySize = 8 }
          if type == 24 || type == 29 { shape.maxEntries = 0 }
          if part != "timer" { shape.lockOffset = 16 }
          if part != "lock" { shape.timerOffset = 0 }
          // Parts have to lie in the value, or Linux refuses its type.
          if shape.valueSize < 24 { continue }
          shape.isTyped = true
          #expect(errno(.checked, shape) == errno(.kernel, shape), "\(shape)")
        }
      }
    }
  }

  private func errno(_ engine: Engine, _ shape: MapShape) -> Int32? {
    do {
      try engine.bench().makeMap("map", MapDefinition(shape))
      return nil
    } catch {
      return (error as? BenchError)?.errno?.rawValue ?? -1
    }
  }
}
