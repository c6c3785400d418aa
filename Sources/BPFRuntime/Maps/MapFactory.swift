/// Makes the map that a definition describes: the one place that goes by the kind's number.
///
/// A family of kinds registers with one table of its own; ``makers`` joins them.
struct MapFactory {
  /// Makes a map of one kind.
  typealias Maker = @Sendable (MapFactory) throws(LinuxError) -> Map

  var definition: MapDefinition
  let id: UInt32
  let possibleCPUs: Int
  let epochs: Epochs
  let chains: Chains
  let registry: Registry
  /// What the inner maps of a map of maps have to be like.
  var template: Map?

  /// The map.
  ///
  /// - Throws: As ``Runtime/makeMap(_:)`` does.
  func make() throws(LinuxError) -> Map {
    // Linux cannot open a map for nothing at all.
    if definition.flags.isSuperset(of: [.readOnly, .writeOnly]) { throw .invalid }
    guard let maker = Self.makers[definition.type] else { throw .notSupported }
    return try maker(self)
  }

  private static let makers: [MapType: Maker] =
    [structures, programs, events, targets, storages].reduce(into: [:]) {
      $0.merge($1) { first, _ in first }
    }

  /// Kinds that hold data.
  private static let structures: [MapType: Maker] = [
    .array: makeArray, .perCPUArray: makeArray, .hash: makeHash, .perCPUHash: makeHash,
  ]

  /// Kinds that hold programs.
  private static let programs: [MapType: Maker] = [
    .programArray: { factory throws(LinuxError) in
      try ProgramArray(
        definition: factory.definition, id: factory.id, chains: factory.chains,
        registry: factory.registry)
    }
  ]

  private static let makeArray: Maker = { factory throws(LinuxError) in
    try ArrayMap(
      definition: factory.definition, id: factory.id, possibleCPUs: factory.possibleCPUs)
  }

  private static let makeHash: Maker = { factory throws(LinuxError) in
    try HashMap(
      definition: factory.definition, id: factory.id, possibleCPUs: factory.possibleCPUs,
      epochs: factory.epochs)
  }
}

/// Sizes that Linux refuses.
enum MapLimits {
  /// Bytes of a per-CPU value: E2BIG above (maps-and-helpers.md 11.4).
  static let perCPUValueSize = 32768
  /// Bytes of key and value of a hash element together, from which on they are E2BIG: what one
  /// kernel allocation can hold, without the kernel's own header.
  static let hashElementSize: UInt64 = (4 << 20) - 48
  /// Entries of a hash: E2BIG above, because Linux counts the bytes of its buckets in 32 bits.
  static let hashEntries: UInt32 = 1 << 27
}

extension MapFlags {
  /// Whether programs are left some right to the values.
  var permitSomething: Bool { !isSuperset(of: [.readOnlyForPrograms, .writeOnlyForPrograms]) }
}
