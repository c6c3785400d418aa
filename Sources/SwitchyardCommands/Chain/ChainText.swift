import Switchyard

/// The chain for people: programs with their calls, arrays with their slots, then what is odd.
struct ChainText {
  let graph: ChainGraph
  let style: Style

  func lines(object: String) -> [String] {
    let sites = graph.programs.reduce(0) { $0 + $1.sites.count }
    var lines = [
      "\(style.bold(object.printable))  \(graph.programs.count.counted("program")), "
        + "\(graph.arrays.count.counted("array")) of programs, \(sites.counted("tail call")), "
        + "\(graph.depth)"
    ]
    // Where packets come in is where reading starts.
    let entries = graph.programs.filter(\.slots.isEmpty)
    for program in entries + graph.programs.filter({ !$0.slots.isEmpty }) {
      lines += [""] + self.lines(program)
    }
    for array in graph.arrays { lines += [""] + self.lines(array) }
    return lines + oddities
  }

  private func lines(_ program: ChainGraph.Program) -> [String] {
    let slots = program.slots.map { "\($0.array)[\($0.index)]" }.joined(separator: ", ")
    let place = slots.isEmpty ? "entry, in no slot" : slots.printable
    var lines = [
      "\(style.cyan(program.name.printable)) \(style.dim("(\(program.type)), \(place)"))"
    ]
    if let refusal = program.refusal {
      return lines + ["  " + style.red("cannot be used: \(refusal.printable)")]
    }
    var table = TextTable([.left, .left, .left, .left], indentation: 2)
    for site in program.sites {
      let function = site.function == program.name ? "" : ", in \(site.function)"
      let place = (site.line?.place ?? "instruction \(site.instruction)") + function
      table.add([
        .init("\((site.array ?? "?").printable)[\(site.index.map { String($0) } ?? "*")]"),
        .init("->", style.dim), target(site), .init(place.printable, style.dim),
      ])
      for use in site.uses { table.add(cells(use)) }
    }
    lines += table.lines
    return lines
  }

  /// How often a slot was asked for, below the call that did.
  private func cells(_ use: ChainGraph.Use) -> [TextTable.Cell] {
    let counts = use.counts
    var outcomes: [String] = []
    if counts.taken > 0 { outcomes.append("\(counts.taken.grouped) taken") }
    for (count, reason) in [
      (counts.empty, "empty"), (counts.outOfRange, "out of range"), (counts.limit, "limit"),
    ] where count > 0 {
      outcomes.append("\(count.grouped) missed (\(reason))")
    }
    let text = outcomes.joined(separator: ", ")
    let outcome =
      use.counts.missed > 0 ? TextTable.Cell(text, style.red) : TextTable.Cell(text, style.dim)
    return [
      .init("  \(use.array.printable)[\(use.index)]", style.dim), .init("", style.dim),
      .init(use.target?.printable ?? "", style.dim), outcome,
    ]
  }

  private func target(_ site: ChainGraph.Site) -> TextTable.Cell {
    let targets = graph.targets(of: site)
    guard site.index == nil else {
      return targets.first.map { .init($0.printable, style.cyan) } ?? .init("empty", style.red)
    }
    return .init("any of \(targets.count.counted("program"))", style.yellow)
  }

  private func lines(_ array: ChainGraph.Array) -> [String] {
    let filled = array.slots.count
    var table = TextTable([.right, .left], indentation: 2)
    let empty = graph.emptySlots.filter { $0.array == array.name }
    var rows = array.slots.map { ($0.key, TextTable.Cell($0.value.printable, style.cyan)) }
    rows += empty.map { slot in
      let callers = slot.callers.joined(separator: ", ").printable
      let problem = slot.index < array.size ? "empty" : "out of range"
      return (slot.index, TextTable.Cell("\(problem), but called from \(callers)", style.red))
    }
    for row in rows.sorted(by: { $0.0 < $1.0 }) { table.add([.init("[\(row.0)]"), row.1]) }
    return [
      "\(style.bold(array.name.printable)) "
        + style.dim("\(array.size.counted("slot")), \(filled.grouped) filled")
    ] + table.lines
  }

  private var oddities: [String] {
    var lines = graph.loops.map { loop in
      style.yellow("loop: \(([String](loop) + [loop[0]]).joined(separator: " -> ").printable)")
    }
    for problem in graph.problems {
      switch problem {
      // The arrays above tell of those.
      case .emptySlot, .outOfRange, .refused: continue
      case .unreachable, .tooDeep, .incompatible:
        lines.append(style.yellow("\(problem)".printable))
      }
    }
    return lines.isEmpty ? [] : [""] + lines
  }
}
