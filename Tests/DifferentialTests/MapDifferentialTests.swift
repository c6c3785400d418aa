import BPFKernel
import BPFRuntime
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
    for (shape, errno) in MapScript.creations {
      var error: Int32?
      do throws(KernelError) {
        _ = try KernelMap(KernelMap.Shape(shape))
      } catch let caught {
        error = caught.errno.rawValue
      }
      #expect(error == errno, "\(shape)")
    }
  }

  @Test(
    "random operations do the same in Linux, step by step", .requiresKernel,
    arguments: [
      MapShape(2, value: 12, entries: 7), MapShape(1, entries: 8),
      MapShape(1, key: 9, value: 3, entries: 5), MapShape(1, key: 16, value: 40, entries: 20),
      MapShape(1, entries: 6, flags: 1), MapShape(6, value: 12, entries: 5),
      MapShape(5, key: 7, value: 16, entries: 5),
    ], [11, 12, 13])
  func random(shape: MapShape, seed: UInt64) throws {
    let copies = Kernel.possibleCPUCount
    let linux = try LinuxMap(shape)
    let ours = try RuntimeMap(shape, possibleCPUs: copies)
    for operation in RandomMapOperations(seed: seed, shape: shape, copies: copies).prefix(1500) {
      let expected = try linux.perform(operation)
      // A per-CPU value is that of the CPU which Linux happened to run the program on.
      ours.cpuIndex = shape.isPerCPU ? linux.cpuIndex : 0
      let outcome = try ours.perform(operation)
      try #require(outcome == expected, "\(operation)")
    }
  }
}
