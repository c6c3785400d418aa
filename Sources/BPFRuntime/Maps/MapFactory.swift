/// Makes the map that a definition describes: the one place that goes by the kind's number.
struct MapFactory {
  let definition: MapDefinition
  let id: UInt32
  let possibleCPUs: Int
  let epochs: Epochs
  let registry: Registry

  /// The map.
  ///
  /// - Throws: As ``Runtime/makeMap(_:)`` does.
  func make() throws(LinuxError) -> Map {
    // Linux cannot open a map for nothing at all.
    if definition.flags.isSuperset(of: [.readOnly, .writeOnly]) { throw .invalid }
    switch definition.type {
    case .array, .perCPUArray:
      return try ArrayMap(definition: definition, id: id, possibleCPUs: possibleCPUs)
    case .hash, .perCPUHash:
      return try HashMap(
        definition: definition, id: id, possibleCPUs: possibleCPUs, epochs: epochs)
    case .programArray:
      return try ProgramArray(
        definition: definition, id: id, epochs: epochs, registry: registry)
    case .perfEventArray:
      return try PerfEventArray(
        definition: definition, id: id, possibleCPUs: possibleCPUs, epochs: epochs)
    case .ringBuffer:
      return try RingBufferMap(definition: definition, id: id)
    default: throw .notSupported
    }
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
