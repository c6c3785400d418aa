/// Which slots of program arrays the programs of an object ask for.
struct TailSlots {
  /// By function type: the texts of its tags that begin with `tail:`.
  private let tags: [UInt32: [String]]

  init(types: BTF?) throws(ObjectFileError) {
    var tags: [UInt32: [String]] = [:]
    if let types {
      for tag in types.types where tag.kind == .declarationTag {
        let text = try types.string(tag.nameOffset)
        // Component -1 is the declaration itself, not a parameter or member.
        guard text.hasPrefix("tail:"), try tag.details.u32(at: 0) == .max else { continue }
        tags[tag.sizeOrType, default: []].append(String(text.dropFirst(5)))
      }
    }
    self.tags = tags
  }

  /// iproute2's section name: the map's number and the slot, decimal or hexadecimal.
  static func numbers(inSectionName name: String) -> (id: UInt32, slot: UInt32)? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let id = number(parts[0]), let slot = number(parts[1]) else {
      return nil
    }
    return (id, slot)
  }

  /// The slots that a program asks for, by tags first.
  func slots(
    of program: ProgramSpec, maps: [MapSpec]
  ) throws(ObjectFileError) -> [TailSlot] {
    var slots: [TailSlot] = []
    if let type = program.functions.first?.btfTypeID {
      for text in tags[type] ?? [] { slots.append(try slot(tag: text, maps: maps)) }
    }
    // Many objects have sections with such names and nothing to do with iproute2.
    if let (id, slot) = Self.numbers(inSectionName: program.section), id != 0,
      let map = maps.first(where: { $0.iproute2ID == id && $0.isProgramArray })
    {
      try check(slot, of: map)
      slots.append(TailSlot(array: map.name, slot: slot))
    }
    return slots
  }

  private func slot(tag: String, maps: [MapSpec]) throws(ObjectFileError) -> TailSlot {
    guard let slash = tag.lastIndex(of: "/"),
      let slot = Self.number(tag[tag.index(after: slash)...])
    else {
      throw ObjectFileError(.tailSlot, "tag \"tail:\(tag)\" is not tail:ARRAY/SLOT")
    }
    let name = String(tag[..<slash])
    guard let map = maps.first(where: { $0.name == name }), map.isProgramArray else {
      throw ObjectFileError(.tailSlot, "tag \"tail:\(tag)\": no program array named \(name)")
    }
    try check(slot, of: map)
    return TailSlot(array: name, slot: slot)
  }

  private func check(_ slot: UInt32, of map: MapSpec) throws(ObjectFileError) {
    guard slot < map.maxEntries else {
      throw ObjectFileError(
        .tailSlot, "slot \(slot) of \(map.name), which has \(map.maxEntries) slots")
    }
  }

  private static func number(_ text: Substring) -> UInt32? {
    text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
  }
}
