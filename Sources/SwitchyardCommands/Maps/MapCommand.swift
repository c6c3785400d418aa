import ArgumentParser
import Switchyard

/// `switchyard map`: the maps of an object.
struct MapCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "map", abstract: "Look at maps.",
    discussion: "With --socket, or SWITCHYARD_SOCKET in the environment, these are a server's; of a"
      + " server also: pin.",
    subcommands: [
      MapShowCommand.self, MapDumpCommand.self, MapLookupCommand.self, MapUpdateCommand.self,
      MapDeleteCommand.self, MapNextCommand.self,
    ] + LiveMapCommands.all)
}

/// `switchyard map show`: what maps there are.
struct MapShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "List the maps of an object.", aliases: ["list"])

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let object = try objectOptions.read()
    if session.isJSON {
      session.show(document(object))
      return
    }
    let style = session.style
    var table = TextTable([.left, .left, .right, .right, .right, .left])
    table.add(
      ["map", "type", "key", "value", "max entries", ""].map { .init($0, style.dim) })
    for map in object.maps {
      var note = map.isReadOnly ? "read-only" : ""
      if !map.initialSlots.isEmpty { note = map.initialSlots.count.counted("slot") + " filled" }
      table.add([
        .init(map.displayName.printable, style.cyan), .init("\(MapType(rawValue: map.type))"),
        .init(map.keySize.grouped), .init(map.valueSize.grouped), .init(map.maxEntries.grouped),
        .init(note, style.dim),
      ])
    }
    session.show(table.lines)
  }

  private func document(_ object: ObjectFile) -> JSON {
    let maps = object.maps.map { map in
      JSON.object([
        ("name", .string(map.displayName)), ("type", .string("\(MapType(rawValue: map.type))")),
        ("flags", .integer(Int(map.flags))), ("bytes_key", .integer(Int(map.keySize))),
        ("bytes_value", .integer(Int(map.valueSize))),
        ("max_entries", .integer(Int(map.maxEntries))),
        ("frozen", .integer(map.isReadOnly ? 1 : 0)),
      ])
    }
    return .object([
      ("schema", .string("switchyard.map/1")), ("object", .string(objectOptions.object)),
      ("maps", .array(maps)),
    ])
  }
}

/// `switchyard map dump`: what is in the maps, after loading or after a run.
struct MapDumpCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Write the contents of maps, after loading or after a run over a capture.")

  @OptionGroup var objectOptions: ObjectOptions

  @Argument(help: "Only this map.")
  var map: String?

  @OptionGroup var input: InputOptions
  @OptionGroup var engineOptions: EngineOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "The program to run; needed when there are several.")
  var program: String?

  func validate() throws {
    if engineOptions.engine == .kernel {
      throw ValidationError("use run --dump-maps with --engine kernel")
    }
  }

  func execute(in session: Session) throws(CommandFailure) {
    let collection = try MapSession(
      objectOptions: objectOptions, input: input, engineOptions: engineOptions, program: program
    ).run(in: session)
    let maps = try chosenMaps(of: collection)
    let contents = maps.map { MapContents($0, programs: collection.programs) }
    if session.isJSON {
      session.show(
        .object([
          ("schema", .string("switchyard.map_dump/1")),
          ("object", .string(objectOptions.object)),
          ("maps", .object(contents.map { ($0.name, $0.document) })),
        ]))
    } else {
      let text = MapText(style: session.style)
      for (position, map) in contents.enumerated() {
        session.show((position == 0 ? [] : [""]) + text.lines(map))
      }
    }
  }

  private func chosenMaps(
    of collection: Collection
  ) throws(CommandFailure) -> [Collection.LoadedMap] {
    guard let map else { return collection.maps }
    do throws(CollectionError) {
      return [try collection.map(map)]
    } catch {
      throw objectOptions.failure(error)
    }
  }
}
