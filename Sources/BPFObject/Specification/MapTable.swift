/// The object's maps and where they stand, for the relocations that refer to them.
struct MapTable: Sendable {
  /// A map's definition in its section.
  struct Place: Sendable {
    let range: Range<Int>
    let map: Int
  }

  /// The initial slots of a map, in its section.
  struct Values: Sendable {
    let section: Int
    /// Bytes of the pointers, eight each.
    let range: Range<Int>
    let map: Int
  }

  var specs: [MapSpec] = []
  /// By section index: the definitions, by ascending offset.
  var definitions: [Int: [Place]] = [:]
  /// By section index: the map of its global variables.
  var data: [Int: Int] = [:]
  /// Where initial slots are written down.
  var values: [Values] = []
  /// By name: configuration values that may be missing, as places in a map of zeros.
  var weakConfiguration: [String: Reference] = [:]

  /// Collects every map of the object: definitions first, then global data, each in file order.
  init(
    _ elf: ELFFile, types: BTF?, objectName: String, hasTailSections: Bool
  ) throws(ObjectFileError) {
    let symbols = Dictionary(
      grouping: elf.symbols.lazy.filter { !$0.isSection },
      by: { if case .section(let index) = $0.place { index } else { 0 } })
    for section in elf.sections where !section.isExecutable {
      let placed = symbols[section.index] ?? []
      if section.name == ".maps" {
        try addTyped(section, symbols: placed, types: types)
      } else if section.name == "maps" || section.name.hasPrefix("maps/") {
        try addLegacy(
          section, symbols: placed, types: types, hasTailSections: hasTailSections)
      }
    }
    connectInnerMaps()
    var zeros: UInt64 = 0
    for section in elf.sections where section.isAllocated && !section.isExecutable {
      try addData(section, objectName: objectName, zeros: &zeros)
    }
    if let types { try addConfiguration(elf, types: types, objectName: objectName) }
  }

  mutating func add(_ spec: MapSpec, section: Int, range: Range<Int>) {
    var spec = spec
    spec.completeSizes()
    definitions[section, default: []].append(Place(range: range, map: specs.count))
    specs.append(spec)
  }

  /// The map whose definition covers a byte of a section.
  func map(section: Int, offset: Int) -> Place? {
    guard let places = definitions[section] else { return nil }
    let next = places.boundary { $0.range.lowerBound <= offset }
    guard next > 0, places[next - 1].range.contains(offset) else { return nil }
    return places[next - 1]
  }

  /// Where each variable of a section begins and ends, in order. What the symbols do not say
  /// follows from the next one's start.
  static func extents(
    of symbols: [ELFSymbol], in section: ELFSection
  ) throws(ObjectFileError) -> [(name: String, range: Range<Int>)] {
    let end = section.content?.count ?? 0
    let variables = symbols.filter { ($0.type <= 1) && !$0.name.isEmpty }
      .sorted { $0.value < $1.value }
    var extents: [(name: String, range: Range<Int>)] = []
    for (index, symbol) in variables.enumerated() {
      let start = Int(hostile: symbol.value)
      guard start < end else {
        throw ObjectFileError(
          .map, "the map lies outside its section", section: section.name, symbol: symbol.name)
      }
      let next = index + 1 < variables.count ? Int(hostile: variables[index + 1].value) : end
      // Two names for one place are one map.
      guard next > start else { continue }
      var stop = min(next, end)
      let size = Int(hostile: symbol.size)
      if size > 0, size < stop - start { stop = start + size }
      extents.append((symbol.name, start..<stop))
    }
    return extents
  }
}

extension MapTable {
  /// Most that a section of zeros may add to one object, all together: no file pays for it.
  static let mostZeros: UInt64 = 64 << 20

  /// Whether loaders turn a section into a map of global variables.
  static func isData(_ name: String) -> Bool {
    [".data", ".bss", ".rodata"].contains { name == $0 || name.hasPrefix($0 + ".") }
  }

  private mutating func addData(
    _ section: ELFSection, objectName: String, zeros: inout UInt64
  ) throws(ObjectFileError) {
    guard Self.isData(section.name), section.size > 0 else { return }
    let value: [UInt8]
    if let content = section.content {
      value = Array(content.bytes)
    } else {
      zeros = zeros.addingReportingOverflow(section.size).overflow ? .max : zeros &+ section.size
      guard zeros <= Self.mostZeros else {
        throw ObjectFileError(
          .tooLarge, "\(section.size) bytes of zero-initialised variables", section: section.name)
      }
      value = [UInt8](repeating: 0, count: Int(hostile: section.size))
    }
    var spec = MapSpec(
      name: section.name, type: MapSpec.TypeNumber.array, keySize: 4,
      valueSize: UInt32(clamping: value.count), maxEntries: 1, origin: .data)
    spec.kernelName = MapSpec.kernelName(section: section.name, object: objectName)
    spec.initialValue = value
    spec.isReadOnly = section.name.hasPrefix(".rodata")
    if spec.isReadOnly { spec.flags = Self.readOnlyForPrograms }
    data[section.index] = specs.count
    specs.append(spec)
  }

  /// Weak externs of `.kconfig` have the value zero, so they need a place that holds it.
  private mutating func addConfiguration(
    _ elf: ELFFile, types: BTF, objectName: String
  ) throws(ObjectFileError) {
    let name = ".kconfig"
    let weak = Set(elf.symbols.lazy.filter { $0.isWeak && $0.place == .undefined }.map(\.name))
    guard !weak.isEmpty else { return }
    var end: UInt64 = 0
    let variables = try types.variables(ofSection: name).sorted { $0.key < $1.key }
    for (variable, type) in variables where weak.contains(variable) {
      weakConfiguration[variable] = .mapValue(
        map: specs.count, offset: UInt32(clamping: end))
      end += (UInt64(try types.size(of: type)) + 7) & ~7
      guard end <= Self.mostZeros else {
        throw ObjectFileError(.tooLarge, "configuration values of \(end) bytes", section: name)
      }
    }
    guard end > 0 else { return }
    var spec = MapSpec(
      name: name, type: MapSpec.TypeNumber.array, keySize: 4, valueSize: UInt32(clamping: end),
      maxEntries: 1, flags: Self.readOnlyForPrograms, origin: .data)
    spec.kernelName = MapSpec.kernelName(section: name, object: objectName)
    spec.initialValue = [UInt8](repeating: 0, count: Int(end))
    spec.isReadOnly = true
    specs.append(spec)
  }

  /// `BPF_F_RDONLY_PROG`.
  private static let readOnlyForPrograms: UInt32 = 1 << 7
}
