import Switchyard
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Looks at a live runtime from time to time and tells what is new.
struct Observer: Sendable {
  private let live: LiveRuntime
  private let traffic: Traffic?
  private var generation: UInt64
  private var misses: [Site: TailCallCounts]

  private struct Site: Hashable {
    var program: UInt32
    var site: Int
  }

  init(_ live: LiveRuntime, _ traffic: Traffic?) {
    self.live = live
    self.traffic = traffic
    generation = live.state.withLock { $0.current.number }
    misses = [:]
    misses = counts()
  }

  /// What has happened since the last time: a new generation, tail calls that missed, and in the
  /// end how many packets there were.
  mutating func events() -> [EventDocument] {
    let now = WallClock.nanoseconds
    let current = live.state.withLock { $0.current.number }
    var events: [EventDocument] = []
    if current != generation {
      events.append(EventDocument(event: "generation", timeNs: now, generation: current))
      generation = current
    }
    let counts = counts()
    events += missed(from: misses, to: counts, now)
    misses = counts
    events.append(
      EventDocument(
        event: "status", timeNs: now, generation: current, packets: traffic?.counts.packets ?? 0))
    return events
  }

  private func counts() -> [Site: TailCallCounts] {
    var result: [Site: TailCallCounts] = [:]
    for program in programs {
      for (site, counts) in program.program.tailCallCounts.enumerated() {
        result[Site(program: program.program.id, site: site)] = counts
      }
    }
    return result
  }

  private var programs: [Collection.LoadedProgram] {
    live.state.withLock { state in
      state.objects.sorted { $0.key < $1.key }.flatMap(\.value.collection.programs)
    }
  }

  private func missed(
    from old: [Site: TailCallCounts], to new: [Site: TailCallCounts], _ now: Int
  ) -> [EventDocument] {
    programs.flatMap { loaded in
      loaded.program.tailCallSites.indices.flatMap { index -> [EventDocument] in
        let site = Site(program: loaded.program.id, site: index)
        let before = old[site] ?? TailCallCounts()
        let after = new[site] ?? TailCallCounts()
        let reasons = [
          ("empty", after.empty &- before.empty),
          ("out_of_range", after.outOfRange &- before.outOfRange),
          ("limit", after.limit &- before.limit),
        ]
        return reasons.filter { $0.1 > 0 }.map { reason, count in
          miss(loaded, index, reason, count, now)
        }
      }
    }
  }

  private func miss(
    _ loaded: Collection.LoadedProgram, _ site: Int, _ reason: String, _ count: UInt64, _ now: Int
  ) -> EventDocument {
    let line = loaded.spec.ownLine(at: loaded.program.tailCallSites[site])?.place
    let sample = live.samples.sample(program: loaded.program.id, site: site, reason: reason)
    return EventDocument(
      event: "miss", timeNs: now, generation: generation, program: loaded.spec.name,
      slot: sample.map { "\($0.array)[\($0.record.index)]" }, reason: reason,
      hop: sample.map { Int($0.record.hop) }, line: line, count: count)
  }
}

extension LiveRuntime {
  /// What the server does and has done.
  package func status(_ traffic: Traffic?) -> StatusDocument {
    let counts = traffic?.counts ?? Traffic.Counts()
    let (current, found, misses) = state.withLock { state in
      let misses = state.objects.values.flatMap(\.collection.programs)
        .flatMap(\.program.tailCallCounts).reduce(state.goneMisses, +)
      return (state.current.number, state.found, misses)
    }
    let verdicts = counts.verdicts.map { (entryPoint.type.verdictName($0.key), $0.value) }
    return StatusDocument(
      pid: getpid(), generation: current,
      traffic: .init(
        packets: counts.packets, skipped: counts.skipped, faults: counts.faults,
        verdicts: Dictionary(verdicts, uniquingKeysWith: &+),
        missed: .init(
          empty: misses.empty, outOfRange: misses.outOfRange, limit: misses.limit)),
      found: found)
  }
}
