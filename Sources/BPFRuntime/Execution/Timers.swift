import Synchronization

/// The timers that programs keep in map values.
///
/// A value has sixteen bytes for a timer (`struct bpf_timer`); the first eight of them hold the
/// timer's number here, so a value that was replaced, cleared or handed out again has lost it.
final class Timers: Sendable {
  /// One timer.
  struct Timer {
    /// Unique among the timers of the runtime, from 1.
    var number: UInt64 = 0
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

  /// What is known of a timer while its callback runs.
  fileprivate struct Callback {
    /// The thread of the host that it runs on.
    var thread: UInt
    /// Callbacks of other timers that wait for its end.
    var waiting = 0
  }

  fileprivate struct State {
    var next: UInt64 = 1
    /// By address: there is one timer in sixteen bytes, whatever became of earlier ones.
    var timers: [UInt64: Timer] = [:]
    /// How many there may be before those that are gone are looked for.
    var sweepCount = 64
    var queues: [TimerClock: TimerQueue] = [:]
    /// How many timers are armed.
    var armed = 0
    var starts: UInt64 = 0
    /// By number of the timer.
    var callbacks: [UInt64: Callback] = [:]
  }

  private let state = Mutex(State())
  private let armed = Atomic<Int>(0)

  /// Whether no timer runs: cheap, for everyone who might have to look.
  var isIdle: Bool { armed.load(ordering: .relaxed) == 0 }

  /// How many timers are kept, those included whose value is gone and that nobody looked for yet.
  var count: Int { state.withLock { $0.timers.count } }

  /// Adds a timer and writes its number to its address, unless there is one already.
  ///
  /// - Parameter isGone: Whether a timer's value is not there any more, or has lost it.
  /// - Returns: Whether it was added.
  func add(_ timer: Timer, isGone: (Timer) -> Bool) -> Bool {
    // Programs and maps go when nobody holds the lock.
    var forgotten: [Timer] = []
    return state.withLock { state in
      let number = GuestMemory.load(timer.address, as: UInt64.self)
      if let known = state.timers[timer.address] {
        if known.number == number { return false }
        forgotten.append(known)
        state.forget(known)
      }
      if state.timers.count >= state.sweepCount {
        for known in state.timers.values where isGone(known) {
          forgotten.append(known)
          state.forget(known)
        }
        state.sweepCount = max(64, state.timers.count * 2)
      }
      var timer = timer
      timer.number = state.next
      state.next += 1
      state.timers[timer.address] = timer
      GuestMemory.store(timer.address, timer.number, as: UInt64.self)
      publish(state)
      return true
    }
  }

  /// Changes the timer that an address holds the number of; `nil` when it holds none.
  func change<Result>(
    at address: UInt64, _ number: UInt64, _ body: (inout Timer) -> Result
  ) -> Result? {
    state.withLock { state in
      guard var timer = state.timer(at: address, number) else { return nil }
      let result = body(&timer)
      state.replace(timer)
      publish(state)
      return result
    }
  }

  private func publish(_ state: borrowing State) {
    armed.store(state.armed, ordering: .relaxed)
  }
}

// MARK: What is due

extension Timers {
  /// One look for what is due: a timer that is started while it lasts is left for the next one.
  struct Round {
    fileprivate let starts: UInt64
    fileprivate var later: [(TimerClock, TimerQueue.Entry)] = []
  }

  /// Begins to look for timers that are due.
  func beginRound() -> Round { state.withLock { Round(starts: $0.starts) } }

  /// Takes the timer that was due first, if one is. It stands still afterwards, and its callback
  /// runs until ``finish(_:)`` says otherwise: meanwhile nobody else gets it.
  func takeDue(in round: inout Round, _ now: (TimerClock) -> UInt64) -> Timer? {
    state.withLock { state in
      while let (clock, entry) = state.firstDue(now) {
        _ = state.queues[clock]?.removeFirst()
        guard entry.order < round.starts else {
          round.later.append((clock, entry))
          continue
        }
        guard state.isCurrent(entry), var timer = state.timers[entry.address] else { continue }
        timer.deadline = nil
        state.replace(timer)
        state.callbacks[timer.number] = Callback(thread: HostThread.current)
        publish(state)
        return timer
      }
      return nil
    }
  }

  /// Notes that a timer's callback has returned.
  func finish(_ timer: Timer) {
    state.withLock { state in
      state.callbacks[timer.number] = nil
      // Started again in the meantime: now others may take it.
      guard let current = state.timer(at: timer.address, timer.number) else { return }
      if let deadline = current.deadline { state.enqueue(current, deadline) }
    }
  }

  /// Ends a look for timers that are due.
  func end(_ round: Round) {
    state.withLock { state in
      for (clock, entry) in round.later where state.isCurrent(entry) {
        state.queues[clock, default: TimerQueue()].insert(entry)
      }
    }
  }

