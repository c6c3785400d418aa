import ArgumentParser
import SwitchyardControl

/// What `switchyard prog` can ask a server for.
enum LiveProgramCommands {
  static let all: [any ParsableCommand.Type] = [
    LiveProgramShow.self, ProgramLoad.self, ProgramUnload.self, ProgramPin.self, ProgramUnpin.self,
  ]
}

/// `switchyard prog show --socket`: the programs of a server.
struct LiveProgramShow: LiveVerb {
  static let configuration = CommandConfiguration.live(
    "show", usage: "prog show [id N|name S|pinned FILE]",
    abstract: "List the programs of a server.")

  @Argument(help: "Which one: id N, name S or pinned FILE.")
  var words: [String] = []

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    var words = Words(words)
    let selector = try words.takeSelector()
    try words.end()
    let uri = ControlClient.uri("/v1/programs", selector?.query ?? [:])
    let answer: ProgramsDocument = try client.request("GET", uri)
    try session.show(answer) { programLines($0, session.style) }
  }
}

/// `switchyard prog load`: brings an object to a server.
struct ProgramLoad: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Load an object into a server, beside those that are there.",
    discussion: "Maps that the server has under the same names are used in place of the object's "
      + "own, so its programs can take the place of programs there.")

  @Argument(help: "A compiled BPF object (ELF).")
  var object: String

  @Argument(help: "Pin the object's only program under this name.")
  var pin: String?

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let bytes: [UInt8]
    do throws(System.FileError) {
      bytes = try System.contents(of: object)
    } catch {
      throw ControlError(
        error.isPermission ? .noPermission : .unreadable,
        "cannot read the object \(object): \(error.message)", file: object)
    }
    let name = object.split(separator: "/").last.map(String.init) ?? object
    let stem = name.split(separator: ".", omittingEmptySubsequences: false).first.map(String.init)
    var query = ["name": stem ?? name]
    query["pin"] = pin
    let uri = ControlClient.uri("/v1/objects", query)
    let answer: ProgramsDocument = try client.request("POST", uri, sending: bytes)
    try session.show(answer) { programLines($0, session.style) }
  }
}

/// `switchyard prog unload`: lets go of an object.
struct ProgramUnload: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "unload", abstract: "Let go of an object that no generation and no pin needs.")

  @Argument(help: "The object's number, as prog show has it.")
  var number: UInt32

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let uri = ControlClient.uri("/v1/objects", ["number": "\(number)"])
    let answer: EmptyDocument = try client.request("DELETE", uri)
    try session.show(answer) { _ in [] }
  }
}

/// `switchyard prog pin`: a name that survives the server.
struct ProgramPin: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Pin a program under a name that survives the server.")

  @Argument(help: "Which one, and where: id N|name S|pinned FILE, then a name.")
  var words: [String]

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    try pin("/v1/pins/programs", words, of: "program", asking: client, in: session)
  }
}

/// `switchyard prog unpin`: removes a pin.
struct ProgramUnpin: LiveVerb {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Remove a pin.")

  @Argument(help: "The pin's name.")
  var path: String

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: OutputOptions

  func execute(asking client: ControlClient, in session: Session) throws(ControlError) {
    let uri = ControlClient.uri("/v1/pins", ["path": path])
    let answer: EmptyDocument = try client.request("DELETE", uri)
    try session.show(answer) { _ in [] }
  }
}

/// Pins what the words name under the name behind them.
func pin(
  _ path: String, _ words: [String], of kind: String, asking client: ControlClient,
  in session: Session
) throws(ControlError) {
  var words = Words(words)
  let selector = try words.takeRequiredSelector(of: kind)
  let name = try words.take(what: "the pin's name")
  try words.end()
  var query = selector.query
  query["path"] = name
  let answer: EmptyDocument = try client.request("PUT", ControlClient.uri(path, query))
  try session.show(answer) { _ in [] }
}

private func programLines(_ answer: ProgramsDocument, _ style: Style) -> [String] {
  var table = TextTable([.right, .left, .left, .right, .right, .right, .left, .left])
  table.add(
    ["id", "program", "type", "object", "insns", "bytes", "slots", "pinned"]
      .map { .init($0, style.dim) })
  for program in answer.programs {
    table.add([
      .init("\(program.id)"), .init(program.name.printable, style.cyan), .init(program.type),
      .init("\(program.object)"), .init(program.insns.grouped),
      .init(program.bytesJited.grouped), .init(program.slots.joined(separator: " ").printable),
      .init(program.pinned.joined(separator: " ").printable, style.dim),
    ])
  }
  return table.lines
}
