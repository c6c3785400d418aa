// UNSAFE. The raw block that stands for a map in a program's registers.
//
// Invariant: the block is owned by its map, and its `object` field is that map, so the address is
// valid exactly as long as the map; programs keep their maps alive.

/// The address that programs get for `ld_imm64 rN = map[...]`, and the few words that engines read
/// through it without touching the map object.
@safe
package struct MapHeader: ~Copyable, @unchecked Sendable {
  // Sendable: the fields are set once while the map is made.

  /// The words behind the address.
  @unsafe
  package struct Words {
    /// The map itself, not retained.
    package var object: UnsafeMutableRawPointer?
    /// For arrays, the values. For arrays of programs, the offset in the table of a generation of
    /// the word that has the address of the slots.
    package var base: UInt64 = 0
    /// For arrays, bytes from one value to the next.
    package var stride: UInt64 = 0
    /// For per-CPU maps, bytes from one CPU's values to the next one's.
    package var copyStride: UInt64 = 0
    /// Number of slots or values.
    package var count: UInt32 = 0
    /// Bytes of a key.
    package var keySize: UInt32 = 0
    /// Bytes of a value.
    package var valueSize: UInt32 = 0
    /// Whether this is an array of programs.
    package var isProgramArray: Bool = false
    /// Whether programs may not write values.
    package var isReadOnlyForPrograms: Bool = false
    /// Whether programs may not read values.
    package var isWriteOnlyForPrograms: Bool = false
    /// What helper 1 does with this map, where the kind has a function of its own for it; set by
    /// the kinds that are worth it, and called by compiled code without the helper.
    package var lookup: Helper.Function?
    /// What helper 2 does with this map.
    package var update: Helper.Function?
    /// What helper 3 does with this map.
    package var delete: Helper.Function?
    /// For hash maps, how they are searched.
    var table = HashTable()
    /// For tries, how they are searched.
    var trie = PrefixTrie()
  }

  private let memory: StableMemory

  init() throws(LinuxError) {
    unsafe memory = try StableMemory(byteCount: MemoryLayout<Words>.size)
    unsafe memory.base.initializeMemory(as: Words.self, to: Words())
  }

  /// The address, as it stands in a register.
  package var address: UInt64 { memory.address }

  /// The words.
  package var words: UnsafeMutablePointer<Words> {
    unsafe memory.base.assumingMemoryBound(to: Words.self)
  }

  func attach(_ map: Map) {
    let definition = map.definition
    unsafe words.pointee.object = Unmanaged.passUnretained(map).toOpaque()
    unsafe words.pointee.keySize = definition.keySize
    unsafe words.pointee.valueSize = definition.valueSize
    unsafe words.pointee.isProgramArray = definition.type == .programArray
    unsafe words.pointee.isReadOnlyForPrograms = definition.flags.contains(.readOnlyForPrograms)
    unsafe words.pointee.isWriteOnlyForPrograms = definition.flags.contains(.writeOnlyForPrograms)
  }

  /// The words behind an address.
  @inline(__always)
  static func words(at address: UInt64) -> UnsafePointer<Words> {
    unsafe UnsafePointer<Words>(bitPattern: UInt(address)).unsafelyUnwrapped
  }

  /// Calls `body` with the map that an address stands for, without reference counting.
  @inline(__always)
  static func withMap<Result>(at address: UInt64, _ body: (Map) -> Result) -> Result {
    let object = unsafe words(at: address).pointee.object.unsafelyUnwrapped
    return unsafe Unmanaged<Map>.fromOpaque(object)._withUnsafeGuaranteedRef { body($0) }
  }

  /// Calls `body` with the words behind an address.
  @inline(__always)
  static func withWords<Result>(at address: UInt64, _ body: (Words) -> Result) -> Result {
    unsafe body(words(at: address).pointee)
  }
}
