import Synchronization

/// The timers that programs keep in map values.
///
/// A value has sixteen bytes for a timer (`struct bpf_timer`); the first eight of them hold the
/// timer's number here, so a value that was replaced, cleared or handed out again has lost it.
final class Timers: Sendable {
  /// One timer.
  struct Timer {
    /// Address of the sixteen bytes.
    var address: UInt64
    /// The map that the value belongs to.
    var mapID: UInt32
    /// The element's key.
    var key: [UInt8]
    /// Bytes from the start of the value to the timer.
    var offset: UInt64
    /// Which clock counts.
    var clock: TimerClock
    /// What is called, and the program it belongs to; alive while the timer is.
    var function: UInt64 = 0
    var program: Program?
    /// What executes the program.
    var engine = RunningEngine.checked
    /// When it is due, in nanoseconds of its clock; `nil` when it does not run.
    var deadline: UInt64?
  }

  private struct State {
    var next: UInt64 = 1
    var timers: [UInt64: Timer] = [:]
  }

  private let state = Mutex(State())
  private let armed = Atomic<Int>(0)

  /// Whether some timer runs: cheap, for everyone who might have to look.
  var isIdle: Bool { armed.load(ordering: .relaxed) == 0 }

  /// Adds a timer and returns its number.
  func add(_ timer: Timer) -> UInt64 {
    state.withLock { state in
      state.timers[state.next] = timer
      defer { state.next += 1 }
      return state.next
    }
  }

  /// Changes the timer that an address holds the number of; `nil` when it holds none.
  func change<Result>(
    at address: UInt64, _ number: UInt64, _ body: (inout Timer) -> Result
  ) -> Result? {
    state.withLock { state in
      guard var timer = state.timers[number], timer.address == address else { return nil }
      let wasArmed = timer.deadline != nil
      let result = body(&timer)
      state.timers[number] = timer
      if wasArmed != (timer.deadline != nil) {
        armed.wrappingAdd(wasArmed ? -1 : 1, ordering: .relaxed)
      }
      return result
    }
  }

  /// Takes the timer that was due first, if one is; it stands still afterwards.
  func takeDue(_ now: (TimerClock) -> UInt64) -> (number: UInt64, timer: Timer)? {
    state.withLock { state in
      let due = state.timers.filter { _, timer in
        timer.deadline.map { $0 <= now(timer.clock) } ?? false
      }
      let first = due.min {
        ($0.value.deadline ?? 0, $0.key) < ($1.value.deadline ?? 0, $1.key)
      }
      guard let first else { return nil }
      state.timers[first.key]?.deadline = nil
      armed.wrappingSubtract(1, ordering: .relaxed)
      return (first.key, first.value)
    }
  }

  /// Forgets a timer whose value is gone.
  func remove(_ number: UInt64) {
    state.withLock { state in
      let removed = state.timers.removeValue(forKey: number)
      if removed?.deadline != nil { armed.wrappingSubtract(1, ordering: .relaxed) }
    }
  }

  /// When the next timer of a clock is due.
  func nextDeadline(_ clock: TimerClock) -> UInt64? {
    state.withLock { state in
      state.timers.values.lazy.filter { $0.clock == clock }.compactMap(\.deadline).min()
    }
  }
}

/// The clocks that a timer can count by: Linux's numbers.
enum TimerClock: UInt64, Hashable, Sendable {
  case real = 0
  case monotonic = 1
  case boot = 7
}
