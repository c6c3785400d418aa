// UNSAFE. Calls subprograms at top level, when their timers are due.
//
// Relies on the invariants of CPU and SubprogramCaller. A timer's value is looked up by its key in
// the run that calls, so whatever others do to the element, its memory is used for nothing else
// before the run ends.

extension CPU {
  /// Calls the subprograms of all timers that are due by this CPU's clock (`bpf_timer_start`).
  ///
  /// In Linux interrupts do this; here whoever runs programs decides when. With a clock that stands
  /// still, timers become due when the clock is set forward. A timer whose element or map is gone
  /// does nothing. One that starts itself again has its next turn in the next call.
  ///
  /// - Precondition: The CPU runs nothing.
  /// - Returns: How many were called.
  /// - Throws: ``Fault``, as ``run(_:in:mode:)`` does; timers behind it stay due.
  @discardableResult
  public func runTimers() throws(Fault) -> Int {
    let timers = runtime.timers
    guard !timers.isIdle else { return 0 }
    var count = 0
    let start = TimerClock.all.map { ($0, running.time($0)) }
    var round = timers.beginRound()
    defer { timers.end(round) }
    while let timer = timers.takeDue(
      in: &round, { clock in start.first { $0.0 == clock }?.1 ?? 0 })
    {
      defer { timers.finish(timer) }
      let map = runtime.registry.map(timer.mapID)
      guard let program = timer.program, let map, try call(timer, program, map) else {
        timers.remove(timer)
        continue
      }
      count += 1
    }
    return count
  }

  /// - Returns: Whether the element was still there, with the timer in it.
  private func call(
    _ timer: Timers.Timer, _ program: Program, _ map: Map
  ) throws(Fault) -> Bool {
    precondition(!announcement.isInRun, "the CPU is running a program already")
    prepareWithoutContext()
    let frame = UInt64(Limits.frameByteCount)
    let key = stackAddresses.upperBound &- frame
    for (offset, byte) in timer.key.prefix(Limits.frameByteCount).enumerated() {
      GuestMemory.store(key &+ UInt64(offset), UInt64(byte), as: UInt8.self)
    }
    // As if a program in a frame above the stack had called a helper.
    unsafe running.words.pointee.caller = RunningCPU.Caller(
      framePointer: stackAddresses.upperBound &+ frame, entry: program.image.entry,
      records: records.address, depth: 0, engine: timer.engine)
    unsafe running.words.pointee.runningTimer = timer.number
    beginRun()
    let isThere = withExtendedLifetime((program, map)) {
      guard let value = timer.value(in: map), value.holds(timer) else { return false }
      _ = SubprogramCaller(running, timer.function, usesScratch: true)
        .call(map.header.address, key, value)
      return true
    }
    unsafe running.words.pointee.runningTimer = 0
    unsafe running.words.pointee.caller = RunningCPU.Caller()
    running.discardHeldRecords()
    epochs.exit(announcement)
    forgetHops()
    if let fault = takeFault() { throw fault }
    return isThere
  }
}

extension TimerClock {
  fileprivate static let all: [TimerClock] = [.real, .monotonic, .boot]
}

extension Timers.Timer {
  /// The address of the element's value; `nil` when it is gone.
  fileprivate func value(in map: Map) -> UInt64? {
    let element = unsafe key.withUnsafeBytes { bytes -> UnsafeMutableRawPointer? in
      guard let start = bytes.baseAddress else { return nil }
      return unsafe map.element(forKey: start, cpuIndex: 0)
    }
    guard let element = unsafe element else { return nil }
    return UInt64(UInt(bitPattern: element))
  }
}

extension UInt64 {
  /// Whether a value at this address still has a timer in it.
  fileprivate func holds(_ timer: Timers.Timer) -> Bool {
    self &+ timer.offset == timer.address
      && GuestMemory.load(timer.address, as: UInt64.self) == timer.number
  }
}
