import Switchyard

/// Drives packets through an engine and adds up what comes out.
struct PacketRun {
  /// What is wanted besides the sums.
  struct Options {
    var keepsResults = false
    var outputCapture: String?
  }

  let engine: any PacketEngine
  let options: Options
  /// Reads events, where somebody set it.
  var events: EventCollector?
  /// Adds up tail calls, where somebody set it.
  var chain: ChainUse?

  private var packets = 0
  private var skipped = 0
  private var verdicts: [UInt32: Int] = [:]
  private var results: [RunReport.PacketResult] = []
  private var sink: PacketSink?
  /// The numbers of the packets that wait to be run together.
  private var waiting: [Int] = []

  init(engine: any PacketEngine, options: Options) {
    self.engine = engine
    self.options = options
  }

  /// Runs all packets; what was done before a failure counts.
  mutating func run(_ source: PacketSource, in session: Session) -> CommandFailure? {
    do throws(CommandFailure) {
      try source.each(
        in: session,
        opened: { opened throws(CommandFailure) in
          guard let path = options.outputCapture else { return }
          sink = try PacketSink(path, precision: opened.precision)
        },
        { packet throws(CommandFailure) in try take(packet) })
      try runWaiting()
      try sink?.finish()
      return nil
    } catch {
      // What was written so far is good, and the first failure is the one to tell of.
      _ = try? sink?.finish()
      return error
    }
  }

  /// The engine, if nothing is asked about single packets.
  private var batching: (any BatchingEngine)? {
    guard !options.keepsResults, sink == nil, chain == nil, events == nil,
      let engine = engine as? any BatchingEngine, engine.canBatch
    else { return nil }
    return engine
  }

  private mutating func runWaiting() throws(CommandFailure) {
    guard let batching = batching, !waiting.isEmpty else { return }
    let numbers = waiting
    waiting = []
    var done = 0
    let failure = batching.runBatch { _, value in
      done += 1
      verdicts[value, default: 0] += 1
    }
    packets += done
    if let failure { throw self.failure(failure, packet: numbers[min(done, numbers.count - 1)]) }
  }

  private func failure(_ failure: CommandFailure, packet: Int) -> CommandFailure {
    var failure = failure
    failure.message += " (packet \(packet), \(packets.grouped) done before)"
    return failure
  }

  private mutating func take(_ packet: borrowing PacketSource.Packet) throws(CommandFailure) {
    if let batching {
      if try batching.add(packet.bytes) {
        waiting.append(packet.number)
      } else {
        skipped += 1
      }
      if batching.isBatchFull { try runWaiting() }
      return
    }
    let value: UInt32?
    do throws(CommandFailure) {
      value = try engine.run(packet.bytes)
    } catch {
      chain?.add(engine.tailCalls, packet: packet.number)
      throw failure(error, packet: packet.number)
    }
    guard let value else {
      skipped += 1
      return
    }
    packets += 1
    verdicts[value, default: 0] += 1
    chain?.add(engine.tailCalls, packet: packet.number)
    events?.collect(packet: packet.number)
    if options.keepsResults, packet.isLastPass {
      results.append(
        RunReport.PacketResult(
          packet: packet.number, value: value, data: engine.dataOut, redirect: engine.redirect))
    }
    if let sink, packet.isLastPass {
      for clone in engine.clones { try sink.write(clone, at: packet.timestamp) }
    }
    if let sink, packet.isLastPass, PacketSink.goesOn(value, type: engine.type) {
      try sink.write(frame(packet), at: packet.timestamp)
    }
  }

  /// The packet as it goes on. Socket filters cannot change it, and do not see its first header.
  private func frame(_ packet: borrowing PacketSource.Packet) -> [UInt8] {
    guard engine.type.number == ProgramType.socketFilter.number else { return engine.frame }
    return [UInt8](copying: packet.bytes)
  }

  /// The sums, without what only some engines can tell.
  func report(object: String, program: String) -> RunReport {
    var report = RunReport(
      object: object, program: program, type: engine.type, engine: engine.name,
      engineSummary: engine.summary)
    report.packets = packets
    report.skipped = skipped
    report.duration = engine.elapsed
    report.verdicts = verdicts
    if options.keepsResults { report.results = results }
    report.events = events?.events
    return report
  }
}
