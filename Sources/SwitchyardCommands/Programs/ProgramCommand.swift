import ArgumentParser
import Switchyard

/// `switchyard prog`: the programs of an object.
struct ProgramCommand: CommandGroup {
  static let configuration = CommandConfiguration(
    commandName: "prog", abstract: "Look at programs.",
    subcommands: [ProgramShowCommand.self, ProgramDumpCommand.self] + LiveProgramCommands.all)
}

/// `switchyard prog show`: what programs there are.
struct ProgramShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "List the programs of an object.", aliases: ["list"])

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  func execute(in session: Session) throws(CommandFailure) {
    let object = try objectOptions.read()
    let sizes = compiledSizes(object)
    if session.isJSON {
      session.show(document(object, sizes))
      return
    }
    var table = TextTable([.left, .left, .left, .right, .right, .right, .left])
    let style = session.style
    table.add(
      ["program", "type", "section", "insns", "jited", "tail calls", "maps"].map {
        .init($0, style.dim)
      })
    for program in object.programs {
      table.add([
        .init(program.name.printable, style.cyan), .init(program.kind?.name ?? "no type"),
        .init(program.section.printable), .init(program.instructions.count.grouped),
        .init(sizes[program.name].map { "\($0.grouped) B" } ?? "-"),
        .init(TailCallSites(program, maps: object.maps).sites.count.grouped),
        .init(mapNames(program, object).joined(separator: " ").printable, style.dim),
      ])
    }
    session.show(table.lines)
    session.show(
      object.refused.map {
        "\(style.cyan($0.name.printable))  "
          + style.red("cannot be used: \("\($0.error)".printable)")
      })
  }

  private func mapNames(_ program: ProgramSpec, _ object: ObjectFile) -> [String] {
    Set(program.references.values.map(\.mapIndex)).sorted()
      .filter { object.maps.indices.contains($0) }.map { object.maps[$0].displayName }
  }

  /// Bytes of machine code, by program; those that are not compiled are missing.
  private func compiledSizes(_ object: ObjectFile) -> [String: Int] {
    guard let collection = try? ObjectOptions.compiled(object, objectOptions) else { return [:] }
    return Dictionary(
      collection.programs.map { ($0.spec.name, $0.program.machineCode.count) },
      uniquingKeysWith: { first, _ in first })
  }

  private func document(_ object: ObjectFile, _ sizes: [String: Int]) -> JSON {
    let programs = object.programs.map { program in
      JSON.object([
        ("name", .string(program.name)), ("type", .string(program.kind?.name ?? "unspec")),
        ("tag", .string(program.instructions.tag)),
        ("section", .string(program.section)), ("insns", .integer(program.instructions.count)),
        ("bytes_xlated", .integer(program.instructions.count * Instruction.byteCount)),
        ("jited", .boolean(sizes[program.name] != nil)),
        ("bytes_jited", .integer(sizes[program.name] ?? 0)),
        (
          "tail_calls",
          .integer(TailCallSites(program, maps: object.maps).sites.count)
        ), ("maps", .array(mapNames(program, object).map { .string($0) })),
      ])
    }
    let refused = object.refused.map { program in
      JSON.object([
        ("name", .string(program.name)), ("type", .string(program.kind?.name ?? "unspec")),
        ("section", .string(program.section)), ("error", .string("\(program.error)")),
      ])
    }
    return .object([
      ("schema", .string("switchyard.prog/1")), ("object", .string(objectOptions.object)),
      ("programs", .array(programs)), ("refused", .array(refused)),
    ])
  }
}

extension Reference {
  /// The map that it is about, by index in the object.
  var mapIndex: Int {
    switch self {
    case .map(let map), .mapValue(let map, _): map
    }
  }
}
