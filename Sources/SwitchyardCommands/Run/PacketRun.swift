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
      try sink?.finish()
      return nil
    } catch {
      // What was written so far is good, and the first failure is the one to tell of.
      _ = try? sink?.finish()
      return error
    }
  }

  private mutating func take(_ packet: borrowing PacketSource.Packet) throws(CommandFailure) {
    let value: UInt32?
    do throws(CommandFailure) {
      value = try engine.run(packet.bytes)
    } catch {
      chain?.add(engine.tailCalls, packet: packet.number)
      var failure = error
      failure.message += " (packet \(packet.number), \(packets.grouped) done before)"
      throw failure
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
