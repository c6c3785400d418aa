// UNSAFE. Helpers for timers in map values.
//
// Relies on the checked signature: a timer is sixteen bytes of the program's memory, a map is a
// living header, and a function is one of the running program's.

extension Helper {
  /// `bpf_timer_init`: makes a timer in a map value.
  ///
  /// EINVAL for a clock other than 0 (real), 1 (monotonic) and 7 (boot) or memory that is no value
  /// of the map, EBUSY when there is one already.
  static let timerInit = Helper(
    number: 169, name: "timer_init",
    arguments: [.fixedMemory(byteCount: 16), .map, .anything], isGPLOnly: true
  ) { address, map, flags, _, _, cpu in
    guard let clock = TimerClock(rawValue: flags) else { return LinuxError.invalid.helperResult }
    return MapHeader.withMap(at: map) { map in
      guard map.valueContains(address: address, count: 16) else {
        return LinuxError.invalid.helperResult
      }
      guard let (key, value) = map.element(containing: address) else {
        return LinuxError.invalid.helperResult
      }
      let timer = Timers.Timer(
        address: address, mapID: map.id, key: key, offset: address &- value, clock: clock)
      return RunningCPU(address: cpu).withOwner { owner in
        let registry = owner.runtime.registry
        let isNew = owner.runtime.timers.add(timer) { !$0.isThere(registry.map($0.mapID)) }
        return isNew ? 0 : LinuxError.busy.helperResult
      }
    }
  }

  /// `bpf_timer_set_callback`: what a timer calls: a subprogram that gets the map, the key and the
  /// value. EINVAL for something that is no timer.
  static let timerSetCallback = Helper(
    number: 170, name: "timer_set_callback",
    arguments: [.fixedMemory(byteCount: 16), .function], isGPLOnly: true
  ) { address, function, _, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let engine = unsafe cpu.words.pointee.caller.engine
    let program = cpu.withOwner { $0.runtime.registry.program(containing: function) }
    guard let program else { return LinuxError.invalid.helperResult }
    return cpu.changeTimer(at: address) { timer in
      timer.function = function
      timer.program = program
      timer.engine = engine
      return 0
    }
  }

  /// `bpf_timer_start`: makes a timer due after some nanoseconds or, with flag 1, at a time of its
  /// clock. EINVAL for other flags than 1 and 2 (this CPU) and for a timer that calls nothing.
  static let timerStart = Helper(
    number: 171, name: "timer_start",
    arguments: [.fixedMemory(byteCount: 16), .anything, .anything], isGPLOnly: true
  ) { address, nanoseconds, flags, _, _, cpu in
    guard flags & ~3 == 0 else { return LinuxError.invalid.helperResult }
    let cpu = RunningCPU(address: cpu)
    return cpu.changeTimer(at: address) { timer in
      guard timer.program != nil else { return LinuxError.invalid.helperResult }
      timer.deadline =
        flags & 1 != 0 ? nanoseconds : cpu.time(timer.clock).saturatingAdd(nanoseconds)
      return 0
    }
  }

  /// `bpf_timer_cancel`: stops a timer, which calls nothing any more, and waits for its callback
  /// where that runs on another CPU; returns whether the timer ran. EINVAL for something that is no
  /// timer, EDEADLK in the timer's own callback and in one that others wait for.
  static let timerCancel = Helper(
    number: 172, name: "timer_cancel", arguments: [.fixedMemory(byteCount: 16)], isGPLOnly: true
  ) { address, _, _, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let number = GuestMemory.load(address, as: UInt64.self)
    let caller = unsafe cpu.words.pointee.runningTimer
    // Outside `withOwner`: it may take as long as the callback does.
    let timers = cpu.withOwner { $0.runtime.timers }
    switch timers.cancel(at: address, number, from: caller) {
    case .success(let wasArmed): return wasArmed ? 1 : 0
    case .failure(let error): return error.helperResult
    }
  }
}

extension Timers.Timer {
  /// Whether the value is still there, with the timer in it.
  fileprivate func isThere(_ map: Map?) -> Bool {
    guard let map, map.valueContains(address: address, count: 16) else { return false }
    return GuestMemory.load(address, as: UInt64.self) == number
  }
}

extension RunningCPU {
  /// Changes the timer in a program's memory; EINVAL when there is none.
  fileprivate func changeTimer(
    at address: UInt64, _ body: (inout Timers.Timer) -> UInt64
  ) -> UInt64 {
    let number = GuestMemory.load(address, as: UInt64.self)
    let result = withOwner { $0.runtime.timers.change(at: address, number, body) }
    return result ?? LinuxError.invalid.helperResult
  }

  /// Nanoseconds of a timer's clock.
  func time(_ clock: TimerClock) -> UInt64 {
    switch clock {
    case .real: time(SystemClock.real)
    case .monotonic: time(SystemClock.monotonic)
    case .boot: time(SystemClock.boot)
    }
  }
}

extension UInt64 {
  fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
