// UNSAFE. A ring buffer as a map: no keys, only records.
//
// Invariant: a map of type `ringBuffer` is always a `RingBufferMap`; records belong to the run that
// reserved them, and a program that runs keeps its maps alive.

import Synchronization

/// RINGBUF (maps-and-helpers.md 11.7): one ring for all CPUs, in order across them.
package final class RingBufferMap: Map, @unchecked Sendable {
  // Sendable: the ring and the signal are.

  /// The records.
  let ring: EventRing
  /// Where the reader waits.
  let signal = EventSignal()
  /// Whether somebody reads: there is one consumer.
  private let isRead = Atomic<Bool>(false)

  /// `BPF_RB_NO_WAKEUP`: do not wake the reader.
  static let noWakeUp: UInt64 = 1
  /// `BPF_RB_FORCE_WAKEUP`: wake the reader in any case.
  static let forceWakeUp: UInt64 = 2

  override init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    let byteCount = UInt64(definition.maxEntries)
    guard definition.keySize == 0, definition.valueSize == 0, definition.extra == 0,
      definition.flags.isSubset(of: .numaNode), byteCount > 0, byteCount & (byteCount - 1) == 0,
      byteCount % RingMemory.pageByteCount == 0
    else { throw .invalid }
    ring = try EventRing(byteCount: byteCount)
    try super.init(definition: definition, id: id)
  }

  /// Calls `body` with the ring buffer at a map's address; `nil` when the map is of another type.
  @inline(__always)
  static func with<Result>(_ address: UInt64, _ body: (RingBufferMap) -> Result) -> Result? {
    MapHeader.withMap(at: address) { map in
      guard map.definition.type == .ringBuffer else { return nil }
      return unsafe body(unsafeDowncast(map, to: RingBufferMap.self))
    }
  }

  /// Submits or discards a record and wakes the reader as the flags say: by default only when it
  /// has read everything before.
  @inline(__always)
  func commit(_ record: UInt64, flags: UInt64, isDiscarded: Bool = false) {
    let isNext = ring.commit(record, isDiscarded: isDiscarded)
    if flags & Self.forceWakeUp != 0 || isNext && flags & Self.noWakeUp == 0 { signal.wake() }
  }

  /// Makes the caller the only reader; `false` when there is one.
  func claimReader() -> Bool { !isRead.exchange(true, ordering: .acquiringAndReleasing) }

  /// Lets somebody else read.
  func releaseReader() { isRead.store(false, ordering: .releasing) }

  /// Ring buffers have no elements.
  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? { .notSupported }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? { .notSupported }
}

/// How full a ring buffer is, and what it lost.
public struct RingBufferState: Hashable, Sendable {
  /// Bytes of the ring.
  public var byteCount: UInt64
  /// Bytes that were reserved and not consumed yet, headers of eight bytes included.
  public var availableByteCount: UInt64
  /// Bytes that were ever reserved: the position of the next record.
  public var producerPosition: UInt64
  /// Bytes that were ever consumed.
  public var consumerPosition: UInt64
  /// Records for which there was no room.
  public var dropped: UInt64
}

extension MapHandle {
  /// How full a ring buffer is at this moment; `nil` for other types of maps.
  public var ringBufferState: RingBufferState? {
    guard let map = map as? RingBufferMap else { return nil }
    return RingBufferState(
      byteCount: map.ring.byteCount, availableByteCount: map.ring.availableByteCount,
      producerPosition: map.ring.producerPosition, consumerPosition: map.ring.consumerPosition,
      dropped: map.ring.dropped)
  }
}
