/// Where a command writes to, and what it may know about that place.
///
/// Commands never touch the process's streams themselves, so a test can hand them sinks of its own.
public struct Terminal {
  /// Receives what belongs on standard output.
  public var writeOutput: (String) -> Void
  /// Receives what belongs on standard error.
  public var writeError: (String) -> Void
  /// Whether standard output is a terminal, so that colour is welcome.
  public var isOutputTerminal: Bool
  /// Whether standard error is a terminal, so that progress is welcome.
  public var isErrorTerminal: Bool
  /// Why something of the output was lost; `nil` when all was written, or nobody wanted more.
  public var outputFailure: () -> String?
  /// Whether the environment asks for no colour (`NO_COLOR`, not empty).
  public var refusesColor: Bool

  /// A terminal of the caller's making; by default one that nobody looks at.
  public init(
    writeOutput: @escaping (String) -> Void, writeError: @escaping (String) -> Void,
    outputFailure: @escaping () -> String? = { nil },
    isOutputTerminal: Bool = false, isErrorTerminal: Bool = false, refusesColor: Bool = false
  ) {
    self.writeOutput = writeOutput
    self.outputFailure = outputFailure
    self.writeError = writeError
    self.isOutputTerminal = isOutputTerminal
    self.isErrorTerminal = isErrorTerminal
    self.refusesColor = refusesColor
  }

  /// The streams of this process. A reader that goes away ends the output, not the process.
  public static var process: Terminal {
    System.ignoreBrokenPipes()
    var failure: System.FileError?
    return Terminal(
      writeOutput: { text in
        let error = System.write(text, to: .output)
        failure = failure ?? error
      },
      writeError: { _ = System.write($0, to: .error) },
      outputFailure: { failure?.message },
      isOutputTerminal: System.isTerminal(.output), isErrorTerminal: System.isTerminal(.error),
      refusesColor: System.isSet("NO_COLOR"))
  }
}
