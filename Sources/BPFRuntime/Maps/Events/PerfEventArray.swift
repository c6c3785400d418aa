// UNSAFE. Finds the map behind an address.
//
// Invariant: a map of type `perfEventArray` is always a `PerfEventArray`.

import Synchronization

/// PERF_EVENT_ARRAY (maps-and-helpers.md 11.6): a slot holds the buffer of a CPU, or a counter.
package final class PerfEventArray: ObjectArray<PerfEventSlot>, @unchecked Sendable {
  // Sendable: the slots are.

  /// How many CPUs there can be.
  let possibleCPUs: Int

  init(
    definition: MapDefinition, id: UInt32, possibleCPUs: Int, epochs: Epochs
  ) throws(LinuxError) {
    self.possibleCPUs = possibleCPUs
    try super.init(
      definition: definition, id: id, epochs: epochs, accepting: .preserveElements)
  }

  /// Calls `body` with the array at a map's address; `nil` when the map is of another type.
  @inline(__always)
  static func with<Result>(_ address: UInt64, _ body: (PerfEventArray) -> Result) -> Result? {
    MapHeader.withMap(at: address) { map in
      guard map.definition.type == .perfEventArray else { return nil }
      return unsafe body(unsafeDowncast(map, to: PerfEventArray.self))
    }
  }
}

/// What a slot of a PERF_EVENT_ARRAY can hold.
package final class PerfEventSlot: Sendable {
  /// What it is.
  enum Kind: Sendable {
    /// Takes what programs output on one CPU.
    case buffer(PerfBuffer)
    /// Is read by programs.
    case counter(@Sendable () -> UInt64)
  }

  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }
}

/// What programs output on one CPU, until somebody reads it.
final class PerfBuffer: Sendable {
  let ring: EventRing
  let cpuIndex: Int
  private let signal: EventSignal
  /// Samples lost since the last one that found room.
  private let lost = Atomic<UInt32>(0)

  init(byteCount: UInt64, cpuIndex: Int, signal: EventSignal) throws(LinuxError) {
    ring = try EventRing(byteCount: byteCount)
    self.cpuIndex = cpuIndex
    self.signal = signal
  }

  /// Samples that found no room.
  var lostCount: UInt64 { ring.dropped }

  /// Appends a sample of two pieces; ENOSPC when there is no room.
  ///
  /// How many were lost before stands in the header's second word.
  func append(_ first: UInt64, _ firstCount: UInt64, _ second: UInt64, _ secondCount: UInt64)
    -> LinuxError?
  {
    let (byteCount, overflow) = firstCount.addingReportingOverflow(secondCount)
    let lost = self.lost.load(ordering: .relaxed)
    guard !overflow, let record = ring.reserve(byteCount, note: lost) else {
      if lost < .max { self.lost.wrappingAdd(1, ordering: .relaxed) }
      return .noSpace
    }
    if lost > 0 { self.lost.wrappingSubtract(lost, ordering: .relaxed) }
    GuestMemory.move(first, to: record, count: Int(truncatingIfNeeded: firstCount))
    GuestMemory.move(
      second, to: record &+ firstCount, count: Int(truncatingIfNeeded: secondCount))
    if ring.commit(record) { signal.wake() }
    return nil
  }
}

extension MapHandle {
  /// Puts a counter into a slot of a PERF_EVENT_ARRAY, for `bpf_perf_event_read` and
  /// `bpf_perf_event_read_value`: the count of a clock, of a processor's events, of anything.
  ///
  /// - Parameters:
  ///   - index: The slot; programs that ask for the current CPU read the one of its number.
  ///   - read: Called in the middle of a run, on its thread.
  /// - Throws: EINVAL when the map is of another type, E2BIG when there is no such slot, EPERM on a
  ///   read-only or frozen map.
  public func setCounter(
    at index: UInt32, read: @escaping @Sendable () -> UInt64
  ) throws(LinuxError) {
    guard let map = map as? PerfEventArray else { throw .invalid }
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
    if let error = map.set(PerfEventSlot(.counter(read)), at: index) { throw error }
  }
}
