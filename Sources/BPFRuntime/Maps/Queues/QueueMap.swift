// UNSAFE. Values in a ring.
//
// Invariant: ring and values are behind the Mutex; a place is taken modulo the capacity, so it lies
// inside the block.

import Synchronization

/// QUEUE and STACK (maps-and-helpers.md 11.12): values without keys, the oldest or the newest
/// first.
package final class QueueMap: Map, @unchecked Sendable {
  // Sendable: everything is behind the Mutex.

  private struct Ring {
    /// Where the oldest value is.
    var start = 0
    var count = 0
  }

  private let memory: StableMemory
  private let ring = Mutex(Ring())
  private let stride: Int
  private let capacity: Int
  private let isStack: Bool

  override init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    let accepted: MapFlags = [
      .numaNode, .readOnly, .writeOnly, .readOnlyForPrograms, .writeOnlyForPrograms,
    ]
    guard definition.keySize == 0, definition.valueSize > 0, definition.maxEntries > 0,
      definition.extra == 0, definition.flags.isSubset(of: accepted),
      definition.flags.permitSomething
    else { throw .invalid }
    guard definition.valueSize <= MapLimits.queueValueSize else { throw .tooBig }
    stride = Int(definition.valueSize)
    capacity = Int(definition.maxEntries)
    isStack = definition.type == .stack
    let (byteCount, overflow) = stride.multipliedReportingOverflow(by: capacity)
    guard !overflow else { throw .noMemory }
    memory = try StableMemory(byteCount: byteCount)
    try super.init(definition: definition, id: id)
  }

  private func place(_ index: Int) -> UInt64 {
    memory.address &+ UInt64(index % capacity * stride)
  }

  package override func push(_ value: UInt64, flags: UpdateFlags) -> LinuxError? {
    guard flags == .any || flags == .mustExist else { return .invalid }
    return ring.withLock { ring in
      if ring.count == capacity {
        // What is oldest makes room, if it may.
        guard flags == .mustExist else { return .tooBig }
        ring.start = (ring.start + 1) % capacity
        ring.count -= 1
      }
      GuestMemory.move(value, to: place(ring.start + ring.count), count: stride)
      ring.count += 1
      return nil
    }
  }

  package override func pop(into value: UInt64) -> LinuxError? { take(into: value, removes: true) }

  package override func peek(_ value: UInt64) -> LinuxError? { take(into: value, removes: false) }

  private func take(into value: UInt64, removes: Bool) -> LinuxError? {
    ring.withLock { ring in
      guard ring.count > 0 else {
        GuestMemory.clear(value, count: stride)
        return .noEntry
      }
      let index = isStack ? ring.start + ring.count - 1 : ring.start
      GuestMemory.move(place(index), to: value, count: stride)
      if removes {
        if !isStack { ring.start = (ring.start + 1) % capacity }
        ring.count -= 1
      }
      return nil
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    .invalid
  }
}
