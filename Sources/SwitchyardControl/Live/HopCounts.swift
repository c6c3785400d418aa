import Switchyard

/// How often which call site asked for which slot, with which outcome.
package struct HopCounts: Sendable {
  /// Indexes come out of packets, so there can be any number of them: what comes after so many
  /// different ones is only in the counters of the call sites.
  private static let limit = 4096

  /// By record, without hop and generation.
  private(set) var counts: [TailCallRecord: UInt64] = [:]

  mutating func add(_ record: TailCallRecord, count: UInt64 = 1) {
    var key = record
    key.hop = 0
    key.generation = 0
    if let old = counts[key] {
      counts[key] = old &+ count
    } else if counts.count < Self.limit {
      counts[key] = count
    }
  }

  mutating func add(_ other: HopCounts) {
    for (record, count) in other.counts { add(record, count: count) }
  }
}
