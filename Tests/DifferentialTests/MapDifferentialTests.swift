import BPFKernel
import BPFRuntime
import Foundation
import TestSupport
import Testing

@Suite("Maps against Linux", .serialized)
struct MapDifferentialTests {
  @Test("the scripts say what Linux does", .requiresKernel, arguments: MapScript.all)
  func scripts(script: MapScript) throws {
    let map = try LinuxMap(script.shape)
    for (number, step) in script.steps.enumerated() {
      let outcome = try map.perform(step.operation)
      #expect(outcome == step.outcome, "step \(number): \(step.operation)")
    }
  }

  @Test("Linux creates and refuses the same maps", .requiresKernel)
  func creation() {
    for (shape, errno) in MapScript.creations + MapScript.furtherCreations {
      var error: Int32?
      do throws(KernelError) {
        _ = try KernelMap(KernelMap.Shape(shape))
      } catch let caught {
        error = caught.errno.rawValue
      }
      #expect(error == errno, "\(shape)")
    }
  }

  /// Kinds and shapes, with fewer keys than fit for the kinds that evict when Linux likes.
  private static let shapes: [(shape: MapShape, keyCount: UInt32?)] = [
    (MapShape(2, value: 12, entries: 7), nil), (MapShape(1, entries: 8), nil),
    (MapShape(1, key: 9, value: 3, entries: 5), nil),
    (MapShape(1, key: 16, value: 40, entries: 20), nil),
    (MapShape(1, key: 8, entries: 6, flags: 1), nil), (MapShape(6, value: 12, entries: 5), nil),
    (MapShape(5, key: 7, value: 16, entries: 5), nil),
    (MapShape(9, key: 8, entries: 4096), 12), (MapShape(9, value: 5, entries: 4096), 9),
    (MapShape(10, value: 24, entries: 4096), 9),
    (MapShape(11, key: 8, entries: 20, flags: 1), 30),
    (MapShape(11, key: 5, value: 4, entries: 20, flags: 1), 60),
    (MapShape(11, key: 20, value: 4, entries: 300, flags: 1), 60),
    (MapShape(11, key: 8, entries: 1000, flags: 1), 200),
    (MapShape(22, key: 0, value: 12, entries: 5), nil),
    (MapShape(23, key: 0, value: 8, entries: 5), nil),
    (MapShape(1, value: 24, entries: 5, lock: 0), nil),
    (MapShape(1, value: 22, entries: 5, flags: 1, lock: 8), nil),
    (MapShape(2, value: 12, entries: 5, lock: 4), nil),
    (MapShape(1, value: 24, entries: 5, timer: 0), nil),
    (MapShape(2, value: 40, entries: 5, lock: 36, timer: 8), nil),
    (MapShape(9, key: 8, value: 24, entries: 4096, timer: 8), 9),
    (MapShape(5, key: 3, value: 16, entries: 6, flags: 1), nil),
    (MapShape(6, value: 3, entries: 4), nil), (MapShape(10, value: 8, entries: 4096, flags: 2), 9),
    (MapShape(9, value: 5, entries: 4096, flags: 2), 9), (MapShape(1, flags: 8), nil),
    (MapShape(1, flags: 16), nil), (MapShape(2, flags: 8), nil), (MapShape(2, flags: 16), nil),
    (MapShape(11, key: 8, flags: 9), nil), (MapShape(22, key: 0, flags: 16), nil),
    (MapShape(1, flags: 64), nil), (MapShape(2, flags: 1 << 10), nil),
    (MapShape(11, key: 8, value: 8, entries: 2000, flags: 1), 1500),
    (MapShape(11, key: 12, value: 3, entries: 64, flags: 1), 40),
  ]

  /// Operations of each random sequence: as many as the variable says, where it is set.
  private static let length =
    ProcessInfo.processInfo.environment["SWITCHYARD_MAP_OPERATIONS"].flatMap { Int($0) } ?? 1500

  @Test(
    "random operations do the same in Linux, step by step", .requiresKernel,
    arguments: shapes, [11, 12, 13])
  func random(shape: (shape: MapShape, keyCount: UInt32?), seed: UInt64) throws {
    let copies = Kernel.possibleCPUCount
    let linux = try LinuxMap(shape.shape)
    let engine: Runtime.Engine = seed % 2 == 0 ? .compiled : .interpreter
    let ours = try RuntimeMap(shape.shape, possibleCPUs: copies, engine: engine)
    let operations = RandomMapOperations(
      seed: seed, shape: shape.shape, copies: copies, keyCount: shape.keyCount)
    for (number, operation) in operations.prefix(Self.length).enumerated() {
      let expected = try linux.perform(operation)
      // A per-CPU value is that of the CPU which Linux happened to run the program on.
      ours.cpuIndex = shape.shape.isPerCPU ? linux.cpuIndex : 0
      let outcome = try ours.perform(operation)
      try #require(outcome == expected, "step \(number): \(operation)")
    }
  }
}
