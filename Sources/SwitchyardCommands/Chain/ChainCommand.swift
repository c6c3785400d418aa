import ArgumentParser
import Switchyard

/// `switchyard chain`: who tail-calls whom.
struct ChainCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "chain", abstract: "Look at who tail-calls whom.",
    subcommands: [ChainShowCommand.self, ChainGraphCommand.self, ChainCheckCommand.self]
      + LiveChainCommands.all)
}

/// `switchyard chain show`: call sites, slots, and what does not fit together.
struct ChainShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show who tail-calls whom, through which slot.",
    discussion: "With packets, how often.", aliases: ["list"])

  @OptionGroup var chain: ChainOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let graph = try chain.graph(in: session)
    if session.isJSON {
      session.show(graph.document(object: chain.object))
    } else {
      session.show(ChainText(graph: graph, style: session.style).lines(object: chain.object))
    }
  }
}

/// `switchyard chain graph`: the same as a drawing.
struct ChainGraphCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "graph", abstract: "Draw who tail-calls whom.",
    discussion: "With packets, how often. As in: switchyard chain graph x.o | dot -Tsvg > x.svg")

  /// What the drawing is written in.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case dot
    case mermaid
  }

  @OptionGroup var chain: ChainOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Language of the drawing: dot (Graphviz) or mermaid.")
  var format = Format.dot

  func execute(in session: Session) throws(CommandFailure) {
    let graph = try chain.graph(in: session)
    if session.isJSON {
      session.show(graph.document(object: chain.object))
    } else {
      let text = format == .dot ? graph.dot() : graph.mermaid()
      session.show(text.split(separator: "\n").map { String($0).printable })
    }
  }
}

/// `switchyard chain check`: what is probably not meant, as an exit status.
struct ChainCheckCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check that slots are filled, programs reached, and chains short enough.")

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let graph = ChainGraph(try objectOptions.read(), defaultKind: try objectOptions.kind())
    let problems = graph.problems
    if session.isJSON {
      session.show(graph.document(object: objectOptions.object))
    } else {
      session.show(
        problems.map { session.style.red("problem: \("\($0)".printable)") } + [
          "\(session.style.bold(objectOptions.object.printable))  "
            + "\(problems.count.counted("problem")), \(graph.depth)"
        ])
    }
    guard problems.isEmpty else { throw CommandFailure(reported: .checkFailed) }
  }
}
