/// The kind of a map: Linux's numbers (`enum bpf_map_type`).
public struct MapType: RawRepresentable, Hashable, Sendable {
  /// Linux's number.
  public var rawValue: UInt32

  /// Takes any number; only the named ones can be created.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Hash table of fixed capacity.
  public static let hash = MapType(rawValue: 1)
  /// Fixed array, keys 0 to `maxEntries` - 1.
  public static let array = MapType(rawValue: 2)
  /// Slots for programs, used by tail calls.
  public static let programArray = MapType(rawValue: 3)
  /// Perf event ring per CPU.
  public static let perfEventArray = MapType(rawValue: 4)
  /// Hash table with one value per CPU.
  public static let perCPUHash = MapType(rawValue: 5)
  /// Array with one value per CPU.
  public static let perCPUArray = MapType(rawValue: 6)
  /// Hash table that evicts its least recently used element when full.
  public static let lruHash = MapType(rawValue: 9)
  /// The same with one value per CPU.
  public static let lruPerCPUHash = MapType(rawValue: 10)
  /// Longest-prefix-match trie.
  public static let lpmTrie = MapType(rawValue: 11)
  /// Array of maps.
  public static let arrayOfMaps = MapType(rawValue: 12)
  /// Hash of maps.
  public static let hashOfMaps = MapType(rawValue: 13)
  /// Values without keys, first in first out.
  public static let queue = MapType(rawValue: 22)
  /// Values without keys, last in first out.
  public static let stack = MapType(rawValue: 23)
  /// Filter that tells which values were never put in.
  public static let bloomFilter = MapType(rawValue: 30)
  /// Call stacks by number.
  public static let stackTrace = MapType(rawValue: 7)
  /// Control groups, for questions about who belongs to them.
  public static let controlGroupArray = MapType(rawValue: 8)
  /// Network devices by index.
  public static let deviceMap = MapType(rawValue: 14)
  /// Sockets of streams by index.
  public static let socketMap = MapType(rawValue: 15)
  /// CPUs that packets can be sent to.
  public static let cpuMap = MapType(rawValue: 16)
  /// Sockets that take frames (AF_XDP).
  public static let frameSocketMap = MapType(rawValue: 17)
  /// Sockets that share a port (REUSEPORT_SOCKARRAY).
  public static let reuseportSockets = MapType(rawValue: 20)
  /// Values of the control group that a hook names.
  public static let controlGroupStorage = MapType(rawValue: 19)
  /// The same with one value per CPU.
  public static let perCPUControlGroupStorage = MapType(rawValue: 21)
  /// Values of sockets.
  public static let socketStorage = MapType(rawValue: 24)
  /// Values of files.
  public static let inodeStorage = MapType(rawValue: 28)
  /// Values of tasks.
  public static let taskStorage = MapType(rawValue: 29)
  /// Values of control groups.
  public static let objectControlGroupStorage = MapType(rawValue: 32)
  /// The kinds that hold values of objects.
  static let storages: [MapType] = [
    .controlGroupStorage, .perCPUControlGroupStorage, .socketStorage, .inodeStorage, .taskStorage,
    .objectControlGroupStorage,
  ]
  /// Sockets of streams by key.
  public static let socketHash = MapType(rawValue: 18)
  /// Network devices by any number.
  public static let deviceHash = MapType(rawValue: 25)
  /// Ring buffer shared by all CPUs.
  public static let ringBuffer = MapType(rawValue: 27)
}

extension MapType {
  /// Whether every key has one value per possible CPU.
  public var isPerCPU: Bool {
    self == .perCPUHash || self == .perCPUArray || self == .lruPerCPUHash
  }
}

extension MapType: CustomStringConvertible {
  /// `bpftool`'s name, as in `percpu_array`.
  public var description: String {
    let index = Int(rawValue)
    return Self.names.indices.contains(index) ? Self.names[index] : "type \(rawValue)"
  }

  private static let names = [
    "unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array",
    "stack_trace", "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps",
    "hash_of_maps", "devmap", "sockmap", "cpumap", "xskmap", "sockhash", "cgroup_storage",
    "reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack", "sk_storage", "devmap_hash",
    "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter", "user_ringbuf",
    "cgrp_storage", "arena",
  ]
}

