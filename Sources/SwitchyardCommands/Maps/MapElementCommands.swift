import ArgumentParser
import Switchyard
import SwitchyardControl

/// Key and value as `bpftool` takes them: `key 0x01 0 0 0 value 7 0 0 0 any`, or `hex` in front of
/// bytes without `0x`.
struct ElementArguments {
  var key: [UInt8]?
  var value: [UInt8] = []
  var flags = UpdateFlags.any

  /// Reads the words that follow the map's name.
  init(_ words: [String]) throws(CommandFailure) {
    var words = Words(words)
    do throws(ControlError) {
      key = try words.takeKey()
      if words.take("value") { value = try words.takeBytes(of: "value") }
      switch words.takeFlags() {
      case "exist": flags = .mustExist
      case "noexist": flags = .mustNotExist
      default: break
      }
      try words.end()
    } catch {
      throw CommandFailure(error)
    }
  }
}

/// What the commands that touch single elements have in common: an object that is loaded, one of
/// its maps, and the words behind it.
struct ElementOptions: ParsableArguments {
  @OptionGroup var objectOptions: ObjectOptions

  @Argument(help: "The map.")
  var map: String

  @Argument(
    help: ArgumentHelp(
      "Bytes, and for update how: any, exist or noexist.",
      valueName: "key BYTES | value BYTES | any"))
  var words: [String] = []

  @OptionGroup var input: InputOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "The program to run before; needed when there are several.")
  var program: String?

  func validate() throws {
    if engineOptions.engine == .kernel {
      throw ValidationError("use bpftool for the maps of the kernel")
    }
  }

  /// The map, after loading the object or a run over a capture.
  func open(in session: Session) throws(CommandFailure) -> (Collection, Collection.LoadedMap) {
    let collection = try MapSession(
      objectOptions: objectOptions, input: input, engineOptions: engineOptions, program: program
    ).run(in: session)
    do throws(CollectionError) {
      return (collection, try collection.map(map))
    } catch {
      throw objectOptions.failure(error)
    }
  }

  /// The failure that stands for an error of the map.
  func failure(_ error: LinuxError, _ operation: String) -> CommandFailure {
    CommandFailure(.failed, "\(operation) in map \(map): \(error)", file: objectOptions.object)
  }

  /// Shows one element, or several in a list.
  func show(
    _ keys: [[UInt8]], isList: Bool = false, of map: Collection.LoadedMap,
    _ collection: Collection, in session: Session
  ) {
    let contents = MapContents(map, keys: keys, programs: collection.programs)
    if session.isJSON {
      let members =
        isList
        ? [("elements", contents.document)] : contents.entries.first.map(contents.members) ?? []
      session.show(.object([("schema", .string("switchyard.map_element/1"))] + members))
    } else {
      session.show(MapText(style: session.style).lines(contents))
    }
  }
}

/// An object that is loaded, and perhaps run over a capture, before its maps are looked at.
struct MapSession {
  let objectOptions: ObjectOptions
  let input: InputOptions
  let engineOptions: EngineOptions
  let program: String?

  func run(in session: Session) throws(CommandFailure) -> Collection {
    try engineOptions.checkAvailability()
    let object = try objectOptions.read()
    let collection = try engineOptions.load(object, objectOptions, in: session)
    for slot in engineOptions.slots { try slot.apply(to: collection, options: objectOptions) }
    if let source = try input.source() {
      let name = try objectOptions.programName(program, in: object)
      let engine = try RuntimeEngine(
        collection, program: try objectOptions.program(name, of: collection),
        settings: engineOptions.settings(recordsTailCalls: false, in: session))
      var run = PacketRun(engine: engine, options: PacketRun.Options())
      if let failure = run.run(source, in: session) { throw failure }
    }
    return collection
  }
}

/// `switchyard map lookup`: the value of a key.
struct MapLookupCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "lookup", abstract: "Look a key up, after loading or after a run.")

  @OptionGroup var options: ElementOptions
  var output: OutputOptions { options.output }

  func execute(in session: Session) throws(CommandFailure) {
    let (collection, map) = try options.open(in: session)
    let key = try ElementArguments(options.words).key ?? []
    do throws(LinuxError) {
      _ = try map.handle.lookup(key)
    } catch {
      throw options.failure(error, "lookup")
    }
    options.show([key], of: map, collection, in: session)
  }
}

/// `switchyard map update`: writes a value and shows the map.
struct MapUpdateCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "update", abstract: "Write the value of a key, and show it.")

  @OptionGroup var options: ElementOptions
  var output: OutputOptions { options.output }

  func execute(in session: Session) throws(CommandFailure) {
    let (collection, map) = try options.open(in: session)
    let arguments = try ElementArguments(options.words)
    do throws(LinuxError) {
      try map.handle.update(arguments.key ?? [], arguments.value, flags: arguments.flags)
    } catch {
      throw options.failure(error, "update")
    }
    options.show([arguments.key ?? []], of: map, collection, in: session)
  }
}

/// `switchyard map delete`: removes a key and shows what is left.
struct MapDeleteCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Remove a key, and show what is left.")

  @OptionGroup var options: ElementOptions
  var output: OutputOptions { options.output }

  func execute(in session: Session) throws(CommandFailure) {
    let (collection, map) = try options.open(in: session)
    let key = try ElementArguments(options.words).key ?? []
    do throws(LinuxError) {
      try map.handle.delete(key)
    } catch {
      throw options.failure(error, "delete")
    }
    let keys = (try? map.handle.keys()) ?? []
    options.show(keys, isList: true, of: map, collection, in: session)
  }
}

/// `switchyard map getnext`: the key after another one.
struct MapNextCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "getnext", abstract: "The key after another one, or the first one.")

  @OptionGroup var options: ElementOptions
  var output: OutputOptions { options.output }

  func execute(in session: Session) throws(CommandFailure) {
    let (_, map) = try options.open(in: session)
    let key = try ElementArguments(options.words).key
    let next: [UInt8]?
    do throws(LinuxError) {
      next = try map.handle.nextKey(after: key)
    } catch {
      throw options.failure(error, "getnext")
    }
    guard let next else { throw options.failure(.noEntry, "getnext") }
    if session.isJSON {
      session.show(
        .object([
          ("schema", .string("switchyard.map_next/1")),
          ("key", key.map { JSON.bytes($0) } ?? .null), ("next_key", .bytes(next)),
        ]))
    } else {
      session.show(["next key: \(next.map(\.hexadecimal).joined(separator: " "))"])
    }
  }
}
