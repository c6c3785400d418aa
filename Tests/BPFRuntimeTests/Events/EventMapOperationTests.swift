import BPFRuntime
import TestSupport
import Testing

/// Maps whose values are not data, from user space: the same table for the runtime and for Linux.
@Suite("User space and maps that lead elsewhere", .serialized)
struct EventMapOperationTests {
  @Test("sizes and flags that Linux refuses are refused", arguments: EventMapTables.engines)
  func creation(engine: Engine) throws {
    let bench = try engine.bench()
    for (shape, expected) in EventMapTables.creations {
      var errno: Int32 = 0
      do throws(BenchError) {
        try bench.makeMap("map", MapDefinition(shape))
      } catch {
        errno = error.errno?.rawValue ?? -1
      }
      #expect(errno == expected, "\(shape)")
    }
  }

  /// What came of it: an errno, or bytes.
  private static func perform(_ step: EventMapTables.Step, _ bench: any Bench) throws -> MapOutcome
  {
    do throws(BenchError) {
      switch step {
      case .lookup(let key):
        return .bytes(try bench.lookup("map", littleEndian(key), flags: 0))
      case .update(let key, let value, let flags):
        try bench.update("map", littleEndian(key), value, flags: flags)
      case .delete(let key): try bench.delete("map", littleEndian(key))
      case .next(let key):
        return try bench.nextKey("map", after: key.map { littleEndian($0) }).map { .bytes($0) }
          ?? .errno(2)
      case .take(let key):
        return .bytes(try bench.lookupAndDelete("map", littleEndian(key)))
      }
      return .done
    } catch {
      return .errno(Int(error.errno?.rawValue ?? -1))
    }
  }

  @Test(
    "operations give what Linux gives", arguments: EventMapTables.engines,
    EventMapTables.scripts.indices)
  func scripts(engine: Engine, number: Int) throws {
    let (shape, steps) = EventMapTables.scripts[number]
    let bench = try engine.bench()
    try bench.makeMap("map", MapDefinition(shape))
    for (index, (step, expected)) in steps.enumerated() {
      let outcome = try Self.perform(step, bench)
      #expect(outcome == expected, "type \(shape.type) step \(index): \(step)")
    }
  }

  @Test("a ring buffer has no elements", arguments: EventMapTables.engines)
  func ringBuffer(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeMap("map", MapDefinition(MapShape(27, key: 0, value: 0, entries: 4096)))
    expectRefusal(.notSupported) { _ = try bench.lookup("map", [], flags: 0) }
    expectRefusal(.notSupported) { try bench.update("map", [], [], flags: 0) }
    expectRefusal(.notSupported) { try bench.delete("map", []) }
  }
}
