public import BPFObject
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
  /// Parts of a value that programs only touch through helpers: locks, timers, pointers.
  public var specialFields: [SpecialField]

  /// Whether type information describes the values.
  public var isTyped: Bool

  /// Describes a map.
  public init(
    _ definition: MapDefinition, constants: [UInt8]? = nil, inner: Int? = nil,
    specialFields: [SpecialField] = [], isTyped: Bool = false
  ) {
    self.definition = definition
    self.constants = constants
    self.inner = inner
    self.specialFields = specialFields
    self.isTyped = isTyped
    if let offset = definition.lockOffset, specialFields.isEmpty {
      // Such a definition stands for a map whose values' type was described.
      self.specialFields = [SpecialField(.spinLock, offset: Int(offset), byteCount: 4)]
      self.isTyped = true
    }
  }

  /// Linux's words for a map whose values have no field of a kind.
  var missing: String { isTyped ? "has no valid" : "has to have BTF in order to use" }

  /// The place of the value's spin lock, if it has one.
  var lockOffset: Int? { offset(of: .spinLock) }

  /// Whether it matters which value an address belongs to.
  var isNamed: Bool { lockOffset != nil }

  /// Whether a pointer to a kernel object stands at a place in the value.
  func holdsPointer(at offset: Int) -> Bool {
    specialFields.contains { $0.kind.isPointer && $0.offset == offset }
  }

  /// The place of the value's only field of a kind.
  func offset(of kind: SpecialField.Kind) -> Int? {
    specialFields.first { $0.kind == kind }?.offset
  }

  /// An object's map, followed by the template of its inner maps if it has one.
  static func shapes(
    of spec: MapSpec, in object: ObjectFile, possibleCPUs: UInt32
  ) -> [MapShape] {
    var definition = MapDefinition(
      name: spec.name, type: MapType(rawValue: spec.type), keySize: spec.keySize,
      valueSize: spec.valueSize, maxEntries: spec.maxEntries,
      flags: MapFlags(rawValue: spec.flags), extra: spec.extra)
    if spec.isReadOnly { definition.flags.insert(.readOnlyForPrograms) }
    if definition.maxEntries == 0, definition.type == .perfEventArray {
      definition.maxEntries = possibleCPUs
    }
    let shape = MapShape(
      definition, constants: spec.isReadOnly ? spec.initialValue : nil,
      specialFields: object.specialFields(of: spec), isTyped: spec.valueTypeID != nil)
    let inner = spec.innerMap.map { shapes(of: $0, in: object, possibleCPUs: possibleCPUs) }
    return [shape] + (inner ?? [])
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
