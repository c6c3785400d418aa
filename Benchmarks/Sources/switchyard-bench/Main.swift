import Foundation

/// Measures the topics that are named on the command line, all by default, and writes
/// `.build/bench/results.json` below the current folder.
@main
enum Main {
  static func main() {
    let wanted = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("-") }
    do {
      var rows: [Row] = []
      let settings = Settings()
      if wanted.isEmpty || wanted.contains("compute") || wanted.contains("interpreter") {
        rows += try measureCompute(settings)
      }
      if wanted.isEmpty || wanted.contains("tail_call") {
        rows += try measureTailCalls(settings)
      }
      if wanted.isEmpty || wanted.contains("rewire") { rows += try measureRewiring(settings) }
      if wanted.isEmpty || wanted.contains("run") { rows += try measureRun(settings) }
      if wanted.isEmpty || wanted.contains("map") { rows += try measureMaps(settings) }
      if wanted.isEmpty || wanted.contains("load") {
        rows += try measureLoading(settings) + measureCompiling(settings)
      }
      let report = Report(rows: rows)
      report.printTables()
      let path = ".build/bench/results.json"
      try report.write(to: path)
      print("\nmedians of \(settings.rounds) interleaved samples; \(report.machine); \(path)")
    } catch {
      FileHandle.standardError.write(Data("switchyard-bench: \(error)\n".utf8))
      exit(1)
    }
  }
}
