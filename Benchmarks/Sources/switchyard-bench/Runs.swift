import BPFKernel
import NativePrograms
import Switchyard

/// What the topic `run` is measured with: the same packet in every engine.
private struct RunBench {
  static let batchCount = 64

  let interpreted: Switchyard.Collection
  let compiled: Switchyard.Collection
  let kernel: KernelCollection?
  let cpu: CPU
  let context: PacketContext
  let batch: PacketBatch
  let packet: [UInt8]

  init() throws {
    let object = try benchmarkObject("parse64")
    let runtime = Runtime()
    interpreted = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: .interpreter))
    compiled = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: .compiled))
    kernel = Kernel.availability.isAvailable ? try KernelCollection(object) : nil
    cpu = try runtime.makeCPU()
    var packet = [UInt8](repeating: 0, count: 64)
    packet.replaceSubrange(12..<24, with: [8, 0, 0x45, 0, 0, 50, 0, 1, 0, 0, 64, 17])
    packet.replaceSubrange(34..<38, with: [0, 53, 0x30, 0x39])
    self.packet = packet
    context = try PacketContext(type: .xdp)
    try context.load(packet)
    batch = try PacketBatch(type: .xdp, capacity: Self.batchCount)
    for _ in 0..<Self.batchCount { try batch.append(packet) }
  }

  /// One run at a time.
  func single(_ collection: Switchyard.Collection, _ name: String) throws -> (Int) throws -> Void {
    let program = try collection.program(name).program
    return { count in
      for _ in 0..<count { _ = try cpu.run(program, in: context) }
    }
  }

  /// Whole batches; `count` is in runs.
  func batched(_ collection: Switchyard.Collection, _ name: String) throws -> (Int) throws -> Void {
    let program = try collection.program(name).program
    return { count in
      for _ in 0..<max(1, count / Self.batchCount) { try cpu.run(program, over: batch) }
    }
  }

  /// The verdict has to be the same everywhere before anything is timed.
  func checkAgreement(_ name: String) throws {
    let ours = try cpu.run(interpreted.program(name).program, in: context).returnValue
    var others = try [
      "switchyard-jit": cpu.run(compiled.program(name).program, in: context).returnValue
    ]
    try cpu.run(compiled.program(name).program, over: batch)
    others["switchyard-jit, batch"] = batch.returnValue(at: Self.batchCount - 1)
    if let kernel = kernel?.program(named: name) {
      others["linux"] = UInt64(try kernel.testRun(data: packet).returnValue)
    }
    for (engine, theirs) in others where theirs != ours {
      throw Disagreement(
        program: name, engine: engine, ours: UInt32(truncatingIfNeeded: ours),
        theirs: UInt32(truncatingIfNeeded: theirs))
    }
  }

  func contenders(_ name: String, isBatch: Bool, _ settings: Settings) throws -> [Contender] {
    var works: [(String, (Int) throws -> Void)] = []
    for (engine, collection) in [
      ("switchyard-jit", compiled), ("switchyard-interpreter", interpreted),
    ] {
      works.append((engine, try isBatch ? batched(collection, name) : single(collection, name)))
    }
    var contenders = try works.map { engine, work in
      let needed = try Sampling.repetitions(filling: settings.nanosecondsPerSample, work)
      let count = (needed + Self.batchCount - 1) / Self.batchCount * Self.batchCount
      return Contender(engine: engine, operations: count) {
        try work(count)
        return nil
      }
    }
    // What looks at its packet is refused: DPDK knows no packet pointers in a context.
    let spec = interpreted.object.programs.first { $0.name == name }
    if !isBatch, let spec, let program = DPDKProgram(spec, memoryByteCount: 64) {
      var memory = packet
      let work = { (count: Int) in _ = program.run(&memory, repetitions: count) }
      let count = Sampling.repetitions(filling: settings.nanosecondsPerSample, work)
      contenders.append(
        Contender(engine: "dpdk", operations: count) {
          work(count)
          return nil
        })
    }
    if let kernel = kernel?.program(named: name) {
      // Linux patches its XDP dispatcher for every test run, which takes milliseconds: only its
      // own clock, in whole nanoseconds, leaves that out.
      contenders.append(
        Contender(engine: "linux", operations: 1) {
          Double(try kernel.testRun(data: packet, repetitions: 1 << 20).durationNanoseconds)
        })
    }
    return contenders
  }
}

/// Measures the topic `run`: what one invocation costs, from outside. Linux's test run is a loop in
/// the kernel, so it is the same for single runs and for batches.
func measureRun(_ settings: Settings) throws -> [Row] {
  let bench = try RunBench()
  var rows: [Row] = []
  for name in ["empty", "parse64"] {
    try bench.checkAgreement(name)
    for isBatch in [false, true] {
      let contenders = try bench.contenders(name, isBatch: isBatch, settings)
      for (engine, ns) in try Sampling.medians(of: contenders, rounds: settings.rounds) {
        rows.append(
          Row(topic: "run", name: isBatch ? name + "_batch" : name, engine: engine, ns: ns))
      }
    }
  }
  return rows
}
