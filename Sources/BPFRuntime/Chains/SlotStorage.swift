// UNSAFE. The slots of one array of programs, as running programs read them.
//
// Invariant: a slot holds 0 or the entry of a program that its array, or the epochs, keep alive.
// The block lives as long as the object, which the array keeps while it is current and the epochs
// while a run can hold a table that leads to it.

import Synchronization

/// Entry addresses by index: eight bytes each, 0 for an empty slot.
@safe
final class SlotStorage: Sendable {
  private let memory: StableMemory
  /// Number of slots.
  let count: UInt32

  /// Makes empty slots.
  ///
  /// - Throws: ENOMEM.
  init(count: UInt32) throws(LinuxError) {
    self.count = count
    memory = try StableMemory(byteCount: Int(count) * 8)
  }

  /// Makes slots with the same contents.
  ///
  /// - Throws: ENOMEM.
  convenience init(copying other: SlotStorage, filled: some Sequence<UInt32>) throws(LinuxError) {
    try self.init(count: other.count)
    for index in filled { self[index] = other[index] }
  }

  /// Address of slot 0.
  var address: UInt64 { memory.address }

  /// The entry in a slot; changes are seen at once by every run that reads these slots.
  subscript(index: UInt32) -> UInt64 {
    get { unsafe cell(index).pointee.load(ordering: .acquiring) }
    set { unsafe cell(index).pointee.store(newValue, ordering: .releasing) }
  }

  private func cell(_ index: UInt32) -> UnsafeMutablePointer<Atomic<UInt64>> {
    precondition(index < count, "a slot of the array")
    return unsafe GuestMemory.doubleWord(memory.address &+ UInt64(index) &* 8)
  }
}
