// UNSAFE. Copies values between maps, programs and user space.
//
// Invariant: both addresses are those of as many bytes as a value has, which callers guarantee.

import Synchronization

/// The bytes of a value, and the spin lock and the timer among them, if there are any.
///
/// Neither is data: they are not copied in, and they read as zero. A value that is written loses
/// its timer, and keeps its lock as it is.
struct ValueLayout: Sendable {
  /// Bytes of a value.
  let size: Int
  /// Where the four bytes of the lock are; negative when there is none.
  private let lockOffset: Int
  /// What is no data, in order; empty ones at the end where there is less.
  private let first: Range<Int>
  private let second: Range<Int>
  private let timer: Range<Int>
  private let isPlain: Bool

  init(_ definition: MapDefinition) {
    size = Int(definition.valueSize)
    lockOffset = definition.lockOffset.map { Int($0) } ?? -1
    let none = size..<size
    let lock = definition.lockOffset.map { Int($0)..<Int($0) + 4 } ?? none
    timer = definition.timerOffset.map { Int($0)..<Int($0) + 16 } ?? none
    first = lock.lowerBound < timer.lowerBound ? lock : timer
    second = lock.lowerBound < timer.lowerBound ? timer : lock
    isPlain = lock.isEmpty && timer.isEmpty
  }

  /// Whether values have a lock.
  @inline(__always)
  var hasLock: Bool { lockOffset >= 0 }

  /// Writes a value where one is.
  @inline(__always)
  func copy(_ source: UInt64, to target: UInt64) {
    if isPlain, size == 8 {
      GuestMemory.store(target, GuestMemory.load(source, as: UInt64.self), as: UInt64.self)
    } else {
      copyData(source, to: target)
      clear(timer, of: target)
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
    copy(source, to: target)
    lock.unlock()
  }

  /// Reads a value for user space, under its lock if that is asked for.
  func read(_ source: UInt64, to target: UInt64, isLocked: Bool) {
    guard !isPlain else { return GuestMemory.move(source, to: target, count: size) }
    let lock = hasLock && isLocked ? SpinLock(address: source &+ UInt64(lockOffset)) : nil
    lock?.lock()
    copyData(source, to: target)
    lock?.unlock()
    clear(first, of: target)
    clear(second, of: target)
  }

  private func copyData(_ source: UInt64, to target: UInt64) {
    guard !isPlain else { return GuestMemory.move(source, to: target, count: size) }
    move(0..<first.lowerBound, source, target)
    move(first.upperBound..<second.lowerBound, source, target)
    move(second.upperBound..<size, source, target)
  }

  private func move(_ part: Range<Int>, _ source: UInt64, _ target: UInt64) {
    let offset = UInt64(part.lowerBound)
    GuestMemory.move(source &+ offset, to: target &+ offset, count: part.count)
  }

  private func clear(_ part: Range<Int>, of target: UInt64) {
    guard !part.isEmpty else { return }
    GuestMemory.clear(target &+ UInt64(part.lowerBound), count: part.count)
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
