import BPFInstructions

extension Linker {
  /// Applies a relocation to the copy of its instruction; `end` is where its function ends.
  func apply(
    _ relocation: ELFRelocation, to draft: inout Draft, at slot: Int, end: Int
  ) throws(ObjectFileError) {
    guard relocation.offset.isMultiple(of: Instruction.byteCount) else {
      throw ObjectFileError(
        .relocation, "a relocation in the middle of an instruction",
        offset: relocation.fileOffset)
    }
    let instruction = draft.instructions[slot]
    let symbol = elf.symbols[relocation.symbol]
    switch instruction.opcode {
    case Opcode.call where instruction.source == .r1 || instruction.source.rawValue == 2:
      try call(symbol, from: instruction, at: slot, in: &draft)
    case Opcode.loadImmediate64:
      guard slot + 1 < end else {
        throw ObjectFileError(.relocation, "a ld_imm64 without its second half")
      }
      try load(symbol, into: instruction, at: slot, in: &draft)
    default:
      throw ObjectFileError(
        .relocation,
        "a relocation to \(symbol.label) on an instruction that refers to nothing "
          + "(opcode \(instruction.opcode))")
    }
  }

  private func call(
    _ symbol: ELFSymbol, from instruction: Instruction, at slot: Int, in draft: inout Draft
  ) throws(ObjectFileError) {
    guard let target = CodeLayout.target(of: symbol, from: instruction) else {
      guard symbol.place == .undefined, symbol.isWeak else {
        throw unresolved(symbol, "kernel function or subprogram")
      }
      // A weak function that is not there is never called: the program asks for its address
      // first. The call stays, to a helper that no verifier accepts where it can be reached.
      draft.instructions[slot].source = .r0
      draft.instructions[slot].immediate = .max
      return
    }
    guard layout.sections[target.section] != nil else {
      throw ObjectFileError(.relocation, "a call of \(symbol.label), which is not code")
    }
    draft.instructions[slot].source = .r1
    try refer(to: target, at: slot, fileOffset: nil, in: &draft)
  }

  private func load(
    _ symbol: ELFSymbol, into instruction: Instruction, at slot: Int, in draft: inout Draft
  ) throws(ObjectFileError) {
    let addend = instruction.wideImmediate(next: draft.instructions[slot + 1])
    let section: Int
    switch symbol.place {
    case .section(let index): section = index
    case .absolute:
      draft.setWide(symbol.value &+ addend, source: .immediate, at: slot)
      return
    case .undefined where symbol.isWeak:
      if case .mapValue(let map, let offset)? = maps.weakConfiguration[symbol.name] {
        draft.refer(toMap: map, offset: offset, at: slot)
      } else {
        draft.setWide(0, source: .immediate, at: slot)
      }
      return
    case .undefined, .other: throw unresolved(symbol, "kernel symbol or configuration value")
    }
    let offset = Int(hostile: symbol.value &+ UInt64(addend & 0xffff_ffff))
    if layout.sections[section] != nil {
      guard let target = CodeLayout.target(of: symbol, from: instruction) else { return }
      draft.setWide(0, source: .function, at: slot)
      try refer(to: target, at: slot, fileOffset: nil, in: &draft)
    } else if let map = maps.data[section] {
      guard offset <= maps.specs[map].valueSize else {
        throw ObjectFileError(.relocation, "a reference past the end of \(symbol.label)")
      }
      draft.refer(toMap: map, offset: UInt32(truncatingIfNeeded: offset), at: slot)
    } else if let place = maps.map(section: section, offset: offset) {
      guard offset == place.range.lowerBound else {
        throw ObjectFileError(
          .relocation, "a reference into the middle of map \(maps.specs[place.map].name)")
      }
      draft.references[slot] = .map(place.map)
      draft.setWide(UInt64(truncatingIfNeeded: place.map), source: .mapIndex, at: slot)
    } else {
      throw ObjectFileError(
        .relocation,
        "a reference to \(symbol.label) in section \(elf.sections[section].name), "
          + "which is neither code nor maps nor global data")
    }
  }

  private func unresolved(_ symbol: ELFSymbol, _ what: String) -> ObjectFileError {
    ObjectFileError(
      .unresolvedExtern, "extern \(symbol.label): a \(what) that this object does not define",
      symbol: symbol.name.isEmpty ? nil : symbol.name)
  }
}

extension ELFSymbol {
  /// What errors call the symbol.
  var label: String { name.isEmpty ? "a symbol without a name" : name }
}

extension Linker.Draft {
  /// Makes a `ld_imm64` load the address of a global variable.
  fileprivate mutating func refer(toMap map: Int, offset: UInt32, at slot: Int) {
    references[slot] = .mapValue(map: map, offset: offset)
    setWide(
      UInt64(truncatingIfNeeded: map) | UInt64(offset) << 32, source: .mapValueByIndex, at: slot)
  }

  /// Writes the immediate of a `ld_imm64` and what it stands for.
  fileprivate mutating func setWide(_ value: UInt64, source: PseudoSource, at slot: Int) {
    instructions[slot].source = Register(rawValue: source.rawValue)
    instructions[slot].immediate = Int32(truncatingIfNeeded: value)
    instructions[slot + 1].immediate = Int32(truncatingIfNeeded: value >> 32)
  }
}
