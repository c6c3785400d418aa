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
  /// - Throws: As ``Runtime/makeMap(_:template:)`` does.
  func make() throws(LinuxError) -> Map {
    // Linux cannot open a map for nothing at all.
    if definition.flags.isSuperset(of: [.readOnly, .writeOnly]) { throw .invalid }
    guard let maker = Self.makers[definition.type] else { throw .notSupported }
    let map = try maker(self)
    try checkParts()
    return map
  }

  /// Whether values of the kind can have a spin lock and a timer, and have room for them where they
  /// shall be.
  private func checkParts() throws(LinuxError) {
    let lock = definition.lockOffset.map { UInt64($0)..<UInt64($0) + 4 }
    let timer = definition.timerOffset.map { UInt64($0)..<UInt64($0) + 16 }
    if let lock, let timer, lock.overlaps(timer) { throw .invalid }
    try check(lock, alignment: 4, in: Self.lockableTypes)
    try check(timer, alignment: 8, in: [.hash, .lruHash, .array])
  }

  private static let lockableTypes: [MapType] = [
    .hash, .array, .controlGroupStorage, .socketStorage, .inodeStorage, .taskStorage,
    .objectControlGroupStorage,
  ]

  private func check(
    _ part: Range<UInt64>?, alignment: UInt64, in types: [MapType]
  ) throws(LinuxError) {
    guard let part else { return }
    guard definition.flags.isDisjoint(with: [.readOnlyForPrograms, .writeOnlyForPrograms]) else {
      throw .accessDenied
    }
    guard types.contains(definition.type) else { throw .operationNotSupported }
    guard part.lowerBound % alignment == 0, part.upperBound <= UInt64(definition.valueSize) else {
      throw .invalid
    }
  }

  private static let makers: [MapType: Maker] =
    [structures, programs, events, targets, storages].reduce(into: [:]) {
      $0.merge($1) { first, _ in first }
    }

  /// Kinds that hold data.
  private static let structures: [MapType: Maker] = [
    .array: makeArray, .perCPUArray: makeArray, .hash: makeHash, .perCPUHash: makeHash,
    .queue: makeQueue, .stack: makeQueue,
    .bloomFilter: { factory throws(LinuxError) in
      try BloomFilter(definition: factory.definition, id: factory.id)
    },
    .arrayOfMaps: makeMapOfMaps, .hashOfMaps: makeMapOfMaps,
    .lruHash: makeHash, .lruPerCPUHash: makeHash,
    .lpmTrie: { factory throws(LinuxError) in
      try TrieMap(
        definition: factory.definition, id: factory.id, possibleCPUs: factory.possibleCPUs,
        epochs: factory.epochs)
    },
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

  private static let makeQueue: Maker = { factory throws(LinuxError) in
    try QueueMap(definition: factory.definition, id: factory.id)
  }

  private static let makeMapOfMaps: Maker = { factory throws(LinuxError) in
    try MapOfMaps(factory)
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
  /// Bytes of a value of a queue, a stack or a filter: E2BIG above.
  static let queueValueSize: UInt32 = 4 << 20
  /// Bytes of a value of a trie: EINVAL above, because Linux has one allocation for a node.
  static let triesValueSize: UInt32 = (4 << 20) - 256 - 40
  /// Entries of a hash: E2BIG above, because Linux counts the bytes of its buckets in 32 bits.
  static let hashEntries: UInt32 = 1 << 27
}

extension MapFlags {
  /// Whether programs are left some right to the values.
  var permitSomething: Bool { !isSuperset(of: [.readOnlyForPrograms, .writeOnlyForPrograms]) }
}
