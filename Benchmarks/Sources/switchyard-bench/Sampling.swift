import Foundation

/// One figure to be measured: a name, an engine, and a way to do the work many times.
struct Contender {
  var engine: String
  /// Operations in one call of ``work``.
  var operations: Int
  /// Does the work; what it costs beyond the operations is small against them. Returns the
  /// nanoseconds per operation where the engine measures itself.
  var work: () throws -> Double?
}

/// A measured figure.
struct Row: Encodable {
  var topic: String
  var name: String
  var engine: String
  var ns: Double
}

/// Takes samples of several contenders in turn, so that a drifting machine is unfair to none.
enum Sampling {
  /// Whether `--minimum` asks for the lowest of many short samples instead: on a busy machine
  /// some of them are left alone.
  static let usesMinimum = CommandLine.arguments.contains("--minimum")

  /// Medians in nanoseconds per operation, by engine.
  static func medians(of contenders: [Contender], rounds: Int) throws -> [(String, Double)] {
    var samples = [[Double]](repeating: [], count: contenders.count)
    for contender in contenders { _ = try contender.work() }
    for _ in 0..<rounds {
      for (index, contender) in contenders.enumerated() {
        var own: Double?
        let time = try nanoseconds { own = try contender.work() }
        samples[index].append(own ?? time / Double(contender.operations))
      }
    }
    return zip(contenders, samples).map {
      ($0.engine, usesMinimum ? $1.min() ?? .nan : median($1))
    }
  }

  /// How often work has to be repeated to take about a duration in nanoseconds.
  static func repetitions(filling target: Double, _ work: (Int) throws -> Void) rethrows -> Int {
    var count = 1
    while true {
      let time = try nanoseconds { try work(count) }
      if time > target / 4 || count > 1 << 24 {
        return max(1, Int(Double(count) * target / max(time, 1)))
      }
      count *= 4
    }
  }

  static func nanoseconds(_ work: () throws -> Void) rethrows -> Double {
    let duration = try ContinuousClock().measure(work)
    return Double(duration.components.seconds) * 1e9
      + Double(duration.components.attoseconds) / 1e9
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  static func geometricMean(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    return exp(values.map { log($0) }.reduce(0, +) / Double(values.count))
  }
}
