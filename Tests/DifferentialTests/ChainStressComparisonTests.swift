import BPFInstructions
import BPFKernel
import Foundation
import Synchronization
import TestSupport
import Testing

/// What ``StampedChain`` shows of chains that change here is measured in Linux, too: there a chain
/// can only be changed slot by slot.
@Suite("Chains that change under load, in Linux", .requiresKernel, .serialized)
struct ChainStressComparisonTests {
  /// Runs of both threads together; `SWITCHYARD_CHAIN_RUNS` for the long form.
  static let runs =
    Int(ProcessInfo.processInfo.environment["SWITCHYARD_CHAIN_RUNS"] ?? "") ?? 400_000
  /// Runs in one call of the kernel.
  static let batch = 10_000

  /// The chain in Linux, with sets of stages that have different stamps.
  final class World: Sendable {
    let arrays: [String: KernelMap]
    let counts: KernelMap
    let entry: KernelProgram
    let sets: [[KernelProgram]]

    init() throws {
      func load(_ text: String, _ maps: [String: KernelMap]) throws -> KernelProgram {
        let assembler = Assembler(mapDescriptor: { maps[$0]?.descriptor.rawValue })
        return try KernelProgram(
          assembler.assemble(text).instructions, KernelProgram.Options(type: 6, name: "stage"))
      }
      let slots = KernelMap.Shape(
        type: 3, keySize: 4, valueSize: 4, maxEntries: UInt32(StampedChain.length / 2))
      arrays = try ["even": KernelMap(slots, name: "even"), "odd": KernelMap(slots, name: "odd")]
      counts = try KernelMap(
        KernelMap.Shape(type: 2, keySize: 4, valueSize: 40, maxEntries: 1), name: "counts")
      let maps = arrays.merging(["counts": counts]) { first, _ in first }
      entry = try load(StampedChain.entry(counts: true), maps)
      sets = try (1...4).map { stamp in
        try (0..<StampedChain.length).map {
          try load(StampedChain.stage($0, stamp: stamp, counts: true), maps)
        }
      }
    }

    /// Makes a set of stages the chain, slot by slot.
    func update(_ stages: [KernelProgram]) throws {
      for (number, stage) in stages.enumerated() {
        let slot = StampedChain.slot(of: number)
        try #require(arrays[slot.array])
          .update(KernelBytes.word(slot.index), stage.slotValue)
      }
    }

    /// How many runs had each of ``StampedChain``'s results.
    func results() throws -> [UInt64] {
      let bytes = try counts.lookup(KernelBytes.word(0))
      return (0..<5).map { number in
        (0..<8).reduce(0) { $0 | UInt64(bytes[number * 8 + $1]) << UInt64($1 * 8) }
      }
    }
  }

  @Test("R4.6: slot updates mix old and new in Linux, but no entry is ever missing")
  func mixedRuns() throws {
    let world = try World()
    try world.update(world.sets[0])
    let calls = max(1, Self.runs / 2 / Self.batch)
    let running = Atomic<Int>(2)
    let failures = Mutex<[String]>([])
    for _ in 0..<2 {
      Thread.detachNewThread {
        defer { running.wrappingSubtract(1, ordering: .releasing) }
        for _ in 0..<calls {
          do {
            _ = try world.entry.testRun(
              data: StampedChain.packet, repetitions: UInt32(Self.batch))
          } catch {
            failures.withLock { $0.append("\(error)") }
          }
        }
      }
    }
    var rounds = 0
    while running.load(ordering: .acquiring) > 0 {
      rounds += 1
      try world.update(world.sets[rounds % 4])
    }
    #expect(failures.withLock { $0 } == [])
    let results = try world.results()
    let share = Double(results[StampedChain.mixed]) / Double(results.reduce(0, +)) * 100
    print(
      "Linux: \(results[StampedChain.whole]) runs whole, \(results[StampedChain.mixed]) mixed"
        + " (\(String(format: "%.2f", share)) %), \(results[StampedChain.missed]) fell through;"
        + " \(rounds) rounds of updates")
    #expect(results[StampedChain.missed] == 0)
    #expect(results.reduce(0, +) == UInt64(calls * 2 * Self.batch))
  }
}
