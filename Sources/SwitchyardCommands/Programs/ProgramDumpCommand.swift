import ArgumentParser
import Switchyard

/// `switchyard prog dump`: the code of programs.
struct ProgramDumpCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "Write the code of programs.",
    subcommands: [ProgramDumpTranslatedCommand.self, ProgramDumpMachineCommand.self])
}

/// `switchyard prog dump xlated`: BPF instructions, linked.
struct ProgramDumpTranslatedCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "xlated", abstract: "Write the BPF instructions of programs, linked.")

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Only this program.")
  var program: String?

  func execute(in session: Session) throws(CommandFailure) {
    let object = try objectOptions.read()
    let programs = object.programs.filter { program == nil || $0.name == program }
    if let program, programs.isEmpty {
      if let refused = object.refused.first(where: { $0.name == program }) {
        throw CommandFailure(
          .cannotLink, "\(objectOptions.object): program \(program): \(refused.error)",
          file: objectOptions.object)
      }
      let names = object.programs.map(\.name).joined(separator: ", ")
      throw CommandFailure(
        .usage, "\(objectOptions.object): there is no program \(program); the object has \(names)")
    }
    let listings = programs.map { ProgramListing($0, maps: object.maps) }
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
