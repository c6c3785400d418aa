import ArgumentParser
import SwitchyardControl

/// What `switchyard chain` can ask a server for.
enum LiveChainCommands {
  static let all: [any ParsableCommand.Type] = [
    LiveChainShow.self, LiveChainGraph.self, LiveChainCheck.self, ChainPlan.self,
    ChainApply.self, ChainRollback.self, ChainHistory.self, ChainWatch.self,
  ]
}

/// `switchyard chain show --socket`: the chain of a server.
struct LiveChainShow: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "show", usage: "chain show",
    abstract: "Show the chain of a server.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let answer: ChainDocument = try client.request("GET", "/v1/chain")
    guard !session.isJSON else { return try session.show(answer) { _ in [] } }
    let status: StatusDocument = try client.request("GET", "/v1/status")
    session.show(lines(answer, status, session.style))
  }

  private func lines(
    _ chain: ChainDocument, _ status: StatusDocument, _ style: Style
  ) -> [String] {
    var table = TextTable([.left, .left, .right, .right])
    table.add(["slot", "program", "id", "object"].map { .init($0, style.dim) })
    table.add(cells("entry", chain.entry, style))
    for array in chain.arrays {
      for slot in array.slots {
        table.add(cells("\(array.name)[\(slot.index)]", slot.program, style))
      }
    }
    let traffic = status.traffic
    let verdicts = traffic.verdicts.sorted { $0.key < $1.key }.map { verdict, count in
      "\(verdict) \(count.grouped)"
    }
    let missed = traffic.missed
    return [style.bold("generation \(chain.generation)")] + table.lines + [
      "\(traffic.packets.counted("packet")): \(verdicts.joined(separator: ", "))",
      "missed tail calls: \(missed.empty.grouped) empty, \(missed.outOfRange.grouped)"
        + " out of range, \(missed.limit.grouped) over the limit",
    ]
  }

  private func cells(
    _ place: String, _ program: ProgramName, _ style: Style
  ) -> [TextTable.Cell] {
    [
      .init(place.printable), .init(program.name.printable, style.cyan), .init("\(program.id)"),
      .init("\(program.object)"),
    ]
  }
}

/// `switchyard chain graph --socket`: the chain of a server as a drawing.
struct LiveChainGraph: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "graph", usage: "chain graph [--format dot|mermaid]", abstract: "Draw the chain of a server.",
    discussion: "With its misses; with the hops too if it was started with --count-hops.")

  @Option(help: "Language of the drawing: dot (Graphviz) or mermaid.")
  var format = DrawingFormat.dot

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let answer: GraphDocument = try client.request("GET", "/v1/chain/graph")
    session.draw(answer.graph, of: client.path, as: format)
  }
}

/// `switchyard chain check --socket`: what of a server's chain is probably not meant.
struct LiveChainCheck: Verb {
  static let configuration = CommandConfiguration.live(
    "check", usage: "chain check",
    abstract: "Check that slots are filled, programs reached, and chains short enough.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let client = try server.client()
    let answer: GraphDocument
    do throws(ControlError) {
      answer = try client.request("GET", "/v1/chain/graph")
    } catch {
      throw CommandFailure(error)
    }
    try session.check(answer.graph, of: client.path)
  }
}

