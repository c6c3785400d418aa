import ArgumentParser
import Switchyard

/// `switchyard prog dump jited`: the machine code of programs.
struct ProgramDumpMachineCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "jited", abstract: "Write the machine code that programs are compiled to.",
    discussion:
      "Keywords behind the object: opcodes adds the bytes, linum the places of source lines, "
      + "xlated the BPF instructions. Without objdump (binutils) there are only bytes.")

  /// What is shown beside the code.
  enum Keyword: String, ExpressibleByArgument, CaseIterable {
    case opcodes
    case linum
    case xlated
  }

  @OptionGroup var objectOptions: ObjectOptions
  @Argument(help: "opcodes, linum, xlated.")
  var keywords: [Keyword] = []

  @OptionGroup var output: OutputOptions

  @Option(help: "Only this program.")
  var program: String?

  func execute(in session: Session) throws(CommandFailure) {
    let object = try objectOptions.read()
    let collection = try ObjectOptions.compiled(object, objectOptions)
    var programs = collection.programs
    if let program { programs = [try objectOptions.program(program, of: collection)] }
    for (name, error) in collection.refused.sorted(by: { $0.key < $1.key }) {
      session.warn("\(name) is not compiled: \(error)")
    }
    let listings = programs.map {
      MachineCodeListing($0, maps: object.maps, keywords: Set(keywords))
    }
    if session.isJSON {
      session.show(
        .object([
          ("schema", .string("switchyard.prog_dump/1")),
          ("object", .string(objectOptions.object)),
          ("programs", .array(listings.map(\.document))),
        ]))
    } else {
      for (position, listing) in listings.enumerated() {
        session.show((position == 0 ? [] : [""]) + listing.lines(session.style))
      }
    }
  }
}

extension ObjectOptions {
  /// The object's programs, compiled.
  static func compiled(
    _ object: ObjectFile, _ options: ObjectOptions
  ) throws(CommandFailure) -> Collection {
    let runtime = Runtime()
    guard runtime.preferredEngine == .compiled else {
      throw CommandFailure(.unavailable, "there is no compiler for this system")
    }
    let loading = Collection.Options(defaultKind: try options.kind(), engine: .compiled)
    do throws(CollectionError) {
      return try Collection(loading: object, into: runtime, options: loading)
    } catch {
      throw options.failure(error)
    }
  }
}
