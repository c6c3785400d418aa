/// What the topic `map` measures: operations, keys and programs.

/// One operation on one kind of map, for the topic `map`.
struct MapOperation {
  /// What a program does in each of its turns.
  enum Kind {
    /// Reads a value: helper 1.
    case lookup
    /// Writes a value: helper 2.
    case update
    /// Puts a key in and takes it out: helpers 2 and 3.
    case insertAndDelete
    /// Adds a value and takes the next one: helpers 87 and 88.
    case pushAndPop
    /// Adds a value to a filter: helper 87.
    case push
    /// Asks a filter: helper 89.
    case peek
    /// Hands eight bytes to user space, without waking it: helper 130.
    case output
    /// Reads a value of the map in a slot: helper 1 twice.
    case lookupInside
  }

  var name: String
  var type: UInt32
  var keySize: UInt32 = 8
  var entries: UInt32 = 10_000
  var flags: UInt32 = 0
  var kind = Kind.lookup
  /// How many different keys programs use, for each that is in the map.
  var keysPerEntry: UInt32 = 1
  /// Whether two CPUs are measured as well, on one map.
  var scales = false

  static let all = [
    MapOperation(name: "array_lookup", type: 2, keySize: 4, scales: true),
    MapOperation(name: "array_update", type: 2, keySize: 4, kind: .update),
    MapOperation(name: "percpu_array_lookup", type: 6, keySize: 4),
    MapOperation(name: "hash_lookup", type: 1, scales: true),
    MapOperation(name: "hash_update", type: 1, kind: .update, scales: true),
    MapOperation(name: "hash_insert_delete", type: 1, kind: .insertAndDelete, scales: true),
    MapOperation(
      name: "hash_insert_delete_no_prealloc", type: 1, flags: 1, kind: .insertAndDelete),
    MapOperation(name: "lru_lookup", type: 9, scales: true),
    MapOperation(name: "lru_update", type: 9, kind: .update, scales: true),
    MapOperation(name: "lru_evict", type: 9, kind: .update, keysPerEntry: 8),
    MapOperation(name: "percpu_hash_lookup", type: 5, scales: true),
    MapOperation(name: "percpu_hash_update", type: 5, kind: .update),
    MapOperation(name: "lru_percpu_lookup", type: 10),
    MapOperation(name: "lpm_lookup", type: 11, entries: 500_000, flags: 1, scales: true),
    MapOperation(
      name: "lpm_insert_delete", type: 11, entries: 500_000, flags: 1,
      kind: .insertAndDelete),
    MapOperation(name: "map_in_map_lookup", type: 12, kind: .lookupInside),
    MapOperation(name: "queue_push_pop", type: 22, keySize: 0, kind: .pushAndPop, scales: true),
    MapOperation(name: "stack_push_pop", type: 23, keySize: 0, kind: .pushAndPop),
    MapOperation(name: "bloom_push", type: 30, keySize: 0, kind: .push),
    MapOperation(name: "bloom_peek", type: 30, keySize: 0, kind: .peek, scales: true),
    MapOperation(
      name: "ringbuf_output", type: 27, keySize: 0, entries: 1 << 20, kind: .output, scales: true),
  ]

  /// Operations in one run of the program.
  static let operations = 64
  /// Keys that are looked up, one after the other.
  static let inputCount = 16384

  var isPerCPU: Bool { [5, 6, 10].contains(type) }
  var isTrie: Bool { type == 11 }
  var isRing: Bool { type == 27 }
  /// Runs in one sample of a ring: fewer than fill it, as nobody reads meanwhile.
  var ringRuns: Int { Int(entries) / 16 / Self.operations / 4 }
  var valueSize: UInt32 {
    if isRing { return 0 }
    return type == 12 ? 4 : 8
  }
  /// Linux gives elements out per CPU and evicts before an LRU map is full; whoever inserts and
  /// deletes needs room.
  var capacity: UInt32 {
    if type == 12 { return 1 }
    if type == 9 || type == 10 { return keysPerEntry > 1 ? entries : entries * 2 }
    return kind == .insertAndDelete ? entries + 1024 : entries
  }

  /// The keys in the map, or in the inner map; of a filter, the values.
  func keys() -> [[UInt8]] {
    if isTrie {
      return RoutingTable(count: Int(entries)).prefixes.map { bytes($0.length) + $0.address }
    }
    guard keySize > 0 || type == 30 else { return [] }
    return (0..<entries).map { keySize == 4 ? bytes($0) : bytes(UInt64($0)) }
  }

