import BPFKernel
import Switchyard

/// Settings of a run of the benchmark.
struct Settings {
  var rounds = 15
  var nanosecondsPerSample = 4e6
}

/// Measures the topics `compute` and `interpreter`, which share their runs.
func measureCompute(_ settings: Settings) throws -> [Row] {
  let programs = try ComputePrograms()
  try programs.checkAgreement()
  // The loop of Linux's test run costs some nanoseconds per repetition: measured with a program
  // that does nothing, and subtracted.
  let overhead = try medians(of: "empty", programs, settings)["linux"] ?? 0
  var rows: [Row] = []
  var perInstruction: [String: [Double]] = [:]
  for name in programs.names {
    let count = Double(try programs.instructionCount(name))
    for (engine, median) in try medians(of: name, programs, settings) {
      let ns = engine == "linux" ? max(median - overhead, 0) : median
      rows.append(Row(topic: "compute", name: name, engine: engine, ns: ns))
      if engine.hasPrefix("switchyard-interpreter") {
        perInstruction[engine, default: []].append(ns / count)
      }
    }
  }
  for (engine, values) in perInstruction {
    rows.append(
      Row(
        topic: "interpreter", name: "per_insn", engine: engine,
        ns: Sampling.geometricMean(values)))
  }
  return rows
}

private func medians(
  of name: String, _ programs: ComputePrograms, _ settings: Settings
) throws -> [String: Double] {
  let contenders = try programs.contenders(
    name, nanosecondsPerSample: settings.nanosecondsPerSample)
  return Dictionary(
    uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
}

/// Measures the topic `run`: what one invocation costs, from outside.
func measureRun(_ settings: Settings) throws -> [Row] {
  let object = try benchmarkObject("parse64")
  let runtime = Runtime()
  let collection = try Collection(
    loading: object, into: runtime, options: Collection.Options(engine: .interpreter))
  let compiled = try Collection(
    loading: object, into: runtime, options: Collection.Options(engine: .compiled))
  let cpu = try runtime.makeCPU()
  let context = try PacketContext(type: .xdp)
  var packet = [UInt8](repeating: 0, count: 64)
  packet.replaceSubrange(12..<24, with: [8, 0, 0x45, 0, 0, 50, 0, 1, 0, 0, 64, 17])
  packet.replaceSubrange(34..<38, with: [0, 53, 0x30, 0x39])
  _ = try context.load(packet)
  let kernel = Kernel.availability.isAvailable ? try KernelCollection(object) : nil
  var rows: [Row] = []
  for name in ["empty", "parse64"] {
    let program = try collection.program(name).program
    let ours = { (count: Int) in
      for _ in 0..<count { _ = try cpu.run(program, in: context) }
    }
    let count = try Sampling.repetitions(filling: settings.nanosecondsPerSample, ours)
    var contenders = [
      Contender(engine: "switchyard-interpreter", operations: count) {
        try ours(count)
        return nil
      }
    ]
    let machine = try compiled.program(name).program
    let compiledWork = { (count: Int) in
      for _ in 0..<count { _ = try cpu.run(machine, in: context) }
    }
    let compiledCount = try Sampling.repetitions(
      filling: settings.nanosecondsPerSample, compiledWork)
    contenders.append(
      Contender(engine: "switchyard-jit", operations: compiledCount) {
        try compiledWork(compiledCount)
        return nil
      })
    if let kernel = kernel?.program(named: name) {
      let bytes = packet
      // Linux patches its XDP dispatcher for every test run, which takes milliseconds: only its
      // own clock, in whole nanoseconds, leaves that out.
      contenders.append(
        Contender(engine: "linux", operations: 1) {
          Double(try kernel.testRun(data: bytes, repetitions: 1 << 20).durationNanoseconds)
        })
    }
    for (engine, ns) in try Sampling.medians(of: contenders, rounds: settings.rounds) {
      rows.append(Row(topic: "run", name: name, engine: engine, ns: ns))
    }
  }
  return rows
}
