import BPFCompiler
import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import BPFRuntime

/// Two CPUs run a chain while a third thread changes it as fast as it can.
@Suite("Chains that change under load", .serialized)
struct ChainStressTests {
  /// Runs of both CPUs together; `SWITCHYARD_CHAIN_RUNS=100000000` for the long form.
  static let runs =
    Int(ProcessInfo.processInfo.environment["SWITCHYARD_CHAIN_RUNS"] ?? "") ?? 40_000

  /// How a test ends: the threads stop when all runs are done.
  final class Traffic: Sendable {
    /// By ``StampedChain``'s results; 0 for anything else, 4 for runs without a program.
    let results = Synchronization.Mutex([Int](repeating: 0, count: 5))
    let running = Atomic<Int>(0)
    private let end = DispatchGroup()

    var isOver: Bool { running.load(ordering: .acquiring) == 0 }

    /// A thread, because other tests may hold every one that tasks could run on.
    func start(_ count: Int, _ cpu: Int, _ world: World) {
      running.wrappingAdd(1, ordering: .relaxed)
      end.enter()
      Thread.detachNewThread { [self] in
        defer {
          running.wrappingSubtract(1, ordering: .releasing)
          end.leave()
        }
        var found = [Int](repeating: 0, count: 5)
        guard let cpu = try? world.runtime.makeCPU(index: cpu),
          let context = try? PacketContext(type: .xdp),
          (try? context.load(StampedChain.packet)) != nil
        else { return }
        for _ in 0..<count {
          do {
            let value = try cpu.run(world.entry, in: context)?.returnValue
            let result = value.map { (1...3).contains($0) ? Int($0) : 0 } ?? 4
            found[result] += 1
          } catch {
            found[0] += 1
          }
        }
        let sums = found
        results.withLock { results in
          for index in sums.indices { results[index] += sums[index] }
        }
      }
    }

    func wait() -> [Int] {
      end.wait()
      return results.withLock { $0 }
    }
  }

  /// The arrays, and sets of stages with different stamps.
  final class World: Sendable {
    let runtime: Runtime
    let entry: EntryPoint
    let arrays: [String: MapHandle]
    let engine: Runtime.Engine

    init(_ engine: Runtime.Engine) throws {
      self.engine = engine
      runtime = Runtime(possibleCPUs: 2, compiler: engine == .compiled ? .x86() : nil)
      entry = try runtime.makeEntryPoint(named: "entry", type: .xdp, engine: engine)
      var arrays: [String: MapHandle] = [:]
      for name in ["even", "odd"] {
        arrays[name] = try runtime.makeMap(
          MapDefinition(
            name: name, type: .programArray, keySize: 4, valueSize: 4,
            maxEntries: UInt32(StampedChain.length / 2)))
      }
      self.arrays = arrays
    }

    func stages(stamp: Int) throws -> [Program] {
      try (0..<StampedChain.length).map { number in
        let source = try RuntimeBench.source(
          "stage\(number)", BenchProgram(StampedChain.stage(number, stamp: stamp), .xdp), arrays)
        return try runtime.loadUnverified(source, engine: engine)
      }
    }

    /// Makes a set of stages the chain, in one transaction.
    func publish(_ stages: [Program]) throws {
      var change = runtime.beginTransaction(conflicts: .overwrite)
      try change.enter(entry, with: stages[0])
      for (number, stage) in stages.enumerated().dropFirst() {
        let slot = StampedChain.slot(of: number)
        try change.set(stage, in: #require(arrays[slot.array]), at: slot.index)
      }
      try change.commit()
    }

    /// The same, slot by slot.
    func update(_ stages: [Program]) throws {
      try entry.set(stages[0])
      for (number, stage) in stages.enumerated().dropFirst() {
        let slot = StampedChain.slot(of: number)
        try #require(arrays[slot.array]).setProgram(stage, at: slot.index)
      }
    }
  }

  static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  @Test("every run sees one generation, and nothing leaks", arguments: engines)
  func transactions(engine: Runtime.Engine) throws {
    let world = try World(engine)
    var sets = try (1...4).map { try world.stages(stamp: $0) }
    try world.publish(sets[0])
    let count = engine == .interpreter ? min(Self.runs, 2_000_000) : Self.runs
    let traffic = Traffic()
    for cpu in 0..<2 { traffic.start(count / 2, cpu, world) }
    var transactions = 0
    let start = ContinuousClock.now
    while !traffic.isOver {
      transactions += 1
      // Now and then a set is new, and an old one goes.
      if transactions.isMultiple(of: 256) {
        sets[transactions / 256 % 4] = try world.stages(stamp: 4 + transactions)
      }
      try world.publish(sets[transactions % 4])
      if transactions.isMultiple(of: 100) {
        try world.runtime.rollBack(to: world.runtime.generation.number - 3)
      }
    }
    let time = ContinuousClock.now - start
    let found = traffic.wait()
    print(
      "\(engine): \(found[1]) runs whole, \(found[2]) mixed, \(found[3]) fell through;"
        + " \(transactions) transactions in \(time)")
    #expect(found == [0, count / 2 * 2, 0, 0, 0])
    #expect(transactions > 10)
    // Only the sets and what is in the history are there; without it, only the chain itself.
    sets = []
    world.runtime.generationLimit = 0
    world.runtime.epochs.collect()
    #expect(world.runtime.registry.programCount == StampedChain.length)
  }

  @Test("R4.6: plain updates mix generations as in Linux, but no entry is ever missing")
  func plainUpdates() throws {
    let world = try World(Self.engines.last ?? .interpreter)
    let sets = try (1...4).map { try world.stages(stamp: $0) }
    try world.update(sets[0])
    let traffic = Traffic()
    for cpu in 0..<2 { traffic.start(Self.runs / 2, cpu, world) }
    var rounds = 0
    while !traffic.isOver {
      rounds += 1
      try world.update(sets[rounds % 4])
    }
    let found = traffic.wait()
    print("plain: \(found[1]) runs whole, \(found[2]) mixed, \(found[3]) fell through")
    #expect(found[0] + found[3] + found[4] == 0)
    #expect(found[1] + found[2] == Self.runs / 2 * 2)
  }

  @Test("transactions from several threads come one after the other")
  func concurrentTransactions() throws {
    let world = try World(.interpreter)
    let sets = try (1...4).map { try world.stages(stamp: $0) }
    try world.publish(sets[0])
    let committed = Atomic<Int>(0)
    let conflicts = Atomic<Int>(0)
    let before = world.runtime.generation.number
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for _ in 0..<200 {
        var change = world.runtime.beginTransaction()
        for (number, stage) in sets[thread].enumerated().dropFirst() {
          let slot = StampedChain.slot(of: number)
          guard let array = world.arrays[slot.array] else { continue }
          try? change.set(stage, in: array, at: slot.index)
        }
        do {
          try change.commit()
          committed.wrappingAdd(1, ordering: .relaxed)
        } catch {
          conflicts.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    let (done, refused) = (committed.load(ordering: .relaxed), conflicts.load(ordering: .relaxed))
    #expect(done + refused == 800)
    #expect(done > 0)
    #expect(world.runtime.generation.number == before + UInt64(done))
    // Whatever is there now is of one set.
    let programs = Set(world.arrays.values.flatMap { $0.programs.map(\.program.id) })
    #expect(sets.contains { Set($0.dropFirst().map(\.id)) == programs })
  }
}
