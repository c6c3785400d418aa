import ArgumentParser
import SwitchyardControl

/// What `switchyard map` can ask a server for.
enum LiveMapCommands {
  static let all: [any ParsableCommand.Type] = [
    LiveMapShow.self, LiveMapDump.self, LiveMapLookup.self, LiveMapUpdate.self, LiveMapDelete.self,
    LiveMapGetNext.self, LiveMapPin.self,
  ]
}

/// `switchyard map show --socket`: the maps of a server.
struct LiveMapShow: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "show", usage: "map show [id N|name S|pinned FILE]",
    abstract: "List the maps of a server.")

  @Argument(help: "Which one: id N, name S or pinned FILE.")
  var words: [String] = []

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    var words = Words(words)
    let selector = try words.takeSelector()
    try words.end()
    let uri = ControlClient.uri("/v1/maps", selector?.query ?? [:])
    let answer: MapsDocument = try client.request("GET", uri)
    try session.show(answer) { lines($0, session.style) }
  }

  private func lines(_ answer: MapsDocument, _ style: Style) -> [String] {
    var table = TextTable([.right, .left, .left, .right, .right, .right, .left])
    table.add(
      ["id", "map", "type", "key", "value", "max entries", "pinned"].map { .init($0, style.dim) })
    for map in answer.maps {
      table.add([
        .init("\(map.id)"), .init(map.name.printable, style.cyan), .init(map.type),
        .init(map.bytesKey.grouped), .init(map.bytesValue.grouped),
        .init(map.maxEntries.grouped),
        .init(map.pinned.joined(separator: " ").printable, style.dim),
      ])
    }
    return table.lines
  }
}

/// `switchyard map dump --socket`: what is in a map of a server.
struct LiveMapDump: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "dump", usage: "map dump id N|name S|pinned FILE",
    abstract: "Write the contents of a map.")

  @Argument(help: "Which one: id N, name S or pinned FILE.")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    var words = Words(words)
    let selector = try words.takeRequiredSelector(of: "map")
    try words.end()
    let uri = ControlClient.uri("/v1/maps/elements", selector.query)
    let answer: ElementsDocument = try client.request("GET", uri)
    try session.show(answer) { elementLines($0, session.style) }
  }
}

/// `switchyard map lookup`: one element.
struct LiveMapLookup: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "lookup", usage: "map lookup id N|name S|pinned FILE key BYTES",
    abstract: "Look an element of a server's map up.")

  @Argument(help: "Which map and which key: id N|name S|pinned FILE key BYTES.")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let (query, _) = try element(words, needsKey: true)
    let uri = ControlClient.uri("/v1/maps/elements", query)
    let answer: ElementsDocument = try client.request("GET", uri)
    try session.show(answer) { elementLines($0, session.style) }
  }
}

/// `switchyard map getnext`: the key behind another one.
struct LiveMapGetNext: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "getnext", usage: "map getnext id N|name S|pinned FILE [key BYTES]",
    abstract: "Get the key behind another one, or the first.")

  @Argument(help: "Which map and which key: id N|name S|pinned FILE [key BYTES].")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let (query, _) = try element(words, needsKey: false)
    let answer: NextKeyDocument = try client.request(
      "GET", ControlClient.uri("/v1/maps/next", query))
    guard let next = answer.nextKey else {
      throw ControlError(.noElement, "there is no key behind that one")
    }
    try session.show(answer) { _ in ["next key: \(text(next))"] }
  }
}

/// `switchyard map delete`: removes an element, or empties a slot.
struct LiveMapDelete: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "delete", usage: "map delete id N|name S|pinned FILE key BYTES",
    abstract: "Remove an element of a server's map, or empty a slot.")

  @Argument(help: "Which map and which key: id N|name S|pinned FILE key BYTES.")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let (query, _) = try element(words, needsKey: true)
    let uri = ControlClient.uri("/v1/maps/elements", query)
    let answer: EmptyDocument = try client.request("DELETE", uri)
    try session.show(answer) { _ in [] }
  }
}

/// `switchyard map update`: sets an element, or puts a program into a slot.
struct LiveMapUpdate: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "update",
    usage: "map update id N|name S|pinned FILE key BYTES value BYTES|PROGRAM [any|exist|noexist]",
    abstract: "Set an element of a server's map, or fill a slot.",
    discussion: "The value of an array of programs is a program: value pinned FILE, value id N or "
      + "value name S. Bytes are decimal, or hexadecimal behind the word hex.")

  @Argument(
    help: "id N|name S|pinned FILE key BYTES value BYTES|PROGRAM [any|exist|noexist].")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    var words = Words(words)
    let selector = try words.takeRequiredSelector(of: "map")
    guard let key = try words.takeKey() else { throw ControlError(.usage, "key is missing") }
    guard words.take("value") else { throw ControlError(.usage, "value is missing") }
    var change = ElementChangeDocument(key: ByteList(key))
    change.program = try words.takeSelector()
    if change.program == nil { change.value = ByteList(try words.takeBytes(of: "value")) }
    change.flags = words.takeFlags()
    try words.end()
    let uri = ControlClient.uri("/v1/maps/elements", selector.query)
    let answer: EmptyDocument = try client.request("PUT", uri, body: change)
    try session.show(answer) { _ in [] }
  }
}

/// `switchyard map pin`: a name that survives the server.
struct LiveMapPin: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Pin a map under a name that survives the server.")

  @Argument(help: "Which one, and where: id N|name S|pinned FILE, then a name.")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    try pin("/v1/pins/maps", words, of: "map", asking: client, in: session)
  }
}

/// Reads a map and a key out of words: the query of a request, and the key.
private func element(
  _ words: [String], needsKey: Bool
) throws(ControlError) -> (query: [String: String], key: [UInt8]?) {
  var words = Words(words)
  var query = try words.takeRequiredSelector(of: "map").query
  let key = try words.takeKey()
  try words.end()
  if needsKey, key == nil { throw ControlError(.usage, "key is missing") }
  if let key { query["key"] = queryBytes(key) }
  return (query, key)
}

private func text(_ bytes: ByteList) -> String {
  bytes.bytes.map(\.hexadecimal).joined(separator: " ")
}

private func elementLines(_ answer: ElementsDocument, _ style: Style) -> [String] {
  let lines = answer.elements.flatMap { element -> [String] in
    let key = "key: " + style.cyan(text(element.key))
    if let program = element.program {
      return ["\(key)  program: \(program.printable)"]
    }
    if let values = element.values {
      return [key] + values.map { "  value (CPU \($0.cpu)): \(text($0.value))" }
    }
    return ["\(key)  value: \(element.value.map { text($0) } ?? "")"]
  }
  return lines + [style.dim("found \(answer.elements.count.counted("element"))")]
}
