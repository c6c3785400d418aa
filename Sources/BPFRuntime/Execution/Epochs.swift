// UNSAFE. When what was replaced can be freed.
//
// Invariant: an announcement is eight aligned bytes that only this file touches, as an atomic, from
// `join` until `leave` has returned.

import CPlatform
import Synchronization

/// Decides when a replaced program can be freed: when every run that could be inside it has ended.
///
/// A CPU announces the epoch in which its run starts. What is retired gets the epoch of its
/// retirement and is kept until no CPU is in that epoch or an earlier one
/// (tail-calls.md R4.7, R6.12).
///
/// Runs start a million times as often as something is retired, so runs pay for as little as
/// possible: they announce themselves by plain stores, and whoever wants to free something makes
/// all threads of the process pass a fence first, by membarrier(2). Where the system does not have
/// it, every run has a fence of its own.
final class Epochs: Sendable {
  /// A CPU's announcement, where the CPU wants to have it: the epoch of its run while that goes on,
  /// which is odd, and 1 less afterwards.
  @safe
  struct Announcement: Hashable, Sendable {
    /// Address of eight zeroed bytes that are left alone from ``Epochs/join(_:)`` to
    /// ``Epochs/leave(_:)``.
    let address: UInt64

    @inline(__always)
    fileprivate var word: UnsafeMutablePointer<Atomic<UInt64>> {
      unsafe GuestMemory.doubleWord(address)
    }

    /// Whether the CPU is in a run; for its own thread.
    @inline(__always)
    var isInRun: Bool { unsafe word.pointee.load(ordering: .relaxed) & 1 != 0 }
  }

  fileprivate struct Retired {
    var epoch: UInt64
    var object: any AnyObject & Sendable
  }

  fileprivate struct State {
    /// The CPUs, with their numbers.
    var announcements: [Announcement: UInt32] = [:]
    var retired: [Retired] = []
    /// How often something may still be retired before it is believed that nothing runs.
    var busyCount = 0
  }

  // What every run reads comes first, in one piece.

  /// The epoch. All epochs are odd, so they are announced as they are.
  private let current = Atomic<UInt64>(1)
  private let waiting = Atomic<UInt64>(0)
  private let table = Atomic<UInt64>(0)
  private let state = Mutex(State())
  /// Whether the system has no barrier, so that every run has a fence of its own.
  let runsHaveFences: Bool

  /// While something runs, this many retired objects share a barrier.
  private static let batchCount = 64
  /// Short runs are often missed when one looks: so many looks without one have to agree.
  private static let busyLimit = 64

  /// - Parameter usesBarrier: Whether to use membarrier(2) where the system has it.
  init(usesBarrier: Bool = true) {
    runsHaveFences = !usesBarrier || !Self.hasBarrier
  }

  private static let hasBarrier = switchyard_register_barrier() == 0

  /// After it, every thread of the process has passed a fence since it was called.
  private func barrier() {
    if runsHaveFences {
      atomicMemoryFence(ordering: .sequentiallyConsistent)
    } else {
      switchyard_barrier()
    }
  }

  /// Adds a CPU.
  ///
  /// - Returns: The lowest number that no other one has.
  func join(_ announcement: Announcement) -> UInt32 {
    state.withLock { state in
      let taken = Set(state.announcements.values)
      let slot = (0...UInt32(taken.count)).first { !taken.contains($0) } ?? 0
      state.announcements[announcement] = slot
      return slot
    }
  }

  /// Removes a CPU that runs nothing any more.
  func leave(_ announcement: Announcement) {
    _ = state.withLock { $0.announcements.removeValue(forKey: announcement) }
    collect()
  }

  // MARK: Runs

  /// A run starts.
  @inline(__always)
  func enter(_ announcement: Announcement) {
    if runsHaveFences {
      announce(announcement)
      atomicMemoryFence(ordering: .sequentiallyConsistent)
    } else {
      enterWithoutFence(announcement)
    }
  }

  /// The same where ``runsHaveFences`` is known to be `false`.
  @inline(__always)
  func enterWithoutFence(_ announcement: Announcement) {
    announce(announcement)
    // Until a fence the announcement may not be visible to others, while the run reads slots
    // already. The compiler at least must keep the order; for the processor, who frees sees to it.
    switchyard_compiler_fence()
  }

  @inline(__always)
  private func announce(_ announcement: Announcement) {
    let epoch = current.load(ordering: .acquiring)
    unsafe announcement.word.pointee.store(epoch, ordering: .relaxed)
  }

  /// A run ends.
  @inline(__always)
  func exit(_ announcement: Announcement) {
    exitWithoutCollecting(announcement)
    if retiredCount != 0 { collect(endOf: announcement) }
  }

  /// A run ends, and leaves it to others to free what nobody uses any more.
  @inline(__always)
  func exitWithoutCollecting(_ announcement: Announcement) {
    let word = unsafe announcement.word.pointee.load(ordering: .relaxed)
    unsafe announcement.word.pointee.store(word & ~1, ordering: .releasing)
  }

  /// How many objects wait for runs to end.
  ///
  /// No fence, because this is on every run's path: what is retired at this very moment may wait
  /// for the next run, or for the end of a CPU.
  @inline(__always)
  var retiredCount: UInt64 { waiting.load(ordering: .relaxed) }

