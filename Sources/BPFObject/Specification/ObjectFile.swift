/// A compiled BPF object as values: its programs, linked, and its maps. Nothing is created and
/// nothing outside the bytes is looked at.
///
/// A program that cannot be used (because it needs the running kernel's types or symbols, say) does
/// not keep the others from being used: it is listed in ``refused`` with the reason.
public struct ObjectFile: Sendable {
  /// The object's name, by which Linux knows its global data: the file's name up to the first dot.
  public let name: String
  /// The programs that can be used, in file order; subprograms are not among them.
  public let programs: [ProgramSpec]
  /// Definitions in file order, then global data in the order of the sections.
  public let maps: [MapSpec]
  /// The text of the section `license`, if there is one.
  public let license: String?
  /// The number in the section `version`: the kernel that very old programs were made for.
  public let kernelVersion: UInt32?
  /// The programs that cannot be used, in file order, and why.
  public let refused: [RefusedProgram]
  /// The type information as it stands in the file.
  public let btfBytes: [UInt8]?

  let types: BTF?
  let elf: ELFFile

  /// Reads an object.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: The object's name; see ``name``.
  /// - Throws: ``ObjectFileError`` if the file is not a BPF object or is damaged.
  public init(bytes: [UInt8], name: String = "object") throws(ObjectFileError) {
    let elf = try ELFFile(bytes: bytes)
    var types: BTF?
    if let region = elf.content(named: ".BTF") { types = try BTF(region) }
    var records = BTFExtension()
    if let types, let region = elf.content(named: ".BTF.ext") {
      records = try BTFExtension(region, types: types)
    }
    let layout = try CodeLayout(elf)
    var maps = try MapTable(
      elf, types: types, objectName: name,
      hasTailSections: layout.sections.values.contains {
        TailSlots.numbers(inSectionName: $0.section.name) != nil
      })
    try InitialSlots(elf: elf, layout: layout).fill(&maps)
    var programs = ProgramList(
      linker: Linker(
        elf: elf, layout: layout, maps: maps,
        notes: try CodeNotes(types: types, records: records)),
      tailSlots: try TailSlots(types: types), maps: maps.specs)
    programs.linkAll()

    self.name = name
    self.programs = programs.programs
    self.refused = programs.refused
    self.maps = programs.maps
    self.types = types
    self.elf = elf
    btfBytes = types.map { Array($0.region.bytes) }
    license = try elf.content(named: "license").flatMap { (region) throws(ObjectFileError) in
      region.count > 0 ? try region.string(at: 0, cut: true) : nil
    }
    let version = elf.content(named: "version")
    kernelVersion = try version.flatMap { (region) throws(ObjectFileError) in
      region.count >= 4 ? try region.u32(at: 0) : nil
    }
  }

  /// The program of a name, if it can be used.
  public func program(named name: String) -> ProgramSpec? {
    programs.first { $0.name == name }
  }

  /// The map of a name: the variable's or the section's, or the one that Linux shows.
  public func map(named name: String) -> MapSpec? {
    maps.first { $0.name == name } ?? maps.first { $0.kernelName == name }
  }
}
