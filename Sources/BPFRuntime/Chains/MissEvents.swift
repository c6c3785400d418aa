import Synchronization

/// A tail call that fell through, told while it happens.
public struct MissEvent: Hashable, Sendable {
  /// Caller, site, array, index, reason, hop and generation.
  public var record: TailCallRecord
  /// Name of the program that called; empty when it is gone.
  public var program: String
  /// Slot of the call instruction in that program.
  public var instruction: Int
  /// Name of the array.
  public var array: String
  /// Which of the runtime's CPUs it happened on.
  public var cpu: Int

  /// Why it fell through: the state of the slot.
  public var outcome: TailCallOutcome { record.outcome }
}

extension MissEvent: CustomStringConvertible {
  /// As in `layers[7]: empty, called by parse at 31, after 2 hops, generation 1`.
  public var description: String {
    "\(array)[\(record.index)]: \(outcome), called by \(program) at \(instruction),"
      + " after \(record.hop) hops, generation \(record.generation)"
  }
}

/// An interest in missed tail calls, which ends when nobody refers to it.
public final class MissObservation: Sendable {
  private let observers: MissObservers
  fileprivate let interval: UInt64
  fileprivate let handler: @Sendable (MissEvent) -> Void

  fileprivate init(
    _ observers: MissObservers, interval: UInt64, _ handler: @escaping @Sendable (MissEvent) -> Void
  ) {
    self.observers = observers
    self.interval = interval
    self.handler = handler
  }

  /// Ends it. A run in progress may still tell of a miss.
  public func cancel() { observers.remove(ObjectIdentifier(self)) }

  deinit { cancel() }
}

/// Who wants to hear of misses. Where nobody does, a miss costs one load more.
final class MissObservers: Sendable {
  private struct Entry {
    weak var observation: MissObservation?
  }

  /// The shortest interval of all; 0 without observers.
  private let interval = Atomic<UInt64>(0)
  private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

  func add(
    every count: Int, _ handler: @escaping @Sendable (MissEvent) -> Void
  ) -> MissObservation {
    // Powers of two, so that the shortest interval divides all others.
    let exponent = (max(count, 1) - 1).bitWidth - (max(count, 1) - 1).leadingZeroBitCount
    let observation = MissObservation(self, interval: 1 << UInt64(min(exponent, 62)), handler)
    change { $0[ObjectIdentifier(observation)] = Entry(observation: observation) }
    return observation
  }

  func remove(_ identifier: ObjectIdentifier) {
    change { $0[identifier] = nil }
  }

  private func change(_ body: (inout [ObjectIdentifier: Entry]) -> Void) {
    entries.withLock { entries in
      body(&entries)
      let intervals = entries.values.compactMap { $0.observation?.interval }
      interval.store(intervals.min() ?? 0, ordering: .relaxed)
    }
  }

  /// Whether somebody wants to hear of a CPU's miss with this number, from 0.
  func wants(_ number: UInt64) -> Bool {
    let interval = interval.load(ordering: .relaxed)
    return interval != 0 && number & (interval &- 1) == 0
  }

  func tell(_ event: MissEvent, number: UInt64) {
    let observations = entries.withLock { $0.values.compactMap(\.observation) }
    for observation in observations where number & (observation.interval &- 1) == 0 {
      observation.handler(event)
    }
  }
}

extension Runtime {
  /// Calls `handler` for missed tail calls, for as long as the observation is referred to.
  ///
  /// The handler is called by the thread that runs the program, in the middle of the run: it must
  /// be quick, and must not run programs on that CPU.
  ///
  /// - Parameters:
  ///   - count: Every how many misses of a CPU one is told: rounded up to a power of two.
  ///   - handler: What to do.
  public func observeMisses(
    every count: Int = 1, _ handler: @escaping @Sendable (MissEvent) -> Void
  ) -> MissObservation {
    misses.add(every: count, handler)
  }

  /// Missed tail calls as they happen.
  ///
  /// ```swift
  /// for await miss in runtime.missEvents(every: 1024) { log(miss) }
  /// ```
  ///
  /// - Parameters:
  ///   - count: Every how many misses of a CPU one is told: rounded up to a power of two.
  ///   - limit: How many wait for a slow reader; then the oldest are dropped.
  public func missEvents(every count: Int = 1, keeping limit: Int = 256) -> AsyncStream<MissEvent> {
    AsyncStream(bufferingPolicy: .bufferingNewest(limit)) { continuation in
      let observation = observeMisses(every: count) { continuation.yield($0) }
      continuation.onTermination = { _ in observation.cancel() }
    }
  }
}
