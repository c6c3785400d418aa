/// Map definitions as types: variables of the section `.maps`, whose structure's members say by
/// their types what the map is like (libbpf's convention).
extension MapTable {
  mutating func addTyped(
    _ section: ELFSection, symbols: [ELFSymbol], types: BTF?
  ) throws(ObjectFileError) {
    guard let content = section.content, content.count > 0 else { return }
    guard let types else {
      throw ObjectFileError(
        .map, "maps in .maps need type information: compile with -g", section: section.name)
    }
    let extents = try Self.extents(of: symbols, in: section)
    let variables = try types.variables(ofSection: section.name)
    for (name, range) in extents {
      guard let variable = variables[name] else {
        throw ObjectFileError(
          .map, "no type information for the map", section: section.name, symbol: name)
      }
      do {
        let reader = TypedMapReader(types: types)
        let (spec, valuesOffset) = try reader.read(name: name, type: variable)
        if let valuesOffset, range.lowerBound + valuesOffset < range.upperBound {
          values.append(
            Values(
              section: section.index, range: range.lowerBound + valuesOffset..<range.upperBound,
              map: specs.count))
        }
        add(spec, section: section.index, range: range)
      } catch {
        throw error.located(section: section.name, symbol: name)
      }
    }
  }
}

/// Reads one definition.
private struct TypedMapReader {
  let types: BTF
  /// More members than any definition has; keeps hostile files from being read again and again.
  static let mostMembers = 64

  func read(
    name: String, type: BTF.ID, isInner: Bool = false
  ) throws(ObjectFileError) -> (MapSpec, valuesOffset: Int?) {
    let (_, structure) = try types.resolved(type)
    guard structure.kind == .structure, structure.count <= Self.mostMembers else {
      throw ObjectFileError(.map, "the map's type is not a structure of map attributes")
    }
    var spec = MapSpec(name: name, type: 0)
    var valuesOffset: Int?
    for member in try structure.members() {
      let attribute = try types.string(member.nameOffset)
      if attribute == "values" {
        guard !isInner else {
          throw ObjectFileError(.map, "an inner map cannot have values itself")
        }
        try readValues(member.type, into: &spec)
        valuesOffset = Int(member.bitOffset / 8)
      } else {
        try read(attribute, member.type, into: &spec)
      }
    }
    spec.completeSizes()
    return (spec, valuesOffset)
  }

  private func read(
    _ attribute: String, _ type: BTF.ID, into spec: inout MapSpec
  ) throws(ObjectFileError) {
    switch attribute {
    case "type": spec.type = try number(type)
    case "key_size": spec.keySize = try number(type)
    case "value_size": spec.valueSize = try number(type)
    case "max_entries": spec.maxEntries = try number(type)
    case "map_flags": spec.flags = try number(type)
    case "map_extra": spec.extra = try wideNumber(type)
    case "numa_node": spec.numaNode = try number(type)
    case "pinning": spec.pinning = try number(type)
    case "key":
      let key = try pointee(type)
      spec.keySize = try types.size(of: key)
      spec.keyTypeID = key
    case "value":
      let value = try pointee(type)
      spec.valueSize = try types.size(of: value)
      spec.valueTypeID = value
    default: break
    }
  }

  /// `values` is an array of pointers: to programs, or to what the inner maps look like.
  private func readValues(_ type: BTF.ID, into spec: inout MapSpec) throws(ObjectFileError) {
    let (_, array) = try types.resolved(type)
    guard array.kind == .array else {
      throw ObjectFileError(.map, "the map's values are not an array")
    }
    let target = try pointee(try array.array().element)
    let (_, resolved) = try types.resolved(target)
    if resolved.kind == .structure {
      spec.innerMap = try read(name: "\(spec.name).inner", type: target, isInner: true).0
    } else if resolved.kind != .functionPrototype {
      throw ObjectFileError(.map, "the map's values are neither maps nor programs")
    }
    if spec.valueSize == 0 { spec.valueSize = 4 }
  }

  private func pointee(_ type: BTF.ID) throws(ObjectFileError) -> BTF.ID {
    let (_, pointer) = try types.resolved(type)
    guard pointer.kind == .pointer else {
      throw ObjectFileError(.map, "a map attribute that is not a pointer to a type")
    }
    return pointer.sizeOrType
  }

  /// A number is written as a pointer to an array of so many elements.
  private func number(_ type: BTF.ID) throws(ObjectFileError) -> UInt32 {
    let (_, array) = try types.resolved(try pointee(type))
    guard array.kind == .array else {
      throw ObjectFileError(.map, "a map attribute that is not a number")
    }
    return try array.array().count
  }

  /// A number that may be wide: an enumerator's value.
  private func wideNumber(_ type: BTF.ID) throws(ObjectFileError) -> UInt64 {
    let (_, resolved) = try types.resolved(type)
    guard resolved.kind == .enumeration || resolved.kind == .enumeration64 else {
      return UInt64(try number(type))
    }
    return try resolved.firstEnumerator() ?? 0
  }
}

extension BTF {
  /// By name: the types of a section's variables.
  func variables(ofSection name: String) throws(ObjectFileError) -> [String: ID] {
    var variables: [String: ID] = [:]
    for section in types where section.kind == .section {
      guard try string(section.nameOffset) == name else { continue }
      for entry in try section.variables() {
        let variable = try type(entry.type)
        guard variable.kind == .variable else { continue }
        variables[try string(variable.nameOffset)] = variable.sizeOrType
      }
    }
    return variables
  }

  /// Whether a structure of this name is described.
  func hasStructure(named name: String) -> Bool {
    types.contains { $0.kind == .structure && (try? string($0.nameOffset)) == name }
  }
}
