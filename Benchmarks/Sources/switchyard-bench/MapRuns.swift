import BPFCompiler
import BPFKernel
import Foundation
import Switchyard
import Synchronization

/// Programs that do an operation on one map, one for each CPU.
protocol MapRunner: Sendable {
  var engine: String { get }
  /// Lets one CPU run its program; nanoseconds per run, and what the last one returned.
  func run(_ count: Int, cpu: Int) throws -> (nanoseconds: Double, value: UInt64)
  /// Takes out what programs have handed to user space.
  func drain()
}

extension MapRunner {
  /// Nanoseconds per run while several CPUs run, as if they took turns.
  func run(_ count: Int, cpus: Int) throws -> Double {
    defer { drain() }
    guard cpus > 1 else { return try run(count, cpu: 0).nanoseconds }
    let total = Total()
    DispatchQueue.concurrentPerform(iterations: cpus) { cpu in
      do {
        total.add(try run(count, cpu: cpu).nanoseconds)
      } catch {
        total.fail(error)
      }
    }
    return try total.value() / Double(cpus * cpus)
  }
}

/// What several threads have measured.
private final class Total: Sendable {
  private let state = Mutex<(sum: Double, error: (any Error)?)>((0, nil))

  func add(_ value: Double) { state.withLock { $0.sum += value } }
  func fail(_ error: any Error) { state.withLock { $0.error = error } }

  func value() throws -> Double {
    try state.withLock { state in
      if let error = state.error { throw error }
      return state.sum
    }
  }
}

/// The program in a runtime of our own.
final class RuntimeMapRunner: MapRunner, @unchecked Sendable {
  // Sendable: each CPU, with its context and program, is used by one thread at a time.
  let engine = "switchyard-jit"
  private let runtime = Runtime(possibleCPUs: 2, compiler: .x86())
  private var cpus: [(cpu: CPU, context: PacketContext, program: Program)] = []
  private let reader: RingBufferReader?
  private var kept: [MapHandle] = []

  init(_ operation: MapOperation, keys: [[UInt8]], cpus: Int, measures: Bool) throws {
    var inner: MapHandle?
    if operation.kind == .lookupInside {
      inner = try runtime.makeMap(
        MapDefinition(type: .hash, keySize: 8, valueSize: 8, maxEntries: operation.entries))
    }
    let subject = try runtime.makeMap(
      MapDefinition(
        name: operation.name, type: MapType(rawValue: operation.type),
        keySize: operation.keySizeOfMap, valueSize: operation.valueSize,
        maxEntries: operation.capacity, flags: MapFlags(rawValue: operation.flags)),
      template: inner)
    reader = operation.isRing ? try RingBufferReader(subject) : nil
    // What is subtracted does not look at the map.
    for (index, key) in keys.enumerated() where measures {
      let value = bytes(UInt64(index))
      if operation.keySize == 0 {
        try subject.push(key)
      } else {
        try (inner ?? subject).update(key, operation.isPerCPU ? value + value : value)
      }
    }
    if let inner { try subject.setMap(inner, forKey: bytes(UInt32(0))) }
    for cpu in 0..<cpus {
      let inputs = try runtime.makeMap(
        MapDefinition(
          type: .array, keySize: 4, valueSize: UInt32(4 * MapOperation.inputCount), maxEntries: 1))
      try inputs.update(bytes(UInt32(0)), operation.inputs(keys, cpu: cpu))
      let cursor = try runtime.makeMap(
        MapDefinition(type: .array, keySize: 4, valueSize: 8, maxEntries: 1))
      let assembled = try Assembler().assemble(operation.text(measures: measures))
      let maps = assembled.references.mapValues { reference in
        switch reference {
        case "subject": ProgramSource.MapReference(subject)
        case "inputs": ProgramSource.MapReference(inputs, valueOffset: 0)
        default: ProgramSource.MapReference(cursor, valueOffset: 0)
        }
      }
      let program = try runtime.load(
        verifying: ProgramSource(
          name: operation.name, type: .socketFilter, instructions: assembled.instructions,
          maps: maps),
        engine: .compiled)
      let context = try PacketContext(type: .socketFilter)
      try context.load([UInt8](repeating: 0, count: 64))
      self.cpus.append((try runtime.makeCPU(index: cpu), context, program))
      kept += [subject, inputs, cursor]
    }
  }

  func run(_ count: Int, cpu: Int) throws -> (nanoseconds: Double, value: UInt64) {
    let (cpu, context, program) = cpus[cpu]
    var value: UInt64 = 0
    let time = try Sampling.nanoseconds {
      for _ in 0..<count {
        value = try cpu.run(program, in: context, mode: .unchecked).returnValue
      }
    }
    return (time / Double(count), value)
  }

  func drain() { reader?.consume { _ in } }
}

/// The program in Linux.
final class KernelMapRunner: MapRunner {
  let engine = "linux"
  private let programs: [KernelProgram]
  private let ring: KernelRingDrain?
  private let kept: [KernelMap]
  private let packet = [UInt8](repeating: 0, count: 64)

