import BPFObject
public import BPFRuntime

/// What the verifier has to know about a map.
public struct MapShape: Hashable, Sendable {
  /// Kind, sizes and flags.
  public var definition: MapDefinition
  /// Contents that nobody can change any more: of a frozen array that programs only read. Loads
  /// from them are constants.
  public var constants: [UInt8]?
  /// Of a map of maps: the template's index among the program's maps.
  public var inner: Int?
  /// Where the spin lock is in the value, if there is one.
  public var lockOffset: Int?

  /// Describes a map.
  public init(
    _ definition: MapDefinition, constants: [UInt8]? = nil, inner: Int? = nil,
    lockOffset: Int? = nil
  ) {
    self.definition = definition
    self.constants = constants
    self.inner = inner
    self.lockOffset = lockOffset ?? definition.lockOffset.map { Int($0) }
  }

  /// An object's map, followed by the template of its inner maps if it has one.
  static func shapes(of spec: MapSpec, possibleCPUs: UInt32) -> [MapShape] {
    var definition = MapDefinition(
      name: spec.name, type: MapType(rawValue: spec.type), keySize: spec.keySize,
      valueSize: spec.valueSize, maxEntries: spec.maxEntries,
      flags: MapFlags(rawValue: spec.flags), extra: spec.extra)
    if spec.isReadOnly { definition.flags.insert(.readOnlyForPrograms) }
    if definition.maxEntries == 0, definition.type == .perfEventArray {
      definition.maxEntries = possibleCPUs
    }
    definition.lockOffset = spec.lockOffset
    let shape = MapShape(definition, constants: spec.isReadOnly ? spec.initialValue : nil)
    return [shape] + (spec.innerMap.map { shapes(of: $0, possibleCPUs: possibleCPUs) } ?? [])
  }

  var type: MapType { definition.type }
  var valueSize: Int { Int(definition.valueSize) }
  var keySize: Int { Int(definition.keySize) }

  /// Whether the values have addresses that a program can hold without a lookup.
  var hasDirectValue: Bool { definition.type == .array && definition.maxEntries == 1 }

  /// Whether keys are indices and every key up to the limit exists.
  var isArray: Bool {
    definition.type == .array || definition.type == .perCPUArray
  }
}
