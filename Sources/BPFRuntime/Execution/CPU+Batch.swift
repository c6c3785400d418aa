// UNSAFE. Batches; looks at one word of the CPU.
//
// Relies on the invariants of CPU+Run.

extension CPU {
  /// Runs a program on every packet of a batch, in order: each a top-level run with a hop budget of
  /// its own (tail-calls.md R2.4).
  ///
  /// Runs of up to 64 packets share an epoch: what changes while they go on, a replaced generation
  /// of a chain above all, may be seen only by those behind them.
  ///
  /// Compiled programs do not come back between packets, unless tail calls are counted or recorded;
  /// there are only the last packet's records then.
  ///
  /// - Precondition: As for ``run(_:in:mode:)-(Program,_,_)``.
  /// - Throws: ``Fault``; ``PacketBatch/finishedCount`` tells at which packet.
  public func run(
    _ program: Program, over batch: PacketBatch, mode: Mode = .checked
  ) throws(Fault) {
    guard program.home == home, program.contextAccess === batch.access, !announcement.isInRun
    else { return try runCarefully(program, batch, mode) }
    let count = batch.count
    var finishedCount = 0
    while finishedCount < count {
      let end = min(finishedCount &+ Limits.batchedRuns, count)
      let done = runCompiled(
        program, from: batch.address(of: finishedCount), to: batch.address(of: end),
        contextByteCount: batch.plainByteCount)
      finishedCount = batch.index(of: done)
      if finishedCount < end { break }
    }
    batch.finishedCount = finishedCount
    try throwFault()
  }

  /// The same for interpreted programs, for compiled ones whose tail calls somebody wants to know
  /// about, and for what cannot be run.
  @inline(never)
  private func runCarefully(
    _ program: Program, _ batch: PacketBatch, _ mode: Mode
  ) throws(Fault) {
    batch.finishedCount = 0
    if let enterBatch = program.enterBatch, !hasSlowTailCalls {
      try check(program, batch.access)
      try runCompiled(batch, enterBatch) { _ in program.entry }
      return
    }
    for index in 0..<batch.count {
      let result = try run(program, in: batch[index], mode: mode)
      batch.setReturnValue(result.returnValue, at: index)
      batch.finishedCount = index + 1
    }
  }

  /// Runs the program that an entry point has in the current generation on every packet of a batch;
  /// see ``run(_:over:mode:)-(Program,_,_)``.
  ///
  /// Stops where the entry point has no program any more: ``PacketBatch/finishedCount`` tells.
  ///
  /// - Precondition: As for ``run(_:in:mode:)-(Program,_,_)``.
  /// - Throws: ``Fault``.
  public func run(
    _ entryPoint: EntryPoint, over batch: PacketBatch, mode: Mode = .checked
  ) throws(Fault) {
    batch.finishedCount = 0
    if let enterBatch = entryPoint.enterBatch, !hasSlowTailCalls {
      try check(entryPoint, batch.access)
      try runCompiled(batch, enterBatch) { entryPoint.entry(inTableAt: $0) }
      return
    }
    for index in 0..<batch.count {
      guard let result = try run(entryPoint, in: batch[index], mode: mode) else { return }
      batch.setReturnValue(result.returnValue, at: index)
      batch.finishedCount = index + 1
    }
  }

  /// - Parameter entry: The program's entry in the generation of a table; 0 for none.
  @inline(__always)
  private func runCompiled(
    _ batch: PacketBatch, _ enterBatch: ProgramCompiler.EnterBatchFunction,
    _ entry: (UInt64) -> UInt64
  ) throws(Fault) {
    let count = batch.count
    var finishedCount = 0
    while finishedCount < count {
      let end = min(finishedCount &+ Limits.batchedRuns, count)
      let done = runCompiled(
        from: batch.address(of: finishedCount), to: batch.address(of: end),
        contextByteCount: batch.plainByteCount, enterBatch, entry)
      finishedCount = batch.index(of: done)
      if finishedCount < end { break }
    }
    batch.finishedCount = finishedCount
    try throwFault()
  }

  @inline(__always)
  private func throwFault() throws(Fault) {
    if unsafe running.words.pointee.faultCode != 0 { try throwFaultCarefully() }
  }

  @inline(never)
  private func throwFaultCarefully() throws(Fault) {
    if let fault = takeFault() { throw fault }
  }
}