  init(_ operation: MapOperation, keys: [[UInt8]], cpus: Int, measures: Bool) throws {
    var inner: KernelMap?
    if operation.kind == .lookupInside {
      inner = try KernelMap(
        KernelMap.Shape(type: 1, keySize: 8, valueSize: 8, maxEntries: operation.entries))
    }
    let subject = try KernelMap(
      KernelMap.Shape(
        type: operation.type, keySize: operation.keySizeOfMap, valueSize: operation.valueSize,
        maxEntries: operation.capacity, flags: operation.flags),
      name: operation.name, innerMap: inner)
    ring = operation.isRing ? KernelRingDrain(subject) : nil
    // What is subtracted does not look at the map.
    for (index, key) in keys.enumerated() where measures {
      let value = bytes(UInt64(index))
      if operation.keySize == 0 {
        try subject.update([], key)
      } else {
        let copies = operation.isPerCPU ? Kernel.possibleCPUCount : 1
        try (inner ?? subject).update(
          key, Array(repeatElement(value, count: copies).joined()))
      }
    }
    if let inner { try subject.update(bytes(UInt32(0)), inner.slotValue) }
    var kept = [subject]
    programs = try (0..<cpus).map { cpu in
      let inputs = try KernelMap(
        KernelMap.Shape(
          type: 2, keySize: 4, valueSize: UInt32(4 * MapOperation.inputCount), maxEntries: 1))
      try inputs.update(bytes(UInt32(0)), operation.inputs(keys, cpu: cpu))
      let cursor = try KernelMap(
        KernelMap.Shape(type: 2, keySize: 4, valueSize: 8, maxEntries: 1))
      kept += [inputs, cursor]
      let assembler = Assembler(mapDescriptor: { name in
        switch name {
        case "subject": subject.descriptor.rawValue
        case "inputs": inputs.descriptor.rawValue
        default: cursor.descriptor.rawValue
        }
      })
      return try KernelProgram(
        assembler.assemble(operation.text(measures: measures)).instructions,
        KernelProgram.Options(type: 1, license: "GPL", name: "map_bench"))
    }
    self.kept = kept
  }

  func run(_ count: Int, cpu: Int) throws -> (nanoseconds: Double, value: UInt64) {
    let run = try programs[cpu].testRun(
      data: packet, repetitions: UInt32(truncatingIfNeeded: count))
    return (Double(run.durationNanoseconds), UInt64(run.returnValue))
  }

  func drain() { ring?.drain() }
}

extension MapOperation {
  /// Bytes of a key in the map itself: of a map of maps, not in the inner one.
  fileprivate var keySizeOfMap: UInt32 { type == 12 ? 4 : keySize }
}

/// The positions of a ring buffer that lives in Linux.
final class KernelRingDrain: @unchecked Sendable {
  // Sendable: the pages stay where they are, and only one thread drains.
  private let consumer: UnsafeMutableRawPointer
  private let producer: UnsafeMutableRawPointer
  private static let page = 4096

  init?(_ map: KernelMap) {
    let descriptor = map.descriptor.rawValue
    guard
      let consumer = mmap(
        nil, Self.page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      consumer != MAP_FAILED,
      let producer = mmap(nil, Self.page, PROT_READ, MAP_SHARED, descriptor, off_t(Self.page)),
      producer != MAP_FAILED
    else { return nil }
    self.consumer = consumer
    self.producer = producer
  }

  deinit {
    munmap(consumer, Self.page)
    munmap(producer, Self.page)
  }

  /// Says that everything was read.
  func drain() {
    consumer.storeBytes(of: producer.load(as: UInt64.self), as: UInt64.self)
  }
}

/// Measures the topic `map`: nanoseconds per operation in a program of 64 of them. The same program
/// without the operations is subtracted. Rows that end in `_2cpu` are of two CPUs at once on one
/// map, per operation of either: half of the first figure where nothing stands in the way.
func measureMaps(_ settings: Settings, only wanted: [String] = []) throws -> [Row] {
  var rows: [Row] = []
  for operation in MapOperation.all
  where wanted.isEmpty || wanted.contains(where: { operation.name.hasPrefix($0) }) {
    let keys = operation.keys()
    rows += try measure(operation, keys, cpus: 1, settings)
    if operation.scales { rows += try measure(operation, keys, cpus: 2, settings) }
  }
  return rows
}

private func measure(
  _ operation: MapOperation, _ keys: [[UInt8]], cpus: Int, _ settings: Settings
) throws -> [Row] {
  var contenders: [Contender] = []
  var results: [UInt64] = []
  for measures in [true, false] {
    var runners: [any MapRunner] = [
      try RuntimeMapRunner(operation, keys: keys, cpus: cpus, measures: measures)
    ]
    if Kernel.availability.isAvailable {
      runners.append(try KernelMapRunner(operation, keys: keys, cpus: cpus, measures: measures))
    }
    for runner in runners {
      results.append(try runner.run(1, cpu: 0).value & 0xffff_ffff)
      var count = operation.ringRuns
      if !operation.isRing {
        count = try Sampling.repetitions(filling: settings.nanosecondsPerSample) {
          _ = try runner.run($0, cpus: cpus)
        }
      }
      contenders.append(
        Contender(engine: runner.engine + (measures ? "" : " empty"), operations: count) {
          try runner.run(count, cpus: cpus)
        })
    }
    if results.count == 2, results[0] != results[1] {
      throw Disagreement(
        program: operation.name, engine: "linux", ours: UInt32(truncatingIfNeeded: results[0]),
        theirs: UInt32(truncatingIfNeeded: results[1]))
    }
    results = []
  }
  let medians = Dictionary(
    uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
  return medians.sorted { $0.key < $1.key }.compactMap { engine, ns in
    guard let empty = medians[engine + " empty"] else { return nil }
    return Row(
      topic: "map", name: operation.name + (cpus == 1 ? "" : "_\(cpus)cpu"), engine: engine,
      ns: (ns - empty) / Double(MapOperation.operations))
  }
}
