import Switchyard

/// Traces for people: a line per tail call, and one for the verdict.
struct TraceText {
  let style: Style

  func lines(_ trace: PacketTrace, type: ProgramType) -> [String] {
    let packet = "packet \(trace.packet)"
    let calls = trace.calls.map { call in
      let place = "@ \(call.source.isEmpty ? "" : call.source.printable + " ")(\(call.instruction))"
      let hop = call.outcome == .taken ? "hop \(call.hop)" : "miss "
      let end =
        call.outcome == .taken
        ? "-> \(style.cyan(call.target?.printable ?? "?"))"
        : style.red("missed: \(call.outcome.reason)")
          + style.dim(" (\(call.hop.counted("hop")) before, generation \(call.generation))")
      return "\(style.dim(packet))  \(hop)  \(call.program.printable) \(style.dim(place))"
        + "  \(call.slot.printable) \(end)"
    }
    return calls + ["\(style.dim(packet))  \(ending(trace, type))"]
  }

  private func ending(_ trace: PacketTrace, _ type: ProgramType) -> String {
    if trace.failure != nil { return style.red("stopped after \(trace.hops.counted("hop"))") }
    guard let value = trace.value else { return "skipped: too short for type \(type.name)" }
    return "\(style.bold(type.verdictName(value))) after \(trace.hops.counted("hop"))"
  }
}
