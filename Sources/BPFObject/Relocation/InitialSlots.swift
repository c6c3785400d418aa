/// What `values` of the section `.maps` put into program arrays and maps of maps.
struct InitialSlots {
  let elf: ELFFile
  let layout: CodeLayout

  /// Follows the relocations of the section and fills the slots of the maps.
  func fill(_ maps: inout MapTable) throws(ObjectFileError) {
    let values = maps.values.sorted {
      ($0.section, $0.range.lowerBound) < ($1.section, $1.range.lowerBound)
    }
    for section in elf.sections where maps.definitions[section.index] != nil {
      guard let content = section.content else { continue }
      let places = values.filter { $0.section == section.index }
      for relocation in try elf.relocations(of: section) where relocation.kind != .none {
        do {
          try fill(relocation, places: places, content: content, maps: &maps)
        } catch {
          throw error.located(
            section: section.name, offset: content.fileOffset(relocation.offset))
        }
      }
    }
  }

  private func fill(
    _ relocation: ELFRelocation, places: [MapTable.Values], content: ByteRegion,
    maps: inout MapTable
  ) throws(ObjectFileError) {
    let next = places.boundary { $0.range.lowerBound <= relocation.offset }
    guard next > 0, places[next - 1].range.contains(relocation.offset) else {
      throw ObjectFileError(.relocation, "a relocation outside the values of any map")
    }
    let place = places[next - 1]
    let distance = relocation.offset - place.range.lowerBound
    guard distance.isMultiple(of: 8) else {
      throw ObjectFileError(.relocation, "a relocation in the middle of a map's value")
    }
    let symbol = elf.symbols[relocation.symbol]
    guard case .section(let section) = symbol.place else {
      throw ObjectFileError(
        .unresolvedExtern, "extern \(symbol.label) among the values of a map",
        symbol: symbol.name)
    }
    let offset = Int(hostile: symbol.value &+ (try content.u64(at: relocation.offset)))
    let value: MapSpec.SlotValue
    if let function = layout.function(section: section, slot: offset / 8),
      maps.specs[place.map].isProgramArray
    {
      value = .program(layout.functions[function].name)
    } else if let inner = maps.map(section: section, offset: offset),
      inner.range.lowerBound == offset, maps.specs[place.map].isMapOfMaps
    {
      value = .map(inner.map)
    } else {
      throw ObjectFileError(
        .relocation,
        "\(symbol.label) cannot be a value of map \(maps.specs[place.map].name)")
    }
    maps.specs[place.map].initialSlots[UInt32(clamping: distance / 8)] = value
  }
}