/// The changes of `plan` and `apply`.
struct ChangeOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "ARRAY[INDEX]=PROGRAM, ARRAY[INDEX]= to empty a slot, or entry=PROGRAM. A program is a name,"
        + " id:N or pinned:FILE.", valueName: "change"))
  var changes: [String] = []

  @Option(
    name: .customLong("set-element"),
    help: ArgumentHelp(
      "Set an element just before the chain changes; bytes are hexadecimal.",
      valueName: "map[key]=value"))
  var elements: [String] = []

  @Option(help: "Refuse slots that were changed since this generation.")
  var base: UInt64?

  @Option(help: "A word for the history.")
  var note: String?

  func validate() throws {
    guard changes.isEmpty, elements.isEmpty else { return }
    throw ValidationError("no changes; try ARRAY[INDEX]=PROGRAM")
  }

  func document() throws(ControlError) -> ChangesDocument {
    var document = ChangesDocument(base: base, note: note)
    for change in changes {
      let (place, program) = try parts(of: change)
      if place == "entry" {
        guard let program = try selector(program) else {
          throw ControlError(.usage, "'\(change)': packets have to enter somewhere")
        }
        document.entry = program
        continue
      }
      let (array, index) = try element(place, of: change)
      guard let number = UInt32(index) else {
        throw ControlError(.usage, "'\(change)': \(index) is no index")
      }
      document.slots.append(.init(array: array, index: number, program: try selector(program)))
    }
    for change in elements {
      let (place, value) = try parts(of: change)
      let (map, key) = try element(place, of: change)
      guard let key = bytes(hexadecimal: key.utf8), let value = bytes(hexadecimal: value.utf8)
      else { throw ControlError(.usage, "'\(change)': bytes are hexadecimal") }
      document.elements.append(.init(map: map, key: key, value: value))
    }
    return document
  }

  private func parts(of change: String) throws(ControlError) -> (place: String, value: String) {
    guard let equals = change.firstIndex(of: "=") else {
      throw ControlError(.usage, "'\(change)' is no change; try ARRAY[INDEX]=PROGRAM")
    }
    return (String(change[..<equals]), String(change[change.index(after: equals)...]))
  }

  private func element(
    _ place: String, of change: String
  ) throws(ControlError) -> (map: String, key: String) {
    guard place.last == "]", let open = place.firstIndex(of: "["), open > place.startIndex else {
      throw ControlError(.usage, "'\(change)' is no change; try ARRAY[INDEX]=PROGRAM")
    }
    return (String(place[..<open]), String(place[place.index(after: open)...].dropLast()))
  }

  private func selector(_ text: String) throws(ControlError) -> ObjectSelector? {
    if text.isEmpty { return nil }
    if text.hasPrefix("pinned:") { return .pinned(String(text.dropFirst(7))) }
    guard text.hasPrefix("id:") else { return .name(text) }
    guard let id = UInt32(text.dropFirst(3)) else {
      throw ControlError(.usage, "\(text) is no program")
    }
    return .id(id)
  }
}

/// `switchyard chain plan`: what changes would do.
struct ChainPlan: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Check changes of a server's chain, and show what they would do.")

  @OptionGroup var changes: ChangeOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let answer: PlanDocument = try client.request(
      "POST", "/v1/chain/plan", body: try changes.document())
    try session.show(answer) { planLines($0, session.style) }
  }
}

/// `switchyard chain apply`: makes changes, all at once.
struct ChainApply: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Change a server's chain: every packet sees all of it or none.")

  @OptionGroup var changes: ChangeOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let answer: PlanDocument = try client.request(
      "POST", "/v1/chain/apply", body: try changes.document())
    try session.show(answer) { planLines($0, session.style) }
  }
}

/// `switchyard chain rollback`: back to what was.
struct ChainRollback: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Make a server's chain what it was in a generation.")

  @Argument(help: "The generation; the one before the current if it is left out.")
  var generation: UInt64?

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let query = generation.map { ["generation": "\($0)"] } ?? [:]
    let answer: PlanDocument = try client.request(
      "POST", ControlClient.uri("/v1/chain/rollback", query))
    try session.show(answer) { planLines($0, session.style) }
  }
}

/// `switchyard chain history`: the generations that are kept.
struct ChainHistory: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "List the generations that can be gone back to.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let answer: HistoryDocument = try client.request("GET", "/v1/chain/history")
    try session.show(answer) { lines($0, session.style) }
  }

  private func lines(_ answer: HistoryDocument, _ style: Style) -> [String] {
    var table = TextTable([.right, .left, .right, .left])
    table.add(["generation", "", "slots", "note"].map { .init($0, style.dim) })
    for generation in answer.generations {
      let isCurrent = generation.generation == answer.current
      table.add([
        .init("\(generation.generation)", isCurrent ? style.bold : { $0 }),
        .init(isCurrent ? "current" : ""), .init(generation.slots.grouped),
        .init(generation.note.printable),
      ])
    }
    return table.lines
  }
}

/// `switchyard chain watch`: follows a server.
struct ChainWatch: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Follow a server: new generations, and tail calls that miss, with their lines.")

  @Option(help: "How often to look, in milliseconds.")
  var interval = 1000

  @Option(name: .customShort("c"), help: "Stop after this many looks.")
  var count: Int?

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !(1...3_600_000).contains(interval) {
      throw ValidationError("--interval takes 1 to 3600000 milliseconds")
    }
    if let count, count < 1 { throw ValidationError("-c takes a number from 1 on") }
  }

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let writer = EventWriter(session: session, limit: count)
    try client.watch(everyMilliseconds: interval) { writer.write($0) }
  }
}

private func planLines(_ plan: PlanDocument, _ style: Style) -> [String] {
  guard !plan.steps.isEmpty else { return ["nothing changes: generation \(plan.base) is it"] }
  let steps = plan.steps.map { step in
    "  \(step.place.printable): \(style.red((step.old ?? "empty").printable)) -> "
      + style.green((step.new ?? "empty").printable)
  }
  guard let generation = plan.generation else {
    return ["would change generation \(plan.base):"] + steps
  }
  return [style.bold("generation \(generation)") + ", from \(plan.base):"] + steps
}
