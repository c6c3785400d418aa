// UNSAFE. Puts a consumer to sleep and wakes it: a mutex and a condition of the system.
//
// Invariant: both are initialised in `init`, destroyed in `deinit` and never moved; `State` is only
// touched under the mutex.

import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What a consumer waits on: a thread, a task, or both in turn.
///
/// A producer that finds nobody waiting pays one load.
@safe
final class EventSignal: @unchecked Sendable {
  // Sendable: what changes is atomic or behind the mutex.

  private struct State {
    var wakeUps: UInt64 = 0
    var isFinished = false
    var task: CheckedContinuation<Void, Never>?
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state = State()
  private let isAwaited = Atomic<Bool>(false)

  init() {
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Wakes who waits.
  @inline(__always)
  func wake() {
    if isAwaited.load(ordering: .sequentiallyConsistent) { wakeAll(isEnd: false) }
  }

  /// Wakes who waits, and lets nobody wait any more.
  func finish() { wakeAll(isEnd: true) }

  /// Whether ``finish()`` was called.
  var isFinished: Bool { locked { state.isFinished } }

  @inline(never)
  private func wakeAll(isEnd: Bool) {
    let task = locked {
      state.wakeUps &+= 1
      if isEnd { state.isFinished = true }
      isAwaited.store(false, ordering: .sequentiallyConsistent)
      unsafe pthread_cond_broadcast(condition)
      defer { state.task = nil }
      return state.task
    }
    task?.resume()
  }

  /// Announces a waiter, under the mutex, and looks once more whether it has to wait: what a
  /// producer does after this look finds the announcement.
  private func mustWait(_ isReady: () -> Bool) -> Bool {
    isAwaited.store(true, ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard isReady() || state.isFinished else { return true }
    if state.task == nil { isAwaited.store(false, ordering: .sequentiallyConsistent) }
    return false
  }

  /// Blocks the thread until `isReady` holds, somebody wakes it, or the time is over.
  ///
  /// - Parameter timeout: How long at most; `nil` for ever.
  func wait(timeout: Duration?, isReady: () -> Bool) {
    let deadline = timeout.map { Self.deadline(after: $0) }
    locked {
      guard mustWait(isReady) else { return }
      let before = state.wakeUps
      while state.wakeUps == before {
        guard var deadline else {
          unsafe pthread_cond_wait(condition, mutex)
          continue
        }
        let status = unsafe pthread_cond_timedwait(condition, mutex, &deadline)
        guard status == 0 else { return }
      }
    }
  }

  /// Suspends the task until `isReady` holds, somebody wakes it, or it is cancelled.
  func wait(isReady: () -> Bool) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustResume = locked {
          guard !Task.isCancelled, mustWait(isReady) else { return true }
          // A second task takes the place of the first, which then looks for itself.
          let earlier = state.task
          state.task = continuation
          earlier?.resume()
          return false
        }
        if mustResume { continuation.resume() }
      }
    } onCancel: {
      wakeAll(isEnd: false)
    }
  }

  private static func deadline(after duration: Duration) -> timespec {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let (seconds, attoseconds) = max(duration, .zero).components
    let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
    // Far enough for any timeout, and near enough for any clock.
    let most = Int64(1) << 40
    now.tv_sec += Int(min(seconds, most)) + nanoseconds / 1_000_000_000
    now.tv_nsec = nanoseconds % 1_000_000_000
    return now
  }
}

/// The thread of the host that runs this code.
enum HostThread {
  /// Lets other threads run.
  static func yield() { sched_yield() }

  /// A number that tells living threads apart.
  static var current: UInt {
    #if canImport(Glibc)
    UInt(pthread_self())
    #else
    unsafe UInt(bitPattern: pthread_self())
    #endif
  }
}
