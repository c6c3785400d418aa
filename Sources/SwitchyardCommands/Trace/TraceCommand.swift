import ArgumentParser
import Switchyard

/// `switchyard trace`: every tail call of every packet.
struct TraceCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Show every tail call taken or missed, packet by packet.")

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "The program to start with; needed when there are several.")
  var program: String?

  func validate() throws {
    if input.capture == nil, input.hex == nil, input.interface == nil {
      throw ValidationError("no packets: give a capture with -r or one packet with --hex")
    }
    if engineOptions.engine == .kernel {
      throw ValidationError("the kernel does not tell its tail calls; use --engine interpreter")
    }
  }

  func execute(in session: Session) throws(CommandFailure) {
    guard let source = try input.source() else { return }
    try engineOptions.checkAvailability()
    let object = try objectOptions.read()
    let name = try objectOptions.programName(program, in: object)
    let collection = try engineOptions.load(object, objectOptions, in: session)
    for slot in engineOptions.slots { try slot.apply(to: collection, options: objectOptions) }
    let loaded = try objectOptions.program(name, of: collection)
    let engine = try RuntimeEngine(
      collection, program: loaded,
      settings: engineOptions.settings(recordsTailCalls: true, in: session))
    let names = TailCallNames(collection)
    var packets: [JSON] = []
    try source.each(
      in: session, opened: { _ throws(CommandFailure) in },
      { packet throws(CommandFailure) in
        let trace = PacketTrace(packet, engine, names)
        if session.isJSON {
          if trace.failure == nil { packets.append(trace.document(type: engine.type)) }
        } else {
          session.show(TraceText(style: session.style).lines(trace, type: engine.type))
        }
        if let failure = trace.failure { throw failure }
      })
    guard session.isJSON else { return }
    session.show(
      .object([
        ("schema", .string("switchyard.trace/1")), ("object", .string(objectOptions.object)),
        ("program", .string(name)), ("type", .string(engine.type.name)),
        ("packets", .array(packets)),
      ]))
  }
}
