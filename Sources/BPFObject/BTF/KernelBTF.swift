extension ObjectFile {
  /// The type information in the form that Linux takes, or `nil` if the object has none.
  ///
  /// Compilers leave the sizes of sections and the offsets of variables to the linker, and Linux
  /// knows nothing of externs. Ids and string offsets stay as they are in ``btfBytes``.
  public func kernelBTF() -> [UInt8]? {
    guard let types, var patch = BTFPatch(types: types) else { return nil }
    // What cannot be read stays as it is: Linux will say what it thinks of it.
    try? patch.relocate(elf)
    try? patch.fixSections(elf)
    try? patch.fixFunctions(elf)
    return patch.bytes
  }
}

/// A copy of the type information that is being changed.
private struct BTFPatch {
  let types: BTF
  private(set) var bytes: [UInt8]
  private let start: Int
  /// The name that nameless parameters get: any that is an identifier.
  private let anyName: UInt32
  private let anyInteger: UInt32

  init?(types: BTF) {
    self.types = types
    bytes = Array(types.region.bytes)
    start = types.region.range.lowerBound
    let integer = types.types.firstIndex { $0.kind == .integer }
    anyInteger = UInt32(truncatingIfNeeded: integer ?? 0)
    anyName =
      types.types.first { $0.kind == .function || $0.kind == .structure && $0.nameOffset != 0 }?
      .nameOffset ?? 0
  }

  private mutating func store(_ value: UInt32, at offset: Int) {
    guard offset >= 0, offset <= bytes.count - 4 else { return }
    for index in 0..<4 {
      bytes[offset + index] = UInt8(
        truncatingIfNeeded: value >> UInt32(truncatingIfNeeded: index * 8))
    }
  }

  private func load(at offset: Int) -> UInt32 {
    guard offset >= 0, offset <= bytes.count - 4 else { return 0 }
    return (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32($1 * 8) }
  }

  /// Where a type's details begin in the copy.
  private func details(_ type: BTFType) -> Int { type.details.range.lowerBound - start }

  /// Adds the values of symbols to the offsets of variables.
  mutating func relocate(_ elf: ELFFile) throws(ObjectFileError) {
    guard let section = elf.sections.first(where: { $0.name == types.region.name }) else { return }
    for relocation in try elf.relocations(of: section) where relocation.kind != .none {
      let symbol = elf.symbols[relocation.symbol]
      guard case .section = symbol.place else { continue }
      store(
        load(at: relocation.offset) &+ UInt32(truncatingIfNeeded: symbol.value),
        at: relocation.offset)
    }
  }

  mutating func fixSections(_ elf: ELFFile) throws(ObjectFileError) {
    for type in types.types where type.kind == .section {
      let name = try types.string(type.nameOffset)
      let isExtern = name == ".ksyms" || name == ".kconfig"
      guard !isExtern, let section = elf.sections.first(where: { $0.name == name }) else {
        try dissolve(type)
        continue
      }
      if type.sizeOrType == 0 {
        store(UInt32(clamping: section.size), at: details(type) - 4)
      }
      sortVariables(type)
    }
    for type in types.types where type.kind == .variable {
      // Linkage 2 is extern, which only a linker may see; 1 is global.
      if try type.details.u32(at: 0) == 2 { store(1, at: details(type)) }
    }
  }

  /// Linux wants the variables of a section by ascending offset.
  private mutating func sortVariables(_ type: BTFType) {
    let base = details(type)
    let entries = (0..<type.count).map { index in
      (0..<3).map { load(at: base + index * 12 + $0 * 4) }
    }
    for (index, entry) in entries.sorted(by: { $0[1] < $1[1] }).enumerated() {
      for (field, value) in entry.enumerated() { store(value, at: base + index * 12 + field * 4) }
    }
  }

  /// Turns a section that does not exist into a structure of integers: its record has the same
  /// length, so that all ids stay.
  private mutating func dissolve(_ type: BTFType) throws(ObjectFileError) {
    let base = details(type)
    store(0, at: base - 12)
    store(UInt32(BTFType.Kind.structure.rawValue) << 24 | UInt32(type.count), at: base - 8)
    store(anyInteger == 0 ? 0 : try types.size(of: anyInteger), at: base - 4)
    for index in 0..<type.count {
      store(0, at: base + index * 12)
      store(anyInteger, at: base + index * 12 + 4)
      store(0, at: base + index * 12 + 8)
    }
  }

  /// Gives functions the linkage that the symbols say, and the parameters of externs names.
  mutating func fixFunctions(_ elf: ELFFile) throws(ObjectFileError) {
    let hidden = Set(
      elf.symbols.lazy.filter { $0.isFunction && $0.isHidden && !$0.isLocal }.map(\.name))
    for type in types.types where type.kind == .function {
      let function = UInt32(BTFType.Kind.function.rawValue) << 24
      if type.count > 1 {
        store(function | 1, at: details(type) - 8)
        let prototype = try types.type(type.sizeOrType)
        guard prototype.kind == .functionPrototype else { continue }
        for index in 0..<prototype.count
        where load(at: details(prototype) + index * 8) == 0
          && load(at: details(prototype) + index * 8 + 4) != 0
        {
          store(anyName, at: details(prototype) + index * 8)
        }
      } else if type.count == 1, try hidden.contains(types.string(type.nameOffset)) {
        store(function, at: details(type) - 8)
      }
    }
  }
}
