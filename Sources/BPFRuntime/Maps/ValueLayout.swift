// UNSAFE. Copies values between maps, programs and user space.
//
// Invariant: both addresses are those of as many bytes as a value has, which callers guarantee.

import Synchronization

/// The bytes of a value, and the spin lock among them, if there is one.
///
/// A lock is no data: it is not copied in, and it reads as zero.
struct ValueLayout: Sendable {
  /// Bytes of a value.
  let size: Int
  /// Where the four bytes of the lock are; negative when there is none.
  private let lockOffset: Int

  init(_ definition: MapDefinition) {
    size = Int(definition.valueSize)
    lockOffset = definition.lockOffset.map { Int($0) } ?? -1
  }

  /// Whether values have a lock.
  @inline(__always)
  var hasLock: Bool { lockOffset >= 0 }

  /// Writes a value where one is; a lock stays as it is.
  @inline(__always)
  func copy(_ source: UInt64, to target: UInt64) {
    if size == 8, lockOffset < 0 {
      GuestMemory.store(target, GuestMemory.load(source, as: UInt64.self), as: UInt64.self)
    } else {
      copyAroundLock(source, to: target)
    }
  }

  /// Writes the first value of a fresh element, with an open lock.
  @inline(__always)
  func initialize(_ source: UInt64, to target: UInt64) {
    copy(source, to: target)
    if hasLock { GuestMemory.clear(target &+ UInt64(lockOffset), count: 4) }
  }

  /// Writes a value under its lock (`BPF_F_LOCK`).
  func copyLocked(_ source: UInt64, to target: UInt64) {
    guard hasLock else { return copy(source, to: target) }
    let lock = SpinLock(address: target &+ UInt64(lockOffset))
    lock.lock()
    copyAroundLock(source, to: target)
    lock.unlock()
  }

  /// Reads a value for user space, under its lock if that is asked for.
  func read(_ source: UInt64, to target: UInt64, isLocked: Bool) {
    guard hasLock else { return GuestMemory.move(source, to: target, count: size) }
    let lock = SpinLock(address: source &+ UInt64(lockOffset))
    if isLocked { lock.lock() }
    copyAroundLock(source, to: target)
    if isLocked { lock.unlock() }
    GuestMemory.clear(target &+ UInt64(lockOffset), count: 4)
  }

  private func copyAroundLock(_ source: UInt64, to target: UInt64) {
    guard hasLock else { return GuestMemory.move(source, to: target, count: size) }
    GuestMemory.move(source, to: target, count: lockOffset)
    let rest = lockOffset + 4
    GuestMemory.move(
      source &+ UInt64(rest), to: target &+ UInt64(rest), count: size &- rest)
  }
}

/// A `struct bpf_spin_lock` in a value: four bytes, 0 when it is open.
///
/// Programs hold it for a few instructions and may not call anything meanwhile, which the verifier
/// sees to. A checked run may never give it back: whoever waits for it takes it in the end.
struct SpinLock {
  let address: UInt64

  /// Looks at a lock before it counts as forgotten: many thousand times as long as one is held.
  private static let patience = 1 << 20

  /// Waits until the lock is open, and takes it.
  func lock() {
    // Only checked runs can get here with such an address.
    guard address & 3 == 0 else { return }
    let word = unsafe GuestMemory.word(address)
    var backoff = Backoff()
    while backoff.looks < Self.patience,
      unsafe !word.pointee.compareExchange(
        expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
      ).exchanged
    {
      backoff.wait()
    }
  }

  /// Opens the lock.
  func unlock() {
    guard address & 3 == 0 else { return }
    unsafe GuestMemory.word(address).pointee.store(0, ordering: .releasing)
  }
}
