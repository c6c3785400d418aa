import Switchyard

/// The report of a run for people.
struct RunText {
  let report: RunReport
  let style: Style

  /// Rows for slots that hold nothing: a hostile program can name any number of them.
  static let shownEmptySlots = 40
  private static let barWidth = 24

  var lines: [String] {
    var lines = header
    if !report.verdicts.isEmpty { lines += [""] + verdicts }
    if report.tailCalls != nil { lines += [""] + chain }
    if let results = report.results { lines += [""] + packets(results) }
    if let events = report.events { lines += [""] + self.events(events) }
    for map in report.maps ?? [] {
      lines += [""] + MapText(style: style, limit: 20, omitsZeros: true).lines(map)
    }
    return lines
  }

  private var header: [String] {
    var count = report.packets.counted("packet")
    if report.skipped > 0 { count += ", \(report.skipped.grouped) skipped" }
    var time = report.duration.readable
    if report.packets > 0 {
      time += ", \((report.duration.nanoseconds / report.packets).grouped) ns per packet"
    }
    return [
      "\(style.bold(report.object.printable))  program \(style.cyan(report.program.printable))"
        + " (\(report.type.name))",
      style.dim("\(report.engineSummary)"),
      "\(count) in \(time)",
    ]
  }

  private var verdicts: [String] {
    var table = TextTable([.left, .right, .right, .left], indentation: 2)
    let most = max(1, report.verdicts.values.max() ?? 1)
    table.add([.init("verdict", style.dim), .init("packets", style.dim)])
    for verdict in report.namedVerdicts {
      let share = Double(verdict.count) * 100 / Double(max(1, report.packets))
      let length = max(1, verdict.count * Self.barWidth / most)
      table.add([
        .init(verdict.name, paint(verdict.name)), .init(verdict.count.grouped),
        .init("\(share.oneDecimal) %"),
        .init(String(repeating: "█", count: length), paint(verdict.name)),
      ])
    }
    return table.lines
  }

  private func paint(_ verdict: String) -> (String) -> String {
    switch verdict {
    case "XDP_PASS", "XDP_TX", "XDP_REDIRECT", "TC_ACT_OK", "TC_ACT_PIPE": style.green
    case "XDP_ABORTED", "XDP_DROP", "TC_ACT_SHOT": style.red
    default: style.yellow
    }
  }

  private var chain: [String] {
    guard let calls = report.tailCalls else { return [] }
    guard calls.taken + calls.missed > 0 || !report.slots.isEmpty else { return ["no tail calls"] }
    var lines = [
      "\(calls.taken.counted("tail call")) taken, "
        + (calls.missed == 0 ? "none missed" : style.red("\(calls.missed.grouped) missed"))
    ]
    guard !report.slots.isEmpty else { return lines }
    var table = TextTable([.left, .left, .left, .right, .right, .right, .right], indentation: 2)
    table.add(
      ["slot", "", "program", "taken", "empty", "out of range", "limit"].map {
        .init($0, style.dim)
      })
    var empty = 0
    for slot in report.slots {
      if slot.program == nil { empty += 1 }
      if slot.program != nil || empty <= Self.shownEmptySlots { table.add(row(slot)) }
    }
    lines += table.lines
    if empty > Self.shownEmptySlots {
      lines.append("  ... and \((empty - Self.shownEmptySlots).counted("more empty slot"))")
    }
    return lines
  }

  private func row(_ slot: RunReport.SlotUse) -> [TextTable.Cell] {
    func count(_ value: UInt64, _ paint: @escaping (String) -> String) -> TextTable.Cell {
      value == 0 ? .init("-", style.dim) : .init(value.grouped, paint)
    }
    return [
      .init("\(slot.array.printable)[\(slot.index)]"), .init("->", style.dim),
      slot.program.map { .init($0.printable, style.cyan) } ?? .init("empty", style.red),
      count(slot.counts.taken, { $0 }), count(slot.counts.empty, style.red),
      count(slot.counts.outOfRange, style.red), count(slot.counts.limit, style.red),
    ]
  }

  private func events(_ events: [EventCollector.Event]) -> [String] {
    guard !events.isEmpty else { return ["no events"] }
    var table = TextTable([.right, .left, .right, .left], indentation: 2)
    table.add(["packet", "map", "cpu", "record"].map { .init($0, style.dim) })
    for event in events {
      table.add([
        .init(String(event.packet)), .init(event.map.printable, style.cyan),
        .init(event.cpu.map { String($0) } ?? "-", style.dim), .init(event.text),
      ])
    }
    return table.lines
  }

  private func packets(_ results: [RunReport.PacketResult]) -> [String] {
    var table = TextTable([.right, .left, .right, .left], indentation: 2)
    table.add(["packet", "verdict", "bytes out", ""].map { .init($0, style.dim) })
    for result in results {
      let name = report.type.verdictName(result.value)
      table.add([
        .init(String(result.packet)), .init(name, paint(name)), .init(String(result.data.count)),
        .init(result.redirect.map { "to \($0)" } ?? "", style.dim),
      ])
    }
    return table.lines
  }
}
