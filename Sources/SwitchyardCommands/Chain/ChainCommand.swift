import ArgumentParser
import Switchyard

/// `switchyard chain`: who tail-calls whom.
struct ChainCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "chain", abstract: "Look at who tail-calls whom, and change it in a server.",
    discussion: "With --socket, or SWITCHYARD_SOCKET in the environment, show, graph and check are"
      + " about a server's chain.",
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

  @OptionGroup var chain: ChainOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Language of the drawing: dot (Graphviz) or mermaid.")
  var format = DrawingFormat.dot

  func execute(in session: Session) throws(CommandFailure) {
    session.draw(try chain.graph(in: session), of: chain.object, as: format)
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
    try session.check(graph, of: objectOptions.object)
  }
}

/// What a drawing is written in.
enum DrawingFormat: String, ExpressibleByArgument, CaseIterable {
  case dot
  case mermaid
}

extension Session {
  /// Writes a graph as a drawing, or as it is with JSON.
  func draw(_ graph: ChainGraph, of name: String, as format: DrawingFormat) {
    guard !isJSON else { return show(graph.document(object: name)) }
    let text = format == .dot ? graph.dot() : graph.mermaid()
    show(text.split(separator: "\n").map { String($0).printable })
  }

  /// Writes what is probably not meant, and fails if there is anything.
  func check(_ graph: ChainGraph, of name: String) throws(CommandFailure) {
    let problems = graph.problems
    if isJSON {
      show(graph.document(object: name))
    } else {
      show(
        problems.map { style.red("problem: \("\($0)".printable)") } + [
          "\(style.bold(name.printable))  "
            + "\(problems.count.counted("problem")), \(graph.depth)"
        ])
    }
    guard problems.isEmpty else { throw CommandFailure(reported: .failed) }
  }
}