  /// Address of the table that a run that starts now finds the slots of arrays by; the run has
  /// announced its epoch before. It is the chains', and here because every run reads both.
  ///
  /// 0 without arrays: then no program can ask for it, because a program comes after its arrays.
  @inline(__always)
  var currentTable: UInt64 { table.load(ordering: .acquiring) }

  /// Makes a table the one that runs start with from here on.
  func publish(_ table: GenerationTable) {
    self.table.store(table.address, ordering: .releasing)
  }

  // MARK: What is retired

  /// Keeps an object until no run can be using it. The caller has made it unreachable for new runs.
  func retire(_ object: any AnyObject & Sendable) {
    waiting.wrappingAdd(1, ordering: .relaxed)
    state.withLock { state in
      // A run that announces a later epoch has seen that the object is hidden.
      let epoch = current.wrappingAdd(2, ordering: .sequentiallyConsistent).oldValue
      state.retired.append(Retired(epoch: epoch, object: object))
    }
    free(
      state.withLock { state in
        state.busyCount =
          state.seen(by: nil).isRunning ? Self.busyLimit : max(0, state.busyCount &- 1)
        return takeUnused(of: &state, endOf: nil, isBusy: state.busyCount > 0)
      })
  }

  /// Frees what no run can be inside any more.
  func collect() {
    free(state.withLock { takeUnused(of: &$0, endOf: nil, isBusy: false) })
  }

  /// - Parameter own: The CPU whose run this thread has just ended.
  @inline(never)
  private func collect(endOf own: Announcement) {
    // A run does not wait for others that do the same.
    let freed = state.withLockIfAvailable {
      takeUnused(of: &$0, endOf: own, isBusy: $0.busyCount > 0)
    }
    if let freed { free(freed) }
  }

  /// Takes out what is in no run any more.
  ///
  /// - Parameters:
  ///   - own: A CPU of this thread, whose run has ended.
  ///   - isBusy: Whether runs go on all the time, even if none is seen now.
  private func takeUnused(
    of state: inout State, endOf own: Announcement?, isBusy: Bool
  ) -> [Retired] {
    var freed = state.takeRetired(before: state.seen(by: own).certain)
    let seen = state.seen(by: own)
    // CPUs that rest may have started without anybody seeing it yet. When others run, the barrier
    // interrupts them, so it waits until it serves several.
    if let first = state.retired.first, first.epoch < seen.possible,
      !(seen.isRunning || isBusy) || state.retired.count >= Self.batchCount
    {
      barrier()
      freed += state.takeRetired(before: state.seen(by: own).possible)
    }
    return freed
  }

  /// The objects go outside the lock: their end may retire others.
  private func free(_ objects: consuming [Retired]) {
    waiting.wrappingSubtract(UInt64(objects.count), ordering: .relaxed)
  }

  // MARK: Stamps

  /// The stamp of something that has just been made unreachable for new runs.
  @inline(__always)
  func stamp() -> UInt64 {
    // Without the fence the load could come before the store that hides the thing, and a run of a
    // later epoch could still find it.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return current.load(ordering: .acquiring)
  }

  /// The first epoch that runs can still be in; what has an earlier stamp belongs to nobody.
  ///
  /// - Parameter stamp: A stamp that should become an earlier one.
  func firstLiveEpoch(beyond stamp: UInt64) -> UInt64 {
    if current.load(ordering: .acquiring) <= stamp {
      current.wrappingAdd(2, ordering: .sequentiallyConsistent)
    }
    let next = current.load(ordering: .sequentiallyConsistent)
    return state.withLock { state in
      let seen = state.seen(by: nil)
      // No barrier where it would not change the answer to the question.
      if seen.certain > stamp { return min(seen.certain, next) }
      if seen.possible <= stamp { return seen.possible }
      barrier()
      return min(state.seen(by: nil).possible, next)
    }
  }
}

extension Epochs.State {
  /// What can be seen of the runs without a barrier.
  fileprivate struct Sight {
    /// No run is in an epoch before this one.
    var certain = UInt64.max
    /// No run that is seen is in an epoch before this one; after a barrier, none at all.
    var possible = UInt64.max
    /// Whether a run is seen.
    var isRunning = false
  }

  /// - Parameter own: A CPU of this thread, about which there can be no doubt.
  fileprivate func seen(by own: Epochs.Announcement?) -> Sight {
    var sight = Sight()
    for announcement in announcements.keys {
      let word = unsafe announcement.word.pointee.load(ordering: .acquiring)
      let epoch = word | 1
      if word & 1 != 0 {
        sight.isRunning = true
        sight.possible = min(sight.possible, epoch)
        sight.certain = min(sight.certain, epoch)
      } else if announcement != own {
        // Its next run, even one that cannot be seen yet, is not in an earlier epoch.
        sight.certain = min(sight.certain, epoch)
      }
    }
    return sight
  }

  /// Takes out what was retired before an epoch.
  fileprivate mutating func takeRetired(before epoch: UInt64) -> [Epochs.Retired] {
    // In order of their epochs: however much waits for a thread that is not scheduled, what has to
    // stay is not looked at.
    let taken = Array(retired.prefix { $0.epoch < epoch })
    if !taken.isEmpty { retired.removeFirst(taken.count) }
    return taken
  }
}
