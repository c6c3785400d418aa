import BPFKernel
import Switchyard

/// Settings of a run of the benchmark.
struct Settings {
  var rounds = Sampling.usesMinimum ? 100 : 15
  var nanosecondsPerSample = Sampling.usesMinimum ? 2e5 : 4e6
}

/// Measures the topics `compute` and `interpreter`, which share their runs.
func measureCompute(_ settings: Settings) throws -> [Row] {
  let programs = try ComputePrograms()
  try programs.checkAgreement()
  // The loop of Linux's test run and our way in and out cost some nanoseconds per repetition:
  // measured with a program that does nothing, and subtracted.
  let overhead = try medians(of: "empty", programs, settings)
  var rows: [Row] = []
  var perInstruction: [String: [Double]] = [:]
  for name in programs.names {
    let count = Double(try programs.instructionCount(name))
    for (engine, median) in try medians(of: name, programs, settings) {
      let isEntered = engine == "linux" || engine.hasPrefix("switchyard-jit")
      let ns = isEntered ? max(median - (overhead[engine] ?? 0), 0) : median
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
