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
  /// Whether the environment asks for no colour (`NO_COLOR`, not empty).
  public var refusesColor: Bool

  /// A terminal of the caller's making; by default one that nobody looks at.
  public init(
    writeOutput: @escaping (String) -> Void, writeError: @escaping (String) -> Void,
    isOutputTerminal: Bool = false, isErrorTerminal: Bool = false, refusesColor: Bool = false
  ) {
    self.writeOutput = writeOutput
    self.writeError = writeError
    self.isOutputTerminal = isOutputTerminal
    self.isErrorTerminal = isErrorTerminal
    self.refusesColor = refusesColor
  }

  /// The streams of this process. A reader that goes away ends the output, not the process.
  public static var process: Terminal {
    System.ignoreBrokenPipes()
    return Terminal(
      writeOutput: { System.write($0, to: .output) }, writeError: { System.write($0, to: .error) },
      isOutputTerminal: System.isTerminal(.output), isErrorTerminal: System.isTerminal(.error),
      refusesColor: System.isSet("NO_COLOR"))
  }
}
