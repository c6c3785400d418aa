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

  /// Commands that objects have too, as in `prog show`, and what they are called for a server.
  private static let shared: [String: String] = [
    "show": "live-show", "list": "live-show", "dump": "live-dump",
  ]

  /// Takes `prog show --socket PATH` for the command that asks a server.
  ///
  /// With the socket only in the environment, a word that names a file is still an object.
  static func withServerCommands(_ arguments: [String]) -> [String] {
    guard arguments.count >= 2, ["prog", "map", "chain"].contains(arguments[0]),
      let name = shared[arguments[1]]
    else { return arguments }
    let rest = arguments.dropFirst(2)
    let isAsked = rest.contains { $0 == "--socket" || $0.hasPrefix("--socket=") }
    if !isAsked {
      guard System.environment(variable) != nil else { return arguments }
      let words = rest.prefix { !$0.hasPrefix("-") }
      if words.contains(where: { System.isFile($0) || $0.hasSuffix(".o") }) { return arguments }
    }
    return [arguments[0], name] + rest
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
