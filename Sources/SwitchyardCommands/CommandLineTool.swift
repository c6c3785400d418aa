import ArgumentParser

/// The command line as a function: arguments in, text and an exit status out.
public enum CommandLineTool {
  /// Runs one command.
  ///
  /// - Parameters:
  ///   - arguments: What follows the program's name.
  ///   - terminal: Where the command writes.
  /// - Returns: The exit status.
  public static func run(_ arguments: [String], terminal: Terminal) -> Int32 {
    let arguments = withFlagsLast(arguments)
    do {
      var command = try RootCommand.parseAsRoot(ServerOptions.withServerCommands(arguments))
      if let group = command as? any CommandGroup {
        throw ValidationError("name a command: \(type(of: group).commandNames)")
      }
      guard let verb = command as? any Verb else {
        try command.run()
        return ExitStatus.success.rawValue
      }
      let session = Session(terminal, verb.output)
      do throws(CommandFailure) {
        try verb.execute(in: session)
        return finish(terminal)
      } catch {
        return report(error, in: terminal, session: session)
      }
    } catch {
      return finish(error, arguments, terminal)
    }
  }

  /// Runs the command that the process was started with, and ends the process.
  public static func main() -> Never {
    System.exit(run(Array(CommandLine.arguments.dropFirst()), terminal: .process))
  }

  /// Takes `-j prog show` for `prog show -j`: `bpftool` wants these flags in front, others behind.
  private static func withFlagsLast(_ arguments: [String]) -> [String] {
    let flags = arguments.prefix { argument in
      ["--json", "--pretty", "--debug"].contains(argument) || isFlags(argument)
    }
    let rest = arguments.dropFirst(flags.count)
    let end = rest.firstIndex(of: "--") ?? rest.endIndex
    return Array(rest[..<end] + flags + rest[end...])
  }

  /// Whether an argument is some of the short flags that every command has, as in `-jp`.
  private static func isFlags(_ argument: String) -> Bool {
    argument.count > 1 && argument.first == "-" && argument.dropFirst().allSatisfy("jpd".contains)
  }

  /// The status of a command that has done what it was asked for. What was lost of its answer can
  /// only be told on standard error.
  private static func finish(_ terminal: Terminal) -> Int32 {
    guard let failure = terminal.outputFailure() else { return ExitStatus.success.rawValue }
    terminal.writeError("error: cannot write to standard output: \(failure)\n")
    return ExitStatus.cannotWrite.rawValue
  }

  private static func report(
    _ failure: CommandFailure, in terminal: Terminal, session: Session
  ) -> Int32 {
    if failure.isReported { return failure.status.rawValue }
    if session.isJSON {
      session.show(failure.document)
    } else {
      terminal.writeError("error: \(failure.message.printable)\n")
    }
    return failure.status.rawValue
  }

  /// What argument parsing throws is a request for help, or arguments that make no sense.
  private static func finish(
    _ error: any Error, _ arguments: [String], _ terminal: Terminal
  ) -> Int32 {
    guard RootCommand.exitCode(for: error) != .success else {
      terminal.writeOutput(RootCommand.fullMessage(for: error) + "\n")
      return ExitStatus.success.rawValue
    }
    let message = RootCommand.message(for: error).split(separator: "\n").joined(separator: " ")
    let verbs = arguments.prefix { !$0.hasPrefix("-") }.filter { word in
      RootCommand.words.contains(word)
    }
    let help = (["switchyard"] + verbs + ["--help"]).joined(separator: " ")
    let failure = CommandFailure(.usage, "\(message) (see: \(help))")
    if asksForJSON(arguments) {
      terminal.writeOutput(failure.document.text(isPretty: false) + "\n")
    } else {
      terminal.writeError("error: \(failure.message.printable)\n")
    }
    return failure.status.rawValue
  }

  /// Looks for the flags in arguments that could not be parsed.
  private static func asksForJSON(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { argument in
      if ["--json", "--pretty"].contains(argument) { return true }
      return isFlags(argument) && argument.contains { "jp".contains($0) }
    }
  }
}

/// One command: what it takes is parsed, what it does is here.
protocol Verb: ParsableCommand {
  var output: OutputOptions { get }

  func execute(in session: Session) throws(CommandFailure)
}

/// A word that needs another one behind it.
protocol CommandGroup: ParsableCommand {}

extension CommandGroup {
  static var commandNames: String {
    configuration.subcommands.compactMap { $0.configuration.commandName }.joined(separator: ", ")
  }
}

/// The program itself, which only has commands.
struct RootCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "switchyard",
    abstract: "Run chains of BPF programs in user space, without root.",
    subcommands: [
      RunCommand.self, VerifyCommand.self, TraceCommand.self, ChainCommand.self,
      ProgramCommand.self,
      MapCommand.self, ServeCommand.self,
    ])

  /// The words that name commands.
  static let words: Set<String> = [
    "run", "verify", "trace", "chain", "prog", "map", "serve", "show", "list", "dump", "xlated",
    "jited", "load", "unload", "pin", "unpin", "lookup", "update", "delete", "getnext", "graph",
    "check", "plan", "apply", "rollback", "history", "watch",
  ]
}
