import ArgumentParser
import SwitchyardControl

/// Which server a command talks to.
struct ServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The socket of a running `switchyard serve`; SWITCHYARD_SOCKET in the environment does too.",
      valueName: "path"))
  var socket: String?

  static let variable = "SWITCHYARD_SOCKET"

  /// Where to send requests.
  func client() throws(CommandFailure) -> ControlClient {
    ControlClient(path: try path())
  }

  /// The socket's path.
  func path() throws(CommandFailure) -> String {
    guard let path = socket ?? System.environment(Self.variable) else {
      throw CommandFailure(
        .usage, "which server? give its socket with --socket or in \(Self.variable)")
    }
    return path
  }

  /// What the command that asks a server is called inside, when it is `show` outside.
  static func liveName(of name: String) -> String { "live-" + name }

  /// Takes `chain show --socket PATH` for the command that asks a server, which reads its words
  /// differently from the one that reads an object.
  ///
  /// With the socket only in the environment, a word that names a file is still an object.
  static func withServerCommands(_ arguments: [String]) -> [String] {
    guard arguments.count >= 2,
      let group = RootCommand.configuration.subcommands.first(where: {
        $0.configuration.commandName == arguments[0]
      })
    else { return arguments }
    let name = arguments[1] == "list" ? "show" : arguments[1]
    let names = group.configuration.subcommands.compactMap { $0.configuration.commandName }
    let live = liveName(of: name)
    guard names.contains(live), !names.contains(name) || asksServer(arguments[2...]) else {
      return arguments
    }
    return [arguments[0], live] + arguments[2...]
  }

  private static func asksServer(_ words: ArraySlice<String>) -> Bool {
    if words.contains(where: { $0 == "--socket" || $0.hasPrefix("--socket=") }) { return true }
    guard System.environment(variable) != nil else { return false }
    return !words.prefix { !$0.hasPrefix("-") }.contains { System.isFile($0) || $0.hasSuffix(".o") }
  }
}

extension CommandConfiguration {
  /// For a command that asks a server under a name that objects have too.
  ///
  /// - Parameters:
  ///   - name: The name, as in `show`.
  ///   - usage: What is typed in front of the options, as in `map show [MAP]`.
  static func live(
    _ name: String, usage: String, abstract: String, discussion: String = ""
  ) -> CommandConfiguration {
    CommandConfiguration(
      commandName: ServerOptions.liveName(of: name), abstract: abstract,
      usage: "switchyard \(usage) [--socket <path>] [--json] [--pretty]", discussion: discussion,
      shouldDisplay: false)
  }
}

extension CommandFailure {
  /// The failure that stands for a refusal of a server.
  init(_ error: ControlError) {
    self.init(
      ExitStatus(rawValue: error.exitStatus) ?? .unavailable, error.message, file: error.file,
      line: error.line)
  }
}

/// A command that asks a server.
protocol LiveVerb: Verb {
  var server: ServerOptions { get }

  func execute(asking client: ControlClient, in session: Session) throws(ControlError)
}

extension LiveVerb {
  func execute(in session: Session) throws(CommandFailure) {
    let client = try server.client()
    do throws(ControlError) {
      try execute(asking: client, in: session)
    } catch {
      throw CommandFailure(error)
    }
  }
}

extension Session {
  /// Writes an answer: as it is with JSON, as lines for people otherwise.
  func show<Answer: Codable>(
    _ answer: Answer, _ lines: (Answer) -> [String]
  ) throws(ControlError) {
    guard isJSON else { return show(lines(answer)) }
    do throws(CommandFailure) {
      try show(encoding: answer)
    } catch {
      throw ControlError(.unavailable, error.message)
    }
  }
}
