import Switchyard

/// The chain for people: programs with their calls, arrays with their slots, then what is odd.
struct ChainText {
  let model: ChainModel
  let style: Style

  func lines(object: String) -> [String] {
    let sites = model.programs.reduce(0) { $0 + $1.sites.count }
    var lines = [
      "\(style.bold(object.printable))  \(model.programs.count.counted("program")), "
        + "\(model.arrays.count.counted("array")) of programs, \(sites.counted("tail call"))"
    ]
    // Where packets come in is where reading starts.
    let entries = model.programs.filter(\.slots.isEmpty)
    for program in entries + model.programs.filter({ !$0.slots.isEmpty }) {
      lines += [""] + self.lines(program)
    }
    for array in model.arrays { lines += [""] + self.lines(array) }
    return lines + oddities
  }

  private func lines(_ program: ChainModel.Program) -> [String] {
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
    }
    lines += table.lines
    return lines
  }

  private func target(_ site: ChainModel.Site) -> TextTable.Cell {
    let targets = model.targets(of: site)
    guard site.index == nil else {
      return targets.first.map { .init($0.printable, style.cyan) } ?? .init("empty", style.red)
    }
    return .init("any of \(targets.count.counted("program"))", style.yellow)
  }

  private func lines(_ array: ChainModel.Array) -> [String] {
    let filled = array.slots.count
    var table = TextTable([.right, .left], indentation: 2)
    let empty = model.emptySlots.filter { $0.array == array.name }
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
    let unreachable = model.unreachable
    guard !unreachable.isEmpty else { return [] }
    return [
      "",
      style.yellow("no tail call reaches: \(unreachable.joined(separator: ", ").printable)"),
    ]
  }
}
