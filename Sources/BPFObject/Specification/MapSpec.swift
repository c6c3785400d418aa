/// A map as the object describes it.
public struct MapSpec: Hashable, Sendable {
  /// The variable's name; for global data the section's name; for the template of inner maps
  /// the outer map's name and `.inner`.
  public var name: String
  /// The name that Linux shows under libbpf: at most 15 characters; for `.data`, `.bss` and
  /// `.rodata` the object's name comes first.
  public var kernelName: String
  /// Linux's map type number (`enum bpf_map_type`).
  public var type: UInt32
  /// Bytes of a key.
  public var keySize: UInt32
  /// Bytes of a value.
  public var valueSize: UInt32
  /// Number of entries; 0 where the loader has to choose one, such as the number of CPUs.
  public var maxEntries: UInt32
  /// Linux's `BPF_F_` flags.
  public var flags: UInt32
  /// `map_extra`.
  public var extra: UInt64 = 0
  /// The NUMA node that the flags may ask for.
  public var numaNode: UInt32 = 0
  /// The pinning asked for: 0 is none, 1 libbpf's by name; iproute2 has 1 for the object's own
  /// and 2 for the global name space, and others use more.
  public var pinning: UInt32 = 0
  /// What kind of definition it comes from.
  public var origin: Origin
  /// For global data: the value of the only entry, ``valueSize`` bytes.
  public var initialValue: [UInt8]?
  /// Whether nobody may change the contents once they are there: constants.
  public var isReadOnly = false
  /// What stands in the slots of a program array or an outer map from the start.
  public var initialSlots: [UInt32: SlotValue] = [:]
  /// The key's type in the object's type information.
  public var keyTypeID: UInt32?
  /// The value's type in the object's type information.
  public var valueTypeID: UInt32?
  /// iproute2's number for the map; 0 if it has none.
  public var iproute2ID: UInt32 = 0

  /// How older definitions name the inner map and the slot it goes to; `.max` is no slot.
  var legacyInner: (inner: UInt32, slot: UInt32) {
    get { (innerNumber, innerSlot) }
    set { (innerNumber, innerSlot) = newValue }
  }

  private var innerNumber: UInt32 = 0
  private var innerSlot: UInt32 = .max
  private var inner: [MapSpec] = []

  /// What the maps inside a map of maps look like.
  public var innerMap: MapSpec? {
    get { inner.first }
    set { inner = newValue.map { [$0] } ?? [] }
  }

  /// Forms of definition.
  public enum Origin: Hashable, Sendable {
    /// Types in the section `.maps`.
    case btf
    /// A structure in a section `maps`, as the kernel's samples and early libbpf had it.
    case legacy
    /// A structure in a section `maps`, as iproute2 has it.
    case iproute2
    /// A section of global variables.
    case data
  }

  /// What a slot holds from the start.
  public enum SlotValue: Hashable, Sendable {
    /// A program of the same object, by name.
    case program(String)
    /// A map, by index in ``ObjectFile/maps``.
    case map(Int)
  }

  /// Describes a map.
  public init(
    name: String, type: UInt32, keySize: UInt32 = 0, valueSize: UInt32 = 0,
    maxEntries: UInt32 = 0, flags: UInt32 = 0, origin: Origin = .btf
  ) {
    self.name = name
    kernelName = Self.kernelName(name)
    self.type = type
    self.keySize = keySize
    self.valueSize = valueSize
    self.maxEntries = maxEntries
    self.flags = flags
    self.origin = origin
  }
}

extension MapSpec {
  /// Numbers of the map types that this module treats specially.
  enum TypeNumber {
    static let array: UInt32 = 2
    static let programArray: UInt32 = 3
    static let perfEventArray: UInt32 = 4
    static let arrayOfMaps: UInt32 = 12
    static let hashOfMaps: UInt32 = 13
    static let ringBuffer: UInt32 = 27
    static let userRingBuffer: UInt32 = 31
  }

  /// Whether the values are other maps.
  public var isMapOfMaps: Bool {
    type == TypeNumber.arrayOfMaps || type == TypeNumber.hashOfMaps
  }

  /// Whether the values are programs.
  public var isProgramArray: Bool { type == TypeNumber.programArray }

  /// Fills in the sizes that real objects leave out because there is only one possibility.
  mutating func completeSizes() {
    switch type {
    case TypeNumber.perfEventArray, TypeNumber.programArray:
      if keySize == 0 { keySize = 4 }
      if valueSize == 0 { valueSize = 4 }
    case TypeNumber.arrayOfMaps, TypeNumber.hashOfMaps:
      if valueSize == 0 { valueSize = 4 }
    case TypeNumber.ringBuffer, TypeNumber.userRingBuffer:
      keySize = 0
      valueSize = 0
    default: break
    }
  }

  /// A name as Linux takes it: at most 15 characters out of letters, digits, `_` and `.`.
  static func kernelName(_ name: String) -> String {
    let bytes = name.utf8.prefix(15).map { byte -> UInt8 in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2e: byte
      default: 0x5f
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The name of a section of global variables: the object's name goes before the standard ones.
  static func kernelName(section: String, object: String) -> String {
    guard !section.dropFirst().contains(".") else { return kernelName(section) }
    let room = 15 - min(15, max(7, section.utf8.count))
    return kernelName(String(decoding: object.utf8.prefix(room), as: UTF8.self) + section)
  }
}