  /// Forgets a timer whose value is gone.
  func remove(_ timer: Timer) {
    // Its program goes when nobody holds the lock.
    let removed = state.withLock { state -> Timer? in
      guard let known = state.timer(at: timer.address, timer.number) else { return nil }
      state.forget(known)
      publish(state)
      return known
    }
    _ = removed
  }
}

// MARK: Cancelling

extension Timers {
  /// Stops the timer that an address holds the number of, which then calls nothing any more, and
  /// waits for its callback when that runs.
  ///
  /// EDEADLK where one would wait for oneself: in the timer's own callback, in a callback that
  /// somebody waits for, who may be who is waited for (Linux commit d4523831f07a), and where the
  /// callback runs further up on the same thread of the host.
  ///
  /// - Parameter caller: The timer whose callback asks; 0 for none.
  /// - Returns: Whether the timer ran; EINVAL when the address holds the number of none.
  func cancel(
    at address: UInt64, _ number: UInt64, from caller: UInt64
  ) -> Result<Bool, LinuxError> {
    enum Step {
      case done(Bool)
      case wait(wasArmed: Bool)
      case failed(LinuxError)
    }
    let step = state.withLock { state -> Step in
      guard var timer = state.timer(at: address, number) else { return .failed(.invalid) }
      let callback = state.callbacks[number]
      guard caller != number, callback?.thread != HostThread.current else {
        return .failed(.deadlock)
      }
      if caller != 0, state.callbacks[caller]?.waiting ?? 0 > 0 { return .failed(.deadlock) }
      let wasArmed = timer.deadline != nil
      timer.deadline = nil
      // It cannot be started again without a callback.
      timer.program = nil
      state.replace(timer)
      publish(state)
      guard callback != nil else { return .done(wasArmed) }
      if caller != 0 { state.callbacks[number]?.waiting += 1 }
      return .wait(wasArmed: wasArmed)
    }
    switch step {
    case .done(let wasArmed): return .success(wasArmed)
    case .failed(let error): return .failure(error)
    case .wait(let wasArmed):
      var backoff = Backoff()
      while state.withLock({ $0.callbacks[number] != nil }) { backoff.wait() }
      return .success(wasArmed)
    }
  }
}

extension Timers.State {
  /// The timer at an address, if it has this number.
  fileprivate func timer(at address: UInt64, _ number: UInt64) -> Timers.Timer? {
    guard let timer = timers[address], timer.number == number else { return nil }
    return timer
  }

  /// Whether an entry is the current start of its timer, and the timer free to be taken.
  fileprivate func isCurrent(_ entry: TimerQueue.Entry) -> Bool {
    timer(at: entry.address, entry.number)?.deadline == entry.deadline
      && callbacks[entry.number] == nil
  }

  /// The earliest entry of all clocks that is due, whether or not it is current.
  fileprivate func firstDue(
    _ now: (TimerClock) -> UInt64
  ) -> (TimerClock, TimerQueue.Entry)? {
    var first: (clock: TimerClock, entry: TimerQueue.Entry)?
    for (clock, queue) in queues {
      guard let entry = queue.first, entry.deadline <= now(clock) else { continue }
      let isEarlier = first.map {
        (entry.deadline, entry.number) < ($0.entry.deadline, $0.entry.number)
      }
      if isEarlier ?? true { first = (clock, entry) }
    }
    return first.map { ($0.clock, $0.entry) }
  }

  /// Stores a timer's new state.
  fileprivate mutating func replace(_ timer: Timers.Timer) {
    let old = timers[timer.address]?.deadline
    timers[timer.address] = timer
    if (old != nil) != (timer.deadline != nil) { armed += old == nil ? 1 : -1 }
    // While its callback runs, nobody else may take it: its end puts it in the queue.
    guard let deadline = timer.deadline, deadline != old, callbacks[timer.number] == nil else {
      return
    }
    enqueue(timer, deadline)
  }

  fileprivate mutating func enqueue(_ timer: Timers.Timer, _ deadline: UInt64) {
    var queue = queues[timer.clock, default: TimerQueue()]
    queues[timer.clock] = nil
    queue.insert(
      TimerQueue.Entry(
        deadline: deadline, number: timer.number, address: timer.address, order: starts))
    starts += 1
    if queue.count > 2 * armed + 64 { queue.removeAll { !isCurrent($0) } }
    queues[timer.clock] = queue
  }

  fileprivate mutating func forget(_ timer: Timers.Timer) {
    guard timers[timer.address]?.number == timer.number else { return }
    timers[timer.address] = nil
    if timer.deadline != nil { armed -= 1 }
  }
}

/// The clocks that a timer can count by: Linux's numbers.
enum TimerClock: UInt64, Hashable, Sendable {
  case real = 0
  case monotonic = 1
  case boot = 7
}
