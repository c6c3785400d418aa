/// A map that lives in Linux.
///
/// Element operations throw the errno that bpf(2) gives, so that they can be compared with those of
/// our own maps. Safe to share: the kernel orders concurrent calls.
public final class KernelMap: Sendable {
  /// The map's descriptor.
  public let descriptor: KernelDescriptor
  /// What the map was created as.
  public let shape: Shape

  /// Creates a map.
  ///
  /// - Parameters:
  ///   - shape: Type, sizes and flags.
  ///   - name: Up to 15 bytes are kept.
  ///   - innerMap: The template of the maps that a map-in-map holds.
  ///   - types: What keys and values look like, which some maps have to say.
  /// - Throws: ``KernelError`` with bpf(2)'s errno.
  public init(
    _ shape: Shape, name: String = "", innerMap: KernelMap? = nil, types: Types? = nil
  ) throws(KernelError) {
    var attribute = Attribute()
    attribute.store(shape.type, at: 0)
    attribute.store(shape.keySize, at: 4)
    attribute.store(shape.valueSize, at: 8)
    attribute.store(shape.maxEntries, at: 12)
    attribute.store(shape.flags, at: 16)
    if let innerMap { attribute.store(innerMap.descriptor, at: 20) }
    attribute.store(shape.numaNode, at: 24)
    attribute.store(name: name, at: 28)
    if let types {
      attribute.store(types.btf.descriptor, at: 48)
      attribute.store(types.key, at: 52)
      attribute.store(types.value, at: 56)
    }
    attribute.store(wide: shape.extra, at: 64)
    do throws(KernelErrno) {
      descriptor = KernelDescriptor(owning: try attribute.perform(.mapCreate))
    } catch {
      throw KernelError(operation: "create map '\(name)'", errno: error)
    }
    self.shape = shape
  }

  /// Opens a map of the system by its id; this is a user reference (R4.17).
  ///
  /// - Throws: ``KernelErrno``; `ENOENT` when there is no such map.
  public init(identifier: UInt32) throws(KernelErrno) {
    var attribute = Attribute()
    attribute.store(identifier, at: 0)
    descriptor = KernelDescriptor(
      owning: try attribute.perform(.mapDescriptorByIdentifier))
    shape = try Self.information(descriptor).shape
  }

  /// The map's id in the system.
  public var identifier: UInt32 {
    get throws(KernelErrno) { try Self.information(descriptor).identifier }
  }

  /// The descriptor as the value of an outer map's element.
  public var slotValue: [UInt8] { KernelBytes.word(UInt32(bitPattern: descriptor.rawValue)) }

  /// Reads the fields of `struct bpf_map_info` that the shape needs.
  private static func information(
    _ descriptor: borrowing KernelDescriptor
  ) throws(KernelErrno) -> (identifier: UInt32, shape: Shape) {
    let fields = try Information(of: descriptor, byteCount: 88)
    let shape = Shape(
      type: fields[0], keySize: fields[8], valueSize: fields[12], maxEntries: fields[16],
      flags: fields[20])
    return (fields[4], shape)
  }
}

extension KernelMap {
  /// The types of a map's keys and values.
  public struct Types: Sendable {
    /// The type information that they are in.
    public var btf: KernelBTF
    /// The id of the key's type.
    public var key: UInt32
    /// The id of the value's type.
    public var value: UInt32

    /// Names the types.
    public init(btf: KernelBTF, key: UInt32, value: UInt32) {
      self.btf = btf
      self.key = key
      self.value = value
    }
  }

  /// What bpf(2) wants to know to create a map.
  public struct Shape: Hashable, Sendable {
    /// Linux's number of the map type: 1 hash, 2 array, 3 program array, ...
    public var type: UInt32
    /// Bytes of a key.
    public var keySize: UInt32
    /// Bytes of a value, of one CPU in per-CPU maps.
    public var valueSize: UInt32
    /// Most entries, or the size of a ring in bytes.
    public var maxEntries: UInt32
    /// `BPF_F_*` of map creation.
    public var flags: UInt32
    /// The NUMA node, where the flags ask for one.
    public var numaNode: UInt32
    /// `map_extra`: the number of hash functions of a bloom filter.
    public var extra: UInt64

    /// Puts a shape together.
    public init(
      type: UInt32, keySize: UInt32, valueSize: UInt32, maxEntries: UInt32, flags: UInt32 = 0,
      numaNode: UInt32 = 0, extra: UInt64 = 0
    ) {
      self.type = type
      self.keySize = keySize
      self.valueSize = valueSize
      self.maxEntries = maxEntries
      self.flags = flags
      self.numaNode = numaNode
      self.extra = extra
    }

    /// Whether bpf(2) passes one value per possible CPU.
    public var isPerCPU: Bool { [5, 6, 10, 21].contains(type) }

    /// Bytes of a value as bpf(2) passes it: in per-CPU maps the value rounded up to eight, once
    /// for every possible CPU.
    public var transferSize: Int {
      isPerCPU ? ((Int(valueSize) + 7) & ~7) * Kernel.possibleCPUCount : Int(valueSize)
    }
  }
}
