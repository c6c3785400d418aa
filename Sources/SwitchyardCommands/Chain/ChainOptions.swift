import ArgumentParser
import Switchyard

/// Which chain, and what to run through it to see how it is used.
struct ChainOptions: ParsableArguments {
  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var input: InputOptions
  @OptionGroup var engineOptions: EngineOptions

  @Option(help: "The program that packets start with; needed when there are several.")
  var program: String?

  /// The object's file, as it was given.
  var object: String { objectOptions.object }

  func validate() throws {
    if engineOptions.engine == .kernel {
      throw ValidationError("the kernel does not tell its tail calls; use --engine interpreter")
    }
  }

  /// The chain of the object; with packets or slots, of what is loaded, with the uses counted.
  func graph(in session: Session) throws(CommandFailure) -> ChainGraph {
    let object = try objectOptions.read()
    let source = try input.source()
    guard source != nil || !engineOptions.slots.isEmpty else {
      return ChainGraph(object, defaultKind: try objectOptions.kind())
    }
    try engineOptions.checkAvailability()
    let collection = try engineOptions.load(object, objectOptions, in: session)
    for slot in engineOptions.slots { try slot.apply(to: collection, options: objectOptions) }
    var graph = ChainGraph(collection)
    guard let source else { return graph }
    let name = try objectOptions.programName(program, in: object)
    let engine = try RuntimeEngine(
      collection, program: try objectOptions.program(name, of: collection),
      settings: engineOptions.settings(recordsTailCalls: true, in: session))
    let sites = Dictionary(
      collection.programs.map { ($0.program.id, $0.program.tailCallSites) },
      uniquingKeysWith: { first, _ in first })
    try source.each(
      in: session, opened: { _ throws(CommandFailure) in },
      { packet throws(CommandFailure) in
        guard try engine.run(packet.bytes) != nil else { return }
        graph.add(engine.tailCalls, sites: sites)
      })
    return graph
  }
}
