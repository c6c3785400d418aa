import Switchyard

/// The plugin that public conformance suites drive: one program in, r0 out.
///
/// The program comes as hexadecimal bytes on standard input, the memory that r1 points to as
/// hexadecimal bytes in the first argument. It runs unverified, in the checked interpreter; with
/// `--jit` once more, compiled, if that went well.
public enum ConformancePlugin {
  /// What the plugin wrote and how it ended.
  public struct Outcome: Hashable, Sendable {
    /// 0 when the program ran to its end.
    public var status: Int32
    /// r0 in hexadecimal, without prefix; empty after an error.
    public var output: String
    /// What went wrong.
    public var error: String
  }

  /// Runs the plugin.
  ///
  /// - Parameters:
  ///   - arguments: What follows the plugin's name: memory, and options that begin with `--`.
  ///   - input: The program, or with `--elf` an object, in hexadecimal.
  public static func run(arguments: [String], input: [UInt8]) -> Outcome {
    do throws(ConformanceError) {
      let options = try ConformanceOptions(arguments)
      guard let bytes = bytes(hexadecimal: input) else {
        throw ConformanceError("standard input is not a sequence of hexadecimal bytes")
      }
      let value = try ConformanceRun(options).run(bytes)
      return Outcome(status: 0, output: String(value, radix: 16) + "\n", error: "")
    } catch {
      return Outcome(status: 1, output: "", error: "error: \(error.message.printable)\n")
    }
  }

  /// Runs the plugin on the process's arguments and standard input, and ends the process.
  public static func main() -> Never {
    let terminal = Terminal.process
    let outcome: Outcome
    do throws(System.FileError) {
      outcome = run(
        arguments: Array(CommandLine.arguments.dropFirst()), input: try System.contents(of: "-"))
    } catch {
      outcome = Outcome(status: 1, output: "", error: "error: \(error.message)\n")
    }
    terminal.writeOutput(outcome.output)
    terminal.writeError(outcome.error)
    System.exit(outcome.status)
  }
}

/// Why the plugin has no result.
struct ConformanceError: Error {
  var message: String

  init(_ message: String) {
    self.message = message
  }
}

/// What the plugin was asked for.
struct ConformanceOptions {
  var memory: [UInt8] = []
  var isObject = false
  /// Whether the result is that of compiled code.
  var isCompiled = false

  init(_ arguments: [String]) throws(ConformanceError) {
    var isMemoryGiven = false
    for argument in arguments {
      switch argument {
      case "--interpret": isCompiled = false
      case "--elf": isObject = true
      case "--jit": isCompiled = true
      case _ where argument.hasPrefix("--"):
        throw ConformanceError("unknown option \(argument)")
      default:
        guard !isMemoryGiven else {
          throw ConformanceError("more than one argument; the memory is one argument")
        }
        guard let bytes = bytes(hexadecimal: argument.utf8) else {
          throw ConformanceError("the memory is not a sequence of hexadecimal bytes")
        }
        isMemoryGiven = true
        memory = bytes
      }
    }
  }
}
