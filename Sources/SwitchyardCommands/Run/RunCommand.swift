import ArgumentParser
import Switchyard

/// `switchyard run`: packets in, verdicts out.
struct RunCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a program over the packets of a capture.",
    discussion:
      "With -w, packets that the program lets go on are written as it left them: XDP_PASS, XDP_TX "
      + "and XDP_REDIRECT; in traffic control all but SHOT, STOLEN, QUEUED and REPEAT; in socket "
      + "filters those with a value other than 0.")

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "The program to start with; needed when there are several.")
  var program: String?

  @Option(
    name: .customShort("w"),
    help: ArgumentHelp(
      "Write packets that go on to a capture; - is standard output.",
      valueName: "file"))
  var outputCapture: String?

  @Option(
    name: .customLong("repeat"),
    help: "Go through the packets this many times; --per-packet tells of the last time.")
  var repetitions = 1

  @Flag(help: "Fail when a tail call misses (exit status 5).")
  var strictTail = false

  @Flag(help: "Give every packet's result.")
  var perPacket = false

  @Flag(help: "Give what programs send to user space: ring buffers and perf events.")
  var events = false

  @Flag(help: "Give the contents of every map after the run.")
  var dumpMaps = false

  func validate() throws {
    if repetitions < 1 { throw ValidationError("--repeat takes a number from 1 on") }
    if input.capture == nil, input.hex == nil, input.interface == nil {
      throw ValidationError("no packets: give a capture with -r or one packet with --hex")
    }
    if strictTail, engineOptions.engine == .kernel {
      throw ValidationError("--strict-tail: the kernel does not tell which tail calls miss")
    }
    if events, engineOptions.engine == .kernel {
      throw ValidationError("--events: only what runs here is read")
    }
    if outputCapture == "-", output.json || output.pretty {
      throw ValidationError("-w - and JSON both want standard output")
    }
  }

  func execute(in session: Session) throws(CommandFailure) {
    guard let source = try input.source(repetitions: repetitions) else { return }
    try engineOptions.checkAvailability()
    let object = try objectOptions.read()
    let name = try objectOptions.programName(program, in: object)
    // With -w - the packets are on standard output, and the report goes beside them.
    let session = outputCapture == "-" ? session.onStandardError : session
    switch engineOptions.engine {
    case .interpreter, .jit: try interpret(object, name, source, in: session)
    case .kernel:
      let engine = try KernelEngine(object, program: name, objectOptions)
      try engine.assign(engineOptions.slots)
      var run = PacketRun(engine: engine, options: runOptions)
      let failure = run.run(source, in: session)
      var report = run.report(object: objectOptions.object, program: name)
      if dumpMaps, failure == nil { report.maps = try engine.mapContents() }
      try finish(report, failure, in: session)
    }
  }

  private func interpret(
    _ object: ObjectFile, _ name: String, _ source: PacketSource, in session: Session
  ) throws(CommandFailure) {
    let collection = try engineOptions.load(object, objectOptions, in: session)
    for slot in engineOptions.slots { try slot.apply(to: collection, options: objectOptions) }
    let loaded = try objectOptions.program(name, of: collection)
    // The table of slots and the first misses are told from what is recorded.
    let recordsTailCalls = strictTail || !session.isJSON
    let engine = try RuntimeEngine(
      collection, program: loaded,
      settings: engineOptions.settings(recordsTailCalls: recordsTailCalls, in: session))
    var run = PacketRun(engine: engine, options: runOptions)
    if events { run.events = try EventCollector(collection) }
    let names = TailCallNames(collection)
    if recordsTailCalls { run.chain = ChainUse(names) }
    let failure = run.run(source, in: session)
    var report = run.report(object: objectOptions.object, program: name)
    report.tailCalls = engine.tailCallCounts
    report.slots = run.chain?.slotUses(of: collection, names) ?? []
    if dumpMaps { report.maps = try engine.mapContents() }
    try finish(report, failure ?? missFailure(report, run.chain), in: session)
  }

  private var runOptions: PacketRun.Options {
    PacketRun.Options(keepsResults: perPacket, outputCapture: outputCapture)
  }

  /// Writes the report, and then says what went wrong. JSON is one document: then the error takes
  /// the report's place.
  private func finish(
    _ report: RunReport, _ failure: CommandFailure?, in session: Session
  ) throws(CommandFailure) {
    if report.skipped > 0 {
      session.warn(
        "\(report.skipped.counted("packet")) skipped: too short for type \(report.type.name)")
    }
    if session.isJSON {
      if let failure { throw failure }
      session.show(report.document)
    } else {
      // A run that did not begin has nothing to report.
      if failure == nil || failure?.status == .fault || report.packets > 0 {
        session.show(RunText(report: report, style: session.style).lines)
      }
      if let failure { throw failure }
    }
  }

  private func missFailure(_ report: RunReport, _ chain: ChainUse?) -> CommandFailure? {
    guard strictTail, let chain, let calls = report.tailCalls, calls.missed > 0 else { return nil }
    let first = chain.firstMisses.map { miss in
      let source = miss.place.source.isEmpty ? "" : " at \(miss.place.source)"
      return "\(miss.place.slot): \(miss.place.outcome.reason), called from"
        + " \(miss.place.program)\(source), packet \(miss.packet)"
    }
    let more = calls.missed > UInt64(first.count) ? "; ..." : ""
    let line = chain.firstMisses.first?.place.line
    return CommandFailure(
      .tailCallMissed,
      "\(calls.missed.counted("tail call")) missed: \(first.joined(separator: "; "))\(more)",
      file: line?.path, line: line?.line)
  }
}
