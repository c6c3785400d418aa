/// Map definitions from before there was type information: structures of 32-bit words in a section
/// `maps`. All begin with type, key size, value size, number of entries and, except the oldest,
/// flags. What follows depends on who wrote the header:
///
/// - libbpf: nothing (20 bytes);
/// - the kernel's samples: index of the inner map, NUMA node (24 or 28 bytes);
/// - iproute2: id, pinning, id of the inner map, slot in the outer one (28, 36 or more bytes).
extension MapTable {
  mutating func addLegacy(
    _ section: ELFSection, symbols: [ELFSymbol], types: BTF?, hasTailSections: Bool
  ) throws(ObjectFileError) {
    guard let content = section.content, content.count > 0 else { return }
    var extents = try Self.extents(of: symbols, in: section)
    if extents.isEmpty {
      guard section.name.hasPrefix("maps/") else {
        throw ObjectFileError(
          .map, "map definitions without symbols", offset: content.fileOffset(0),
          section: section.name)
      }
      extents = [(String(section.name.dropFirst(5)), 0..<content.count)]
    }
    let isIproute2 =
      hasTailSections || (types?.hasStructure(named: "bpf_elf_map") ?? false)
    for (name, range) in extents {
      let words: [UInt32]
      do {
        words = try Self.words(content.part(at: range.lowerBound, count: range.count))
      } catch {
        throw error.located(section: section.name, symbol: name)
      }
      let spec = Self.legacySpec(name: name, words: words, isIproute2: isIproute2)
      add(spec, section: section.index, range: range)
    }
  }

  private static func words(_ definition: ByteRegion) throws(ObjectFileError) -> [UInt32] {
    guard definition.count >= 16 else {
      throw ObjectFileError(
        .map, "a map definition of \(definition.count) bytes; the shortest has 16",
        offset: definition.fileOffset(0))
    }
    var words: [UInt32] = []
    for index in 0..<min(definition.count / 4, 9) {
      words.append(try definition.u32(at: index * 4))
    }
    return words
  }

  private static func legacySpec(name: String, words: [UInt32], isIproute2: Bool) -> MapSpec {
    func word(_ index: Int) -> UInt32 { index < words.count ? words[index] : 0 }
    // Nobody but iproute2 ever had nine words.
    let isIproute2 = isIproute2 || words.count >= 9
    var spec = MapSpec(
      name: name, type: word(0), keySize: word(1), valueSize: word(2), maxEntries: word(3),
      flags: word(4), origin: isIproute2 ? .iproute2 : .legacy)
    if isIproute2 {
      spec.iproute2ID = word(5)
      spec.pinning = word(6)
      spec.legacyInner = (word(7), words.count >= 9 ? word(8) : .max)
    } else {
      spec.legacyInner = (word(5), .max)
      spec.numaNode = word(6)
    }
    return spec
  }

  /// Gives the maps of maps that are described by number their inner maps, and puts iproute2's
  /// inner maps into their slots.
  mutating func connectInnerMaps() {
    var byID: [UInt32: [Int]] = [:]
    for (index, spec) in specs.enumerated() where spec.iproute2ID != 0 {
      byID[spec.iproute2ID, default: []].append(index)
    }
    for index in specs.indices where specs[index].isMapOfMaps {
      let wanted = specs[index].legacyInner.inner
      switch specs[index].origin {
      case .legacy:
        guard Int(wanted) < specs.count, Int(wanted) != index else { continue }
        if !specs[Int(wanted)].isMapOfMaps { specs[index].innerMap = specs[Int(wanted)] }
      case .iproute2:
        guard wanted != 0, let inners = byID[wanted] else { continue }
        for inner in inners where !specs[inner].isMapOfMaps {
          if specs[index].innerMap == nil { specs[index].innerMap = specs[inner] }
          let slot = specs[inner].legacyInner.slot
          if slot != .max { specs[index].initialSlots[slot] = .map(inner) }
        }
      case .btf, .data: continue
      }
    }
  }
}
