import Foundation

/// Measures the topics that are named on the command line, all by default, and writes
/// `.build/bench/results.json` below the current folder.
@main
enum Main {
  static func main() {
    let wanted = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("-") }
    do {
      if let option = CommandLine.arguments.first(where: { $0.hasPrefix(memoryOption) }) {
        return try printMemory(of: String(option.dropFirst(memoryOption.count)))
      }
      var rows: [Row] = []
      let settings = Settings()
      if !DPDK.isAvailable { print("dpdk is left out: librte_bpf (libdpdk-dev) is not installed") }
      if wanted.isEmpty || wanted.contains("compute") || wanted.contains("interpreter") {
        rows += try measureCompute(settings)
      }
      if wanted.isEmpty || wanted.contains("tail_call") {
        rows += try measureTailCalls(settings)
      }
      if wanted.isEmpty || wanted.contains("rewire") { rows += try measureRewiring(settings) }
      if wanted.isEmpty || wanted.contains("run") { rows += try measureRun(settings) }
      var memory: [MemoryRow] = []
      // `map/hash` measures the operations whose names begin with that.
      let operations = wanted.filter { $0.hasPrefix("map/") }.map { String($0.dropFirst(4)) }
      if wanted.isEmpty || wanted.contains("map") || !operations.isEmpty {
        rows += try measureMaps(settings, only: operations)
      }
      if wanted.isEmpty || wanted.contains("map") || wanted.contains("map_memory") {
        memory = try measureMapMemory()
      }
      if wanted.isEmpty || wanted.contains("helper") { rows += try measureHelpers(settings) }
      if wanted.isEmpty || wanted.contains("load") {
        rows += try measureLoading(settings) + measureCompiling(settings)
      }
      let report = Report(rows: rows, memory: memory)
      report.printTables()
      let path = ".build/bench/results.json"
      try report.write(to: path)
      let estimate = Sampling.usesMinimum ? "minima" : "medians"
      print("\n\(estimate) of \(settings.rounds) interleaved samples; \(report.machine); \(path)")
    } catch {
      FileHandle.standardError.write(Data("switchyard-bench: \(error)\n".utf8))
      exit(1)
    }
  }
}
