import Synchronization

/// Decides when a replaced program can be freed: when every run that could be inside it has ended.
///
/// A CPU announces the epoch in which its run starts. What is retired gets the epoch of its
/// retirement and is kept until no CPU is in that epoch or an earlier one
/// (tail-calls.md R4.7, R6.12).
final class Epochs: Sendable {
  /// A CPU's announcement: 0 when it runs nothing.
  final class Announcement: Sendable {
    fileprivate let epoch = Atomic<UInt64>(0)
    /// The lowest number that no other announcement had when this one joined.
    let slot: UInt32

    fileprivate init(slot: UInt32) { self.slot = slot }

    /// Whether the CPU is in a run; for its own thread.
    @inline(__always)
    var isInRun: Bool { epoch.load(ordering: .relaxed) != 0 }
  }

  private struct Retired {
    var epoch: UInt64
    var object: any AnyObject & Sendable
  }

  private struct State {
    var announcements: [ObjectIdentifier: Announcement] = [:]
    var retired: [Retired] = []
  }

  private let current = Atomic<UInt64>(1)
  private let waiting = Atomic<Int>(0)
  private let state = Mutex(State())

  /// Adds a CPU.
  func join() -> Announcement {
    state.withLock { state in
      let taken = Set(state.announcements.values.map(\.slot))
      let slot = (0...UInt32(taken.count)).first { !taken.contains($0) } ?? 0
      let announcement = Announcement(slot: slot)
      state.announcements[ObjectIdentifier(announcement)] = announcement
      return announcement
    }
  }

  /// Removes a CPU that runs nothing any more.
  func leave(_ announcement: Announcement) {
    _ = state.withLock { $0.announcements.removeValue(forKey: ObjectIdentifier(announcement)) }
    collect()
  }

  /// A run starts.
  @inline(__always)
  func enter(_ announcement: Announcement) {
    // Until the fence the announcement may not be visible; the run reads slots only behind it. A
    // store of any ordering would not do: acquiring loads can overtake it.
    let epoch = current.load(ordering: .acquiring)
    announcement.epoch.store(epoch, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// A run ends.
  @inline(__always)
  func exit(_ announcement: Announcement) {
    announcement.epoch.store(0, ordering: .releasing)
    // No fence, because this is on every run's path: what is retired at this very moment may wait
    // for the next run, or for the end of a CPU.
    if waiting.load(ordering: .relaxed) > 0 { collect() }
  }

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
      current.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
    let next = current.load(ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return state.withLock { state in
      state.announcements.values.lazy
        .map { $0.epoch.load(ordering: .sequentiallyConsistent) }
        .filter { $0 != 0 }
        .reduce(next, min)
    }
  }

  /// Keeps an object until no run can be using it. The caller has made it unreachable for new runs.
  func retire(_ object: any AnyObject & Sendable) {
    // Against the fence of `enter`: either the run sees that the object is hidden, or `collect`
    // sees the run.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let epoch = current.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
    waiting.wrappingAdd(1, ordering: .relaxed)
    state.withLock { $0.retired.append(Retired(epoch: epoch, object: object)) }
    collect()
  }

  /// Frees what no run can be inside any more.
  func collect() {
    let freed = state.withLock { state -> [Retired] in
      let oldest =
        state.announcements.values.lazy
        .map { $0.epoch.load(ordering: .sequentiallyConsistent) }
        .filter { $0 != 0 }.min() ?? UInt64.max
      let split = state.retired.partition { $0.epoch < oldest }
      let freed = Array(state.retired[split...])
      state.retired.removeSubrange(split...)
      return freed
    }
    // The objects go outside the lock: their end may retire others.
    waiting.wrappingSubtract(freed.count, ordering: .relaxed)
  }
}
