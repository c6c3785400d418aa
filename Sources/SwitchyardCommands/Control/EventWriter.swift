// UNSAFE. Events of a server, written by the thread that they arrive on.
//
// Invariant: they arrive one after the other, and the thread that made the writer only waits for
// them to end.

import SwitchyardControl

/// Writes events as they come, a line each.
final class EventWriter: @unchecked Sendable {
  // Sendable: events come one after the other, and the maker uses the session only after them.

  private let session: Session
  private var left: Int

  init(session: Session, limit: Int?) {
    self.session = session
    left = limit ?? .max
  }

  /// Writes an event; whether more are wanted.
  func write(_ event: EventDocument) -> Bool {
    if session.isJSON {
      try? session.show(encoding: event)
    } else {
      session.show([line(event)])
    }
    if event.event == "status" { left -= 1 }
    return left > 0
  }

  private func line(_ event: EventDocument) -> String {
    let style = session.style
    switch event.event {
    case "generation": return style.bold("generation \(event.generation)")
    case "miss":
      let line = event.line.map { " at \($0)" } ?? ""
      let slot = event.slot ?? "a slot"
      let hop = event.hop.map { ", after \($0.counted("hop"))" } ?? ""
      return style.yellow("missed") + " \((event.count ?? 0).counted("tail call")): "
        + "\(slot) \(event.reason ?? ""), called from \(event.program ?? "")\(line)\(hop)".printable
    default: return style.dim("\((event.packets ?? 0).counted("packet")) so far")
    }
  }
}
