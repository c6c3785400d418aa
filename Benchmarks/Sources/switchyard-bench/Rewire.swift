import BPFKernel
import Foundation
import Switchyard
import Synchronization

/// A thread that runs something over and over, so that what is measured happens under load.
final class Load: Sendable {
  private let isStopped = Atomic<Bool>(false)
  private let end = DispatchSemaphore(value: 0)

  /// Starts `work`, which runs a chain a few times.
  init(_ makeWork: @escaping @Sendable () throws -> () throws -> Void) {
    Thread.detachNewThread { [self] in
      defer { end.signal() }
      guard let work = try? makeWork() else { return }
      while !isStopped.load(ordering: .relaxed) { try? work() }
    }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    end.wait()
  }
}

/// The operations of the topic `rewire` in one engine.
private protocol Rewiring {
  var name: String { get }
  /// Replaces the programs of slots 1 to 8; `round` says which of two programs comes.
  func swap(_ round: Int) throws
  /// Replaces the program of one slot.
  func update(_ slot: UInt32, _ round: Int) throws
  func delete(_ slot: UInt32) throws
  /// Prepares a swap and tells how long publishing it takes; `nil` where there is no such thing.
  func publishing(_ round: Int) throws -> Double?
}

private func bytes(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

private let shape = ChainShape(name: "constant_34", programs: 34, isConstant: true)

/// A chain of 34 compiled programs of our own, and a second set of programs for its slots.
private struct RuntimeRewiring: Rewiring {
  let name = "switchyard-jit"
  let runtime = Runtime(possibleCPUs: 2, compiler: .x86())
  let slots: MapHandle
  let sets: [[Program]]

  init() throws {
    slots = try runtime.makeMap(
      MapDefinition(
        name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 34))
    let (runtime, slots) = (runtime, slots)
    sets = try (0..<2).map { _ in
      try (0..<34).map { number in
        let assembled = try Assembler().assemble(shape.text(number))
        let maps = assembled.references.mapValues { _ in ProgramSource.MapReference(slots) }
        return try runtime.load(
          verifying: ProgramSource(
            name: "stage", type: .socketFilter, instructions: assembled.instructions, maps: maps),
          engine: .compiled)
      }
    }
    for (number, program) in sets[0].enumerated() {
      try slots.setProgram(program, at: UInt32(number))
    }
  }

  func load() -> Load {
    let (runtime, first) = (runtime, sets[0][0])
    return Load {
      let cpu = try runtime.makeCPU(index: 1)
      let context = try PacketContext(type: .socketFilter)
      try context.load([UInt8](repeating: 0, count: 64))
      return { for _ in 0..<1000 { _ = try cpu.run(first, in: context) } }
    }
  }

  func swap(_ round: Int) throws { try staged(round).commit() }

  func publishing(_ round: Int) throws -> Double? {
    let prepared = try staged(round).prepare()
    return try Sampling.nanoseconds { try prepared.publish() }
  }

  private func staged(_ round: Int) throws -> ChainTransaction {
    var change = runtime.beginTransaction()
    for slot in 1...8 { try change.set(sets[round & 1][slot], in: slots, at: UInt32(slot)) }
    return change
  }

  func update(_ slot: UInt32, _ round: Int) throws {
    try slots.setProgram(sets[round & 1][Int(slot)], at: slot)
  }

  func delete(_ slot: UInt32) throws { try slots.delete(bytes(slot)) }
}

/// The same in Linux.
private struct KernelRewiring: Rewiring {
  let name = "linux"
  let slots: KernelMap
  let sets: [[KernelProgram]]

  init() throws {
    let slots = try KernelMap(
      KernelMap.Shape(type: 3, keySize: 4, valueSize: 4, maxEntries: 34, flags: 0), name: "slots")
    self.slots = slots
    let descriptor = slots.descriptor.rawValue
    sets = try (0..<2).map { _ in
      try (0..<34).map { number in
        let assembled = try Assembler(mapDescriptor: { _ in descriptor })
          .assemble(shape.text(number))
        return try KernelProgram(
          assembled.instructions, KernelProgram.Options(type: 1, license: "GPL", name: "stage"))
      }
    }
    for (number, program) in sets[0].enumerated() {
      try slots.update(bytes(UInt32(number)), program.slotValue)
    }
  }

  func load() -> Load {
    let first = sets[0][0]
    return Load {
      let packet = [UInt8](repeating: 0, count: 64)
      return { _ = try first.testRun(data: packet, repetitions: 1000) }
    }
  }

  func swap(_ round: Int) throws {
    for slot in UInt32(1)...8 { try update(slot, round) }
  }

  func publishing(_ round: Int) throws -> Double? { nil }

  func update(_ slot: UInt32, _ round: Int) throws {
    try slots.update(bytes(slot), sets[round & 1][Int(slot)].slotValue)
  }

  func delete(_ slot: UInt32) throws { try slots.delete(bytes(slot)) }
}

/// Measures the topic `rewire`: nanoseconds per operation on a chain of 34 programs with constant
/// indexes, of which all refer to the array, while another thread runs the chain.
func measureRewiring(_ settings: Settings) throws -> [Row] {
  let ours = try RuntimeRewiring()
  let load = ours.load()
  var rows = try RewireSamples.rows(of: ours, settings, repetitions: 1000)
  load.stop()
  if Kernel.availability.isAvailable {
    let linux = try KernelRewiring()
    let load = linux.load()
    rows += try RewireSamples.rows(of: linux, Settings(rounds: 3), repetitions: 3)
    load.stop()
  }
  return rows
}

private enum RewireSamples {
  /// Medians of the three operations.
  static func rows(
    of rewiring: some Rewiring, _ settings: Settings, repetitions: Int
  ) throws -> [Row] {
    var samples: [String: [Double]] = [:]
    for round in 0..<settings.rounds {
      samples["update_34", default: []].append(
        try Sampling.nanoseconds {
          for count in 0..<repetitions {
            try rewiring.update(UInt32(1 + count % 33), count / 33 + round)
          }
        } / Double(repetitions))
      samples["swap_8", default: []].append(
        try Sampling.nanoseconds {
          for count in 0..<repetitions { try rewiring.swap(count) }
        } / Double(repetitions))
      let publishing = try (0..<repetitions).compactMap { try rewiring.publishing($0) }
      if !publishing.isEmpty {
        samples["swap_8_publish", default: []].append(Sampling.median(publishing))
      }
      // Deleting needs something to be there: only the deletions are timed.
      var deletions = 0
      var time = 0.0
      while deletions < repetitions {
        let slots = UInt32(1)...UInt32(min(33, repetitions))
        time += try Sampling.nanoseconds { for slot in slots { try rewiring.delete(slot) } }
        for slot in slots { try rewiring.update(slot, round) }
        deletions += slots.count
      }
      samples["delete_34", default: []].append(time / Double(deletions))
    }
    return ["update_34", "delete_34", "swap_8", "swap_8_publish"].compactMap { name in
      samples[name].map {
        Row(topic: "rewire", name: name, engine: rewiring.name, ns: Sampling.median($0))
      }
    }
  }
}
