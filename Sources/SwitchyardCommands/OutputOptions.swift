import ArgumentParser
import SwitchyardControl

/// When to use colour.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto
  case always
  case never
}

/// How every command writes.
struct OutputOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Write one JSON document.")
  var json = false

  @Flag(name: [.short, .long], help: "Write JSON with a line for every element.")
  var pretty = false

  @Flag(name: [.short, .long], help: "Say on standard error what is done.")
  var debug = false

  @Option(help: "Use colour: auto, always or never.")
  var color = ColorChoice.auto
}

/// What a command writes to, in the way that its options ask for.
struct Session {
  var terminal: Terminal
  let isJSON: Bool
  let isDebug: Bool
  let style: Style
  private let isPretty: Bool

  init(_ terminal: Terminal, _ options: OutputOptions) {
    self.terminal = terminal
    isJSON = options.json || options.pretty
    isPretty = options.pretty
    isDebug = options.debug
    switch options.color {
    case .always: style = Style(isColored: true)
    case .never: style = Style(isColored: false)
    case .auto: style = Style(isColored: terminal.isOutputTerminal && !terminal.refusesColor)
    }
  }

  /// Writes lines for people.
  func show(_ lines: [String]) {
    guard !lines.isEmpty else { return }
    terminal.writeOutput(lines.joined(separator: "\n") + "\n")
  }

  /// Writes the command's document.
  func show(_ document: JSON) {
    terminal.writeOutput(document.text(isPretty: isPretty) + "\n")
  }

  /// Writes a document of a server.
  func show(encoding document: some Encodable) throws(CommandFailure) {
    do throws(ControlError) {
      let bytes = try encoded(document, isPretty: isPretty)
      terminal.writeOutput(String(decoding: bytes, as: UTF8.self) + "\n")
    } catch {
      throw CommandFailure(error)
    }
  }

  /// Says what does not stop the command, but should be known.
  func warn(_ message: String) {
    terminal.writeError("warning: \(message.printable)\n")
  }

  /// Says what is going on, where asked.
  func note(_ message: String) {
    if isDebug { terminal.writeError("\(message.printable)\n") }
  }
}

extension Session {
  /// The same, but what belongs on standard output goes to standard error.
  var onStandardError: Session {
    var other = self
    other.terminal.writeOutput = terminal.writeError
    return other
  }
}