/// Flags given at creation (`BPF_F_*` of `BPF_MAP_CREATE`).
public struct MapFlags: OptionSet, Hashable, Sendable {
  /// Linux's bits.
  public var rawValue: UInt32

  /// Takes Linux's bits.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Elements are allocated when they are inserted.
  public static let noPreallocation = MapFlags(rawValue: 1 << 0)
  /// LRU lists per CPU.
  public static let noCommonLRU = MapFlags(rawValue: 1 << 1)
  /// A NUMA node is given; ignored here.
  public static let numaNode = MapFlags(rawValue: 1 << 2)
  /// User space may only read.
  public static let readOnly = MapFlags(rawValue: 1 << 3)
  /// User space may only write.
  public static let writeOnly = MapFlags(rawValue: 1 << 4)
  /// Build ids in stack traces.
  public static let stackBuildID = MapFlags(rawValue: 1 << 5)
  /// Hash without a random seed.
  public static let zeroSeed = MapFlags(rawValue: 1 << 6)
  /// Programs may only read.
  public static let readOnlyForPrograms = MapFlags(rawValue: 1 << 7)
  /// Programs may only write.
  public static let writeOnlyForPrograms = MapFlags(rawValue: 1 << 8)
  /// A socket's clone gets a copy of its value.
  public static let cloneWithSocket = MapFlags(rawValue: 1 << 9)
  /// Values can be mapped into a process.
  public static let memoryMappable = MapFlags(rawValue: 1 << 10)
  /// Perf events stay in their slots when the descriptor goes through which they were stored; here
  /// they stay until the reader goes, with the flag or without.
  public static let preserveElements = MapFlags(rawValue: 1 << 11)
  /// May be used as an inner map of another size.
  public static let innerMap = MapFlags(rawValue: 1 << 12)
}

/// What a map is created from.
public struct MapDefinition: Hashable, Sendable {
  /// Name; at most 15 characters are kept by Linux, all of them here.
  public var name: String
  /// Kind.
  public var type: MapType
  /// Bytes of a key.
  public var keySize: UInt32
  /// Bytes of a value.
  public var valueSize: UInt32
  /// Capacity, or number of slots.
  public var maxEntries: UInt32
  /// Flags.
  public var flags: MapFlags
  /// `map_extra` of Linux; 0 for the types that do not use it.
  public var extra: UInt64
  /// Where in a value its spin lock is, if it has one: four bytes, aligned to four. Linux takes it
  /// from the value's type.
  public var lockOffset: UInt32?
  /// Where in a value its timer is, if it has one: sixteen bytes, aligned to eight, that user space
  /// neither reads nor writes. Linux takes it from the value's type.
  public var timerOffset: UInt32?
  /// Whether the types of key and value are known, without which there is no local storage.
  public var hasTypes = false

  /// Describes a map.
  public init(
    name: String = "", type: MapType, keySize: UInt32, valueSize: UInt32, maxEntries: UInt32,
    flags: MapFlags = [], extra: UInt64 = 0, lockOffset: UInt32? = nil,
    timerOffset: UInt32? = nil
  ) {
    self.name = name
    self.type = type
    self.keySize = keySize
    self.valueSize = valueSize
    self.maxEntries = maxEntries
    self.flags = flags
    self.extra = extra
    self.lockOffset = lockOffset
    self.timerOffset = timerOffset
  }
}

/// Flags of an update (`BPF_ANY` and its like).
public struct UpdateFlags: RawRepresentable, Hashable, Sendable {
  /// Linux's bits.
  public var rawValue: UInt64

  /// Takes Linux's bits.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Create or replace.
  public static let any = UpdateFlags(rawValue: 0)
  /// Only create; EEXIST otherwise.
  public static let mustNotExist = UpdateFlags(rawValue: 1)
  /// Only replace; ENOENT otherwise.
  public static let mustExist = UpdateFlags(rawValue: 2)
  /// Update under the value's spin lock.
  public static let lock = UpdateFlags(rawValue: 4)
}
