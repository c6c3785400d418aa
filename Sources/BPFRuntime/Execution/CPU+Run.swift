// UNSAFE. The way into a program and back.
//
// Invariant: the words belong to this CPU, and nobody else runs on it: `check` has made sure. What
// the run can find is not freed between `beginRun` and the end of its epoch.

import CPlatform

extension CPU {
  /// Runs a program from its first instruction: a top-level run with a fresh hop budget
  /// (tail-calls.md R2.4).
  ///
  /// - Precondition: The program was loaded in the CPU's own runtime, and the CPU runs nothing yet:
  ///   a ``traceHandler`` must run programs on another CPU.
  /// - Throws: ``Fault`` when a checked run did what it must not, maps and packet keeping what was
  ///   written before; or when the context is not one for programs of this type.
  public func run(
    _ program: Program, in context: Context, mode: Mode = .checked
  ) throws(Fault) -> Result {
    // Everything that this run does not need is somewhere else: an empty one is a few nanoseconds.
    guard program.home == home, program.contextAccess === context.access, !announcement.isInRun
    else { return try runCarefully(program, context, mode) }
    prepare(context)
    beginRunWithoutFence()
    // What has a runtime for a home is compiled.
    let enter = unsafe program.enter.unsafelyUnwrapped
    return try finish(
      enter(context.firstArgument, context.secondArgument, program.entry, words.address))
  }

  /// The same for interpreted programs, for compiled ones whose tail calls somebody wants to know
  /// about, and for what cannot be run.
  @inline(never)
  private func runCarefully(
    _ program: Program, _ context: Context, _ mode: Mode
  ) throws(Fault) -> Result {
    try check(program, context.access)
    if program.enter != nil, let enter = runtime.compiler?.entrance.enter {
      prepareCompiled(context)
      beginRun()
      return try finishCarefully(
        enter(context.firstArgument, context.secondArgument, program.entry, words.address))
    }
    let isChecked = prepareInterpreted(context, program.type, mode)
    beginRun()
    defer { epochs.exit(announcement) }
    return try withExtendedLifetime(program) { () throws(Fault) in
      try runInterpreted(program.entry, context, isChecked)
    }
  }

  /// Runs the program that an entry point has in the current generation: a top-level run with a
  /// fresh hop budget.
  ///
  /// The first program and the slots of all arrays are of one generation.
  ///
  /// - Returns: `nil` when the entry point has no program.
  /// - Precondition: As for ``run(_:in:mode:)-(Program,_,_)``.
  /// - Throws: As ``run(_:in:mode:)-(Program,_,_)``.
  public func run(
    _ entryPoint: EntryPoint, in context: Context, mode: Mode = .checked
  ) throws(Fault) -> Result? {
    guard entryPoint.home == home, entryPoint.contextAccess === context.access,
      !announcement.isInRun
    else { return try runCarefully(entryPoint, context, mode) }
    prepare(context)
    let entry = entryPoint.entry(inTableAt: beginRunWithoutFence())
    guard entry != 0 else {
      epochs.exit(announcement)
      return nil
    }
    let enter = unsafe entryPoint.enter.unsafelyUnwrapped
    return try finish(enter(context.firstArgument, context.secondArgument, entry, words.address))
  }

  @inline(never)
  private func runCarefully(
    _ entryPoint: EntryPoint, _ context: Context, _ mode: Mode
  ) throws(Fault) -> Result? {
    try check(entryPoint, context.access)
    if let enter = entryPoint.enter {
      prepareCompiled(context)
      let entry = entryPoint.entry(inTableAt: beginRun())
      guard entry != 0 else {
        epochs.exit(announcement)
        forgetHops()
        return nil
      }
      return try finishCarefully(
        enter(context.firstArgument, context.secondArgument, entry, words.address))
    }
    let isChecked = prepareInterpreted(context, entryPoint.type, mode)
    let table = beginRun()
    defer { epochs.exit(announcement) }
    let entry = entryPoint.entry(inTableAt: table)
    guard entry != 0 else {
      forgetHops()
      return nil
    }
    return try runInterpreted(entry, context, isChecked)
  }

  // MARK: What cannot be run

  @inline(__always)
  func check(_ program: Program, _ access: ContextAccessTable) throws(Fault) {
    precondition(program.registry === registry, "the program belongs to another runtime")
    precondition(!announcement.isInRun, "the CPU is running a program already")
    guard program.contextAccess === access else {
      throw Fault(contextIsNotOf: program.type, program: program.name)
    }
  }

  @inline(__always)
  func check(_ entryPoint: EntryPoint, _ access: ContextAccessTable) throws(Fault) {
    precondition(entryPoint.registry === registry, "the entry point is another runtime's")
    precondition(!announcement.isInRun, "the CPU is running a program already")
    guard entryPoint.contextAccess === access else {
      throw Fault(contextIsNotOf: entryPoint.type, program: entryPoint.name)
    }
  }

  // MARK: Before

  @inline(__always)
  private func prepare(_ context: Context) {
    unsafe running.words.pointee.context = context.firstArgument
    unsafe running.words.pointee.packet = context.packetAddress
    unsafe running.words.pointee.contextByteCount = context.plainByteCount
  }

  private func prepareCompiled(_ context: Context) {
    prepare(context)
    prepareHops()
  }

  /// Sets the hops that are counted in memory, for compiled programs.
  func prepareHops() {
    if recordsTailCalls { TailCallLog(address: logMemory.address).count = 0 }
    let isFast = unsafe running.words.pointee.startBudget != 0
    unsafe running.words.pointee.budget = running.words.pointee.startBudget
    unsafe running.words.pointee.hopsLeft = isFast ? 0 : Limits.tailCalls
  }

