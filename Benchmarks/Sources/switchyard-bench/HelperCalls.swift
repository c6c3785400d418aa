import BPFCompiler
import BPFKernel
import Switchyard

/// One helper, for the topic `helper`.
private struct HelperOperation {
  var name: String
  /// What a program does in each of its turns; r6 is the context, r10 - 32 is written.
  var lines: [String]
  /// Whether Linux's result is another one: clocks, random numbers, the CPU.
  var differs = false

  static let all = [
    HelperOperation(
      name: "get_smp_processor_id", lines: ["call 8", "r9 += r0"], differs: true),
    HelperOperation(name: "get_prandom_u32", lines: ["call 7", "r9 += r0"], differs: true),
    HelperOperation(name: "ktime_get_ns", lines: ["call 5", "r9 += r0"], differs: true),
    HelperOperation(
      name: "csum_diff_20",
      lines: [
        "r1 = 0", "r2 = 0", "r3 = r10", "r3 += -32", "r4 = 20", "r5 = 0", "call 28", "r9 += r0",
      ]),
    HelperOperation(
      name: "skb_load_bytes_20",
      lines: [
        "r1 = r6", "r2 = 14", "r3 = r10", "r3 += -32", "r4 = 20", "call 26", "r9 += r0",
      ]),
  ]

  static let calls = 64

  /// The program, or what it does beside the calls.
  func text(measures: Bool) -> String {
    var text = ["r6 = r1", "r9 = 0"] + (1...4).map { "*(u64 *)(r10 \(-8 * $0)) = \($0)" }
    for _ in 0..<Self.calls { text += measures ? lines : ["r9 += 1"] }
    return (text + ["r0 = r9", "exit"]).joined(separator: "\n")
  }
}

/// Measures the topic `helper`: nanoseconds per call in a program of 64 calls, without the rest of
/// the program.
func measureHelpers(_ settings: Settings) throws -> [Row] {
  var rows: [Row] = []
  for operation in HelperOperation.all {
    var contenders: [Contender] = []
    for measures in [true, false] {
      let text = operation.text(measures: measures)
      let runners = try helperRunners(text)
      if measures, !operation.differs { try checkAgreement(operation.name, runners) }
      for (engine, run) in runners {
        let count = try Sampling.repetitions(filling: settings.nanosecondsPerSample) {
          _ = try run($0)
        }
        contenders.append(
          Contender(engine: engine + (measures ? "" : " empty"), operations: count) {
            try run(count).nanoseconds
          })
      }
    }
    let medians = Dictionary(
      uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
    rows += medians.sorted { $0.key < $1.key }.compactMap { engine, ns in
      medians[engine + " empty"].map {
        Row(
          topic: "helper", name: operation.name, engine: engine,
          ns: (ns - $0) / Double(HelperOperation.calls))
      }
    }
  }
  return rows
}

/// Runs a program so often: nanoseconds per run, and what the last one returned.
private typealias HelperRunner = (Int) throws -> (nanoseconds: Double, value: UInt32)

private func checkAgreement(
  _ name: String, _ runners: [(engine: String, run: HelperRunner)]
) throws {
  let values = try runners.map { ($0.engine, try $0.run(1).value) }
  for (engine, value) in values where value != values[0].1 {
    throw Disagreement(program: name, engine: engine, ours: values[0].1, theirs: value)
  }
}

private func helperRunners(_ text: String) throws -> [(engine: String, run: HelperRunner)] {
  let packet = [UInt8](repeating: 0, count: 64)
  let instructions = try Assembler().assemble(text).instructions
  let runtime = Runtime(compiler: .x86())
  let program = try runtime.load(
    verifying: ProgramSource(
      name: "helper_bench", type: .schedCls, instructions: instructions),
    engine: .compiled)
  let cpu = try runtime.makeCPU()
  let context = try PacketContext(type: .schedCls)
  try context.load(packet)
  var runners: [(engine: String, run: HelperRunner)] = [
    (
      "switchyard-jit",
      { count in
        var value: UInt64 = 0
        let time = try Sampling.nanoseconds {
          for _ in 0..<count { value = try cpu.run(program, in: context).returnValue }
        }
        return (time / Double(count), UInt32(truncatingIfNeeded: value))
      }
    )
  ]
  guard Kernel.availability.isAvailable else { return runners }
  let kernel = try KernelProgram(
    instructions, KernelProgram.Options(type: 3, license: "GPL", name: "helper_bench"))
  runners.append(
    (
      "linux",
      { count in
        let run = try kernel.testRun(
          data: packet, repetitions: UInt32(truncatingIfNeeded: count))
        return (Double(run.durationNanoseconds), run.returnValue)
      }
    ))
  return runners
}
