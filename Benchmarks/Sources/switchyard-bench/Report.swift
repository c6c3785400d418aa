import Foundation

/// What `results.json` holds: the form is fixed, so that runs can be compared over the years.
struct Report: Encodable {
  var schema = "switchyard.bench/1"
  var machine: String
  var date: String
  var rows: [Row]
  /// Bytes of maps.
  var memory: [MemoryRow]

  init(rows: [Row], memory: [MemoryRow] = []) {
    self.rows = rows
    self.memory = memory
    machine = Self.machineDescription
    date = ISO8601DateFormatter().string(from: Date())
  }

  /// Processor, number of processors and kernel.
  private static var machineDescription: String {
    let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model =
      cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    let system = ProcessInfo.processInfo
    let kernel =
      (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8))?
      .split(separator: "-").first.map(String.init) ?? ""
    return "\(model), \(system.activeProcessorCount) processors, Linux \(kernel)"
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try encoder.encode(self).write(to: url)
  }

  /// Prints one table per topic: a line per name, a column per engine, and each engine's ratio to
  /// native where there is one.
  func printTables() {
    var topics: [String] = []
    for row in rows where !topics.contains(row.topic) { topics.append(row.topic) }
    for topic in topics { printTable(topic, rows.filter { $0.topic == topic }) }
    printMemory()
  }

  private func printMemory() {
    guard !memory.isEmpty else { return }
    print("\nmap memory: bytes per element; Linux by its own account")
    print(pad("", 32) + pad("linux", 32, right: true) + pad("switchyard", 32, right: true))
    for ours in memory where ours.engine == "switchyard" {
      let theirs = memory.first { $0.name == ours.name && $0.engine == "linux" }?.bytes
      let ratio = theirs.map { String(format: " (%6.2fx)", ours.bytes / $0) } ?? ""
      print(
        pad(ours.name, 32)
          + pad(theirs.map { String(format: "%.1f", $0) } ?? "-", 32, right: true)
          + pad(String(format: "%.1f", ours.bytes) + ratio, 32, right: true))
    }
  }

  private func printTable(_ topic: String, _ rows: [Row]) {
    var names: [String] = []
    for row in rows where !names.contains(row.name) { names.append(row.name) }
    let order = [
      "native", "linux", "dpdk", "switchyard-jit", "switchyard-jit-hardened",
      "switchyard-interpreter",
      "switchyard-interpreter-checked",
    ]
    let engines = order.filter { engine in rows.contains { $0.engine == engine } }
    print("\n\(topic): \(Self.note[topic] ?? "ns per operation")")
    print(pad("", 32) + engines.map { pad($0, 32, right: true) }.joined())
    for name in names {
      let base = rows.first { $0.name == name && $0.engine == engines.first }?.ns
      let cells = engines.map { engine -> String in
        guard let ns = rows.first(where: { $0.name == name && $0.engine == engine })?.ns else {
          return pad("-", 32, right: true)
        }
        let ratio = base.map { String(format: " (%6.2fx)", ns / $0) } ?? ""
        return pad(String(format: "%.2f", ns) + ratio, 32, right: true)
      }
      print(pad(name, 32) + cells.joined())
    }
    guard topic == "compute" else { return }
    let means = engines.map { engine -> String in
      let ratios = names.compactMap { name -> Double? in
        let ns = rows.first { $0.name == name && $0.engine == engine }?.ns
        let base = rows.first { $0.name == name && $0.engine == engines.first }?.ns
        guard let ns, let base, ns > 0, base > 0 else { return nil }
        return ns / base
      }
      return pad(String(format: "(%6.2fx)", Sampling.geometricMean(ratios)), 32, right: true)
    }
    print(pad("geometric mean", 32) + means.joined())
  }

  private static let note = [
    "compute": "ns per invocation (ratio to the first column); Linux and compiled code without "
      + "the way in and out",
    "interpreter": "ns per executed instruction, geometric mean over the compute programs",
    "tail_call": "ns per hop (33 hops, without the cost of a run whose first slot is empty)",
    "map": "ns per operation in a program of 64, without the program's other instructions; _2cpu: "
      + "two CPUs on one map, per operation of either",
    "helper": "ns per call in a program of 64, without the program's other instructions",
    "rewire": "ns per operation on a chain of 34 that runs meanwhile; Linux swaps slot by slot",
    "load":
      "ns per instruction of the program; Linux: BPF_PROG_LOAD, which verifies and compiles, as "
      + "DPDK's load does",
    "run": "ns per invocation, one at a time; Linux with its test-run loop",
  ]

  private func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return right ? space + text : text + space
  }
}