  /// Returns whether the run has to be checked.
  private func prepareInterpreted(_ context: Context, _ type: ProgramType, _ mode: Mode) -> Bool {
    prepare(context)
    if recordsTailCalls { TailCallLog(address: logMemory.address).count = 0 }
    unsafe running.words.pointee.budget = 0
    unsafe running.words.pointee.hopsLeft = Limits.tailCalls
    setLimits(instructionLimit)
    return mode == .checked || type.context.needsTranslation
  }

  /// Gets ready for a subprogram that gets no context.
  func prepareWithoutContext() {
    unsafe running.words.pointee.context = 0
    unsafe running.words.pointee.packet = 0
    unsafe running.words.pointee.contextByteCount = 0
    prepareHops()
    setLimits(instructionLimit)
  }

  private func setLimits(_ limit: UInt64) {
    unsafe running.words.pointee.instructionsLeft = limit
    let (bytes, overflow) = limit.multipliedReportingOverflow(by: Limits.helperBytesPerInstruction)
    unsafe running.words.pointee.helperBytesLeft =
      overflow ? .max : max(bytes, Limits.helperBytes)
  }

  /// From here on nothing that the run can find is freed, and it finds one generation's slots:
  /// through the table that is returned.
  @discardableResult
  func beginRun() -> UInt64 {
    epochs.enter(announcement)
    return takeGeneration()
  }

  /// The same where runs need no fences, as on a CPU that is at home.
  @inline(__always)
  @discardableResult
  private func beginRunWithoutFence() -> UInt64 {
    epochs.enterWithoutFence(announcement)
    return takeGeneration()
  }

  @inline(__always)
  private func takeGeneration() -> UInt64 {
    let table = epochs.currentTable
    unsafe running.words.pointee.generation = table
    return table
  }

  // MARK: After

  /// Ends a run of a compiled program.
  @inline(__always)
  private func finish(_ end: switchyard_run_end) throws(Fault) -> Result {
    // One comparison, and the ordinary end without a jump.
    guard _fastPath(running.remains | epochs.retiredCount == 0) else {
      return try finishCarefully(end)
    }
    epochs.exitWithoutCollecting(announcement)
    return Result(returnValue: end.value, hops: Int(truncatingIfNeeded: end.hops), instructions: 0)
  }

  @inline(never)
  private func finishCarefully(_ end: switchyard_run_end) throws(Fault) -> Result {
    let hops = unsafe end.hops &- UInt64(running.words.pointee.hopsLeft)
    endCarefully()
    if unsafe running.words.pointee.faultCode != 0, let fault = takeFault() { throw fault }
    return Result(returnValue: end.value, hops: Int(truncatingIfNeeded: hops), instructions: 0)
  }

  /// A run is over: no hops are counted in memory any more.
  func forgetHops() {
    unsafe running.words.pointee.hopsLeft = 0
  }

  // MARK: Programs

  /// Runs the items between two addresses in one epoch and one generation; returns the address of
  /// the first that is not finished. No entry is no run.
  @inline(__always)
  func runCompiled(
    from first: UInt64, to end: UInt64, contextByteCount: UInt32,
    _ enterBatch: ProgramCompiler.EnterBatchFunction,
    _ entry: (UInt64) -> UInt64
  ) -> UInt64 {
    unsafe running.words.pointee.contextByteCount = contextByteCount
    prepareHops()
    let entry = entry(beginRun())
    let done = entry == 0 ? first : enterBatch(entry, words.address, first, end)
    endCarefully()
    return done
  }

  /// The same for a program on a CPU that is at home.
  @inline(__always)
  func runCompiled(
    _ program: Program, from first: UInt64, to end: UInt64, contextByteCount: UInt32
  ) -> UInt64 {
    unsafe running.words.pointee.contextByteCount = contextByteCount
    beginRunWithoutFence()
    let enterBatch = unsafe program.enterBatch.unsafelyUnwrapped
    let done = enterBatch(program.entry, words.address, first, end)
    if running.remains | epochs.retiredCount != 0 {
      endCarefully()
    } else {
      epochs.exitWithoutCollecting(announcement)
    }
    return done
  }

  @inline(never)
  private func endCarefully() {
    running.discardHeldRecords()
    epochs.exit(announcement)
    forgetHops()
  }

  private func runInterpreted(
    _ entry: UInt64, _ context: Context, _ isChecked: Bool
  ) throws(Fault) -> Result {
    // A trace handler may set another limit meanwhile.
    let limit = unsafe running.words.pointee.instructionsLeft
    unsafe running.words.pointee.caller.engine = isChecked ? .checked : .unchecked
    defer { unsafe running.words.pointee.caller.engine = .compiled }
    let value =
      isChecked
      ? execute(entry, context, CheckedRun.self) : execute(entry, context, UncheckedRun.self)
    running.discardHeldRecords()
    let hops = unsafe Limits.tailCalls &- running.words.pointee.hopsLeft
    forgetHops()
    if unsafe running.words.pointee.faultCode != 0, let fault = takeFault() { throw fault }
    return unsafe Result(
      returnValue: value, hops: Int(hops),
      instructions: isChecked ? limit - running.words.pointee.instructionsLeft : 0)
  }

  @inline(__always)
  private func execute<Policy: RunPolicy>(
    _ entry: UInt64, _ context: Context, _ policy: Policy.Type
  ) -> UInt64 {
    let memory = RunMemory<Policy>(cpu: running, stackHigh: stackTop, entry: entry)
    return withExtendedLifetime(context) {
      Interpreter<Policy>.run(
        entry, memory, frames: FrameStack(records: records.address),
        arguments: HelperArguments(
          values: [context.firstArgument, context.secondArgument, 0, 0, 0]))
    }
  }
}
