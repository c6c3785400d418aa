extension CPU {
  /// Runs a program on every packet of a batch, in order: each a top-level run with a hop budget of
  /// its own (tail-calls.md R2.4).
  ///
  /// Runs of up to 64 packets share an epoch: what changes while they go on, a replaced generation
  /// of a chain above all, may be seen only by those behind them.
  ///
  /// Compiled programs do not come back between packets, unless tail calls are recorded, of which
  /// there are only the last packet's then.
  ///
  /// - Precondition: As for ``run(_:in:mode:)-(Program,_,_)``.
  /// - Throws: ``Fault``; ``PacketBatch/finishedCount`` tells at which packet.
  public func run(
    _ program: Program, over batch: PacketBatch, mode: Mode = .checked
  ) throws(Fault) {
    batch.finishedCount = 0
    if let enterBatch = program.enterBatch, !recordsTailCalls {
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
    if let enterBatch, entryPoint.enter != nil, !recordsTailCalls {
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
    while batch.finishedCount < batch.count {
      let end = min(batch.finishedCount + Limits.batchedRuns, batch.count)
      let done = runCompiled(
        from: batch.address(of: batch.finishedCount), to: batch.address(of: end),
        contextByteCount: batch.plainByteCount, enterBatch, entry)
      let finished = batch.index(of: done)
      guard finished > batch.finishedCount else { break }
      batch.finishedCount = finished
      if finished < end { break }
    }
    if let fault { throw fault }
  }
}
