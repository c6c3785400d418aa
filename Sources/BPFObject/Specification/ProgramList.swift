/// Goes through an object's functions and links those that are programs.
struct ProgramList {
  private var linker: Linker
  private let tailSlots: TailSlots
  private(set) var maps: [MapSpec]
  private(set) var programs: [ProgramSpec] = []
  private(set) var refused: [RefusedProgram] = []

  init(linker: Linker, tailSlots: TailSlots, maps: [MapSpec]) {
    self.linker = linker
    self.tailSlots = tailSlots
    self.maps = maps
  }

  mutating func linkAll() {
    for entry in entries {
      let function = linker.layout.functions[entry]
      let section = linker.elf.sections[function.section].name
      do {
        var program = try linker.link(entry)
        program.tailSlots = try tailSlots.slots(of: program, maps: maps)
        try fillSlots(of: program)
        programs.append(program)
      } catch {
        refused.append(
          RefusedProgram(
            name: function.name, section: section, kind: ProgramKind(sectionName: section),
            error: error.located(section: section, symbol: function.name)))
      }
    }
  }

  /// Which functions are programs: those in a section of their own that are global or that nobody
  /// calls. What stands in `.text` is subprograms, unless there is nothing else.
  private var entries: [Int] {
    let layout = linker.layout
    let sections = linker.elf.sections
    let outside = layout.functions.indices.filter { index in
      let function = layout.functions[index]
      return sections[function.section].name != ".text"
        && (function.isGlobal || !layout.referenced.contains(index))
    }
    guard outside.isEmpty else { return outside }
    let uncalled = layout.functions.indices.filter { !layout.referenced.contains($0) }
    return uncalled.isEmpty ? Array(layout.functions.indices.prefix(1)) : uncalled
  }

  /// Puts the program into the slots that it asks for.
  private mutating func fillSlots(of program: ProgramSpec) throws(ObjectFileError) {
    var filled = maps
    for wanted in program.tailSlots {
      guard let index = filled.firstIndex(where: { $0.name == wanted.array }) else { continue }
      let value = MapSpec.SlotValue.program(program.name)
      if let other = filled[index].initialSlots[wanted.slot], other != value {
        throw ObjectFileError(
          .tailSlot, "slot \(wanted.slot) of \(wanted.array) is taken by \(other.label)")
      }
      filled[index].initialSlots[wanted.slot] = value
    }
    maps = filled
  }
}

extension MapSpec.SlotValue {
  fileprivate var label: String {
    switch self {
    case .program(let name): "program \(name)"
    case .map(let index): "map \(index)"
    }
  }
}
