/// A bar on standard error for what takes more than a second; nothing unless somebody looks.
final class Progress {
  private let terminal: Terminal
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var next: ContinuousClock.Instant
  private var steps = 0
  private var isShown = false

  /// Starts to count; `delay` is how long nobody is told.
  init(_ terminal: Terminal, delay: Duration = .seconds(1)) {
    self.terminal = terminal
    start = clock.now
    next = start + delay
  }

  /// Says that one more step is done; `fraction` is asked for rarely.
  func advance(_ fraction: () -> Double?) {
    steps &+= 1
    // Asking for the time costs more than many packets do.
    guard terminal.isErrorTerminal, steps & 0xff == 0, clock.now >= next else { return }
    next = clock.now + .milliseconds(100)
    isShown = true
    terminal.writeError("\r" + line(fraction()) + "\u{1b}[K")
  }

  /// Removes the bar.
  func finish() {
    guard isShown else { return }
    isShown = false
    terminal.writeError("\r\u{1b}[K")
  }

  private func line(_ fraction: Double?) -> String {
    let packets = steps.counted("packet")
    guard let fraction else { return packets }
    let width = 30
    let done = min(1, max(0, fraction))
    let filled = Int(done * Double(width))
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let elapsed = Double((clock.now - start).nanoseconds) / 1e9
    let left = done > 0 ? ", \((elapsed / done - elapsed).oneDecimal) s left" : ""
    return "\(bar) \((done * 100).oneDecimal) %  \(packets)\(left)"
  }
}
