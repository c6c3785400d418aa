import Switchyard
import Synchronization

/// The last miss of every call site for every reason, and how many there were by slot.
final class MissSamples: Sendable {
  private struct Key: Hashable {
    var program: UInt32
    var site: UInt32
    var outcome: TailCallOutcome
  }

  private final class Table: Sendable {
    let events = Mutex<[Key: MissEvent]>([:])
    let slots = Mutex(HopCounts())
  }

  private let table: Table
  private let observation: MissObservation

  init(_ runtime: Runtime) {
    let table = Table()
    self.table = table
    observation = runtime.observeMisses { event in
      let record = event.record
      let key = Key(program: record.programID, site: record.site, outcome: record.outcome)
      table.events.withLock { $0[key] = event }
      table.slots.withLock { $0.add(record) }
    }
  }

  func sample(program: UInt32, site: Int, reason: String) -> MissEvent? {
    let outcome: TailCallOutcome =
      switch reason {
      case "empty": .empty
      case "out_of_range": .outOfRange
      default: .limit
      }
    return table.events.withLock {
      $0[Key(program: program, site: UInt32(site), outcome: outcome)]
    }
  }

  /// How many there were by slot.
  var counts: HopCounts { table.slots.withLock { $0 } }
}