  /// What programs use, four bytes each: an index, a number or an address. Each CPU has its own
  /// where it changes which keys there are.
  func inputs(_ keys: [[UInt8]], cpu: Int) -> [UInt8] {
    var generator = SplitMix(state: UInt64(1 + cpu))
    let isChange = kind == .insertAndDelete
    return (0..<Self.inputCount).flatMap { number -> [UInt8] in
      if isChange, !isTrie { return bytes(entries + UInt32(number * 2 + cpu)) }
      let numbers = 0..<entries * keysPerEntry
      guard isTrie else { return bytes(UInt32.random(in: numbers, using: &generator)) }
      // An address below a prefix of the table.
      let key = keys.randomElement(using: &generator) ?? []
      let length = Int(key[0])
      let host = UInt32.random(in: .min ... .max, using: &generator) >> UInt32(min(length, 31))
      let address = key[4...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } | (length > 31 ? 0 : host)
      return bytes(address.bigEndian)
    }
  }

  /// The program: `inputs` holds the keys, `cursor` where it has got to. Without the operation it
  /// does everything else.
  func text(measures: Bool) -> String {
    var lines = [
      "r8 = map[cursor][0]+0", "r6 = *(u64 *)(r8 +0)", "r7 = map[inputs][0]+0", "r9 = 0",
    ]
    for number in 0..<Self.operations {
      lines += [
        "r6 += 1", "r1 = r6", "r1 &= \(Self.inputCount - 1)", "r1 <<= 2", "r2 = r7", "r2 += r1",
        "r1 = *(u32 *)(r2 +0)",
      ]
      if isTrie {
        lines += ["*(u32 *)(r10 -4) = r1", "*(u32 *)(r10 -8) = 32"]
      } else {
        lines.append(keySize == 4 ? "*(u32 *)(r10 -8) = r1" : "*(u64 *)(r10 -8) = r1")
      }
      lines += measures ? operation(number) : ["r9 += r1"]
    }
    return (lines + ["*(u64 *)(r8 +0) = r6", "r0 = r9", "exit"]).joined(separator: "\n")
  }

  /// The operation itself: the key, or the value without one, is at r10 - 8.
  private func operation(_ number: Int) -> [String] {
    let (map, key) = ("r1 = map[subject]", ["r2 = r10", "r2 += -8"])
    let update = [map] + key + ["r3 = r8", "r4 = 0", "call 2", "r9 += r0"]
    let lookup = [
      "call 1", "if r0 == 0 goto miss\(number)", "r1 = *(u64 *)(r0 +0)", "r9 += r1",
      "miss\(number): r0 = 0",
    ]
    let push = [map] + key + ["r3 = 0", "call 87", "r9 += r0"]
    switch kind {
    case .lookup: return [map] + key + lookup
    case .update: return update
    case .insertAndDelete: return update + [map] + key + ["call 3", "r9 += r0"]
    case .pushAndPop: return push + [map] + key + ["call 88", "r9 += r0"]
    case .push: return push
    case .peek: return [map] + key + ["call 89", "r9 += r0"]
    case .output: return [map] + key + ["r3 = 8", "r4 = 1", "call 130", "r9 += r0"]
    case .lookupInside:
      return [
        "*(u32 *)(r10 -16) = 0", map, "r2 = r10", "r2 += -16", "call 1",
        "if r0 == 0 goto miss\(number)", "r1 = r0",
      ] + key + lookup
    }
  }
}

/// A table of IPv4 prefixes whose lengths are distributed as in the Internet's full table.
struct RoutingTable {
  var prefixes: [(length: UInt32, address: [UInt8])] = []

  /// Per mille of each length.
  private static let shares: [(length: UInt32, share: Int)] = [
    (24, 600), (22, 117), (23, 105), (21, 53), (20, 45), (19, 26), (18, 14), (16, 14), (17, 9),
    (15, 4), (14, 4), (13, 2), (12, 2), (11, 2), (10, 1), (9, 1), (8, 1),
  ]

  init(count: Int) {
    var generator = SplitMix(state: 20)
    let lengths = Self.shares.flatMap { [UInt32](repeating: $0.length, count: $0.share) }
    // Half of the prefixes lie in blocks of a few providers, the others anywhere.
    let blocks = (0..<6000).map { _ in UInt32.random(in: .min ... .max, using: &generator) }
    var seen: Set<UInt64> = []
    while prefixes.count < count {
      let length = lengths.randomElement(using: &generator) ?? 24
      var address = UInt32.random(in: 0x0100_0000..<0xe000_0000, using: &generator)
      if Bool.random(using: &generator), length > 14 {
        let block = blocks.randomElement(using: &generator) ?? 0
        address = block & 0xfffc_0000 | address & 0x0003_ffff
      }
      address &= ~0 << (32 - length)
      guard seen.insert(UInt64(length) << 32 | UInt64(address)).inserted else { continue }
      prefixes.append((length, bytes(address.bigEndian)))
    }
  }
}

/// The bytes of an integer in host order.
func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
  (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Steele, Lea and Flood's generator: the same keys on every system.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
