import BPFCompiler
import BPFKernel
import Switchyard

/// One operation on one kind of map, for the topic `map`.
struct MapOperation {
  var name: String
  var type: UInt32
  var keySize: UInt32 = 8
  var entries: UInt32 = 10_000
  var flags: UInt32 = 0
  /// The helper that is measured.
  var helper = 1

  static let all = [
    MapOperation(name: "array_lookup", type: 2, keySize: 4),
    MapOperation(name: "percpu_array_lookup", type: 6, keySize: 4),
    MapOperation(name: "hash_lookup", type: 1),
    MapOperation(name: "hash_update", type: 1, helper: 2),
    MapOperation(name: "lru_lookup", type: 9),
    MapOperation(name: "percpu_hash_lookup", type: 5),
    MapOperation(name: "lpm_lookup", type: 11, entries: 500_000, flags: 1),
  ]

  /// Operations in one run of the program.
  static let operations = 64
  /// Keys that are looked up, one after the other.
  static let inputCount = 16384

  var isPerCPU: Bool { type == 5 || type == 6 }
  /// Linux gives elements out per CPU and evicts before an LRU map is full.
  var capacity: UInt32 { type == 9 ? entries * 2 : entries }
  var isTrie: Bool { type == 11 }

  /// The keys in the map.
  func keys() -> [[UInt8]] {
    guard isTrie else {
      return (0..<entries).map { keySize == 4 ? bytes($0) : bytes(UInt64($0)) }
    }
    return RoutingTable(count: Int(entries)).prefixes.map { bytes($0.length) + $0.address }
  }

  /// What the program looks up: four bytes each, an index or an address.
  func inputs(_ keys: [[UInt8]]) -> [UInt8] {
    var generator = SplitMix(state: 1)
    return (0..<Self.inputCount).flatMap { _ -> [UInt8] in
      guard isTrie else { return bytes(UInt32.random(in: 0..<entries, using: &generator)) }
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
      lines += ["r2 = r10", "r2 += -8"]
      guard measures else {
        lines.append("r9 += r1")
        continue
      }
      lines.append("r1 = map[subject]")
      if helper == 2 { lines += ["r3 = r8", "r4 = 0"] }
      lines.append("call \(helper)")
      lines +=
        helper == 1
        ? [
          "if r0 == 0 goto miss\(number)", "r1 = *(u64 *)(r0 +0)", "r9 += r1",
          "miss\(number): r0 = 0",
        ] : ["r9 += r0"]
    }
    return (lines + ["*(u64 *)(r8 +0) = r6", "r0 = r9", "exit"]).joined(separator: "\n")
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

extension MapOperation {
  /// The program in a runtime of our own; with several threads, each on a CPU of its own.
  func compiled(keys: [[UInt8]], measures: Bool) throws -> (Int) throws -> UInt64 {
    let runtime = Runtime(possibleCPUs: 2, compiler: .x86())
    let subject = try runtime.makeMap(
      MapDefinition(
        name: name, type: MapType(rawValue: type), keySize: keySize, valueSize: 8,
        maxEntries: capacity, flags: MapFlags(rawValue: flags)))
    for (index, key) in keys.enumerated() {
      let value = bytes(UInt64(index))
      try subject.update(key, isPerCPU ? value + value : value)
    }
    let inputs = try runtime.makeMap(
      MapDefinition(
        type: .array, keySize: 4, valueSize: UInt32(4 * Self.inputCount), maxEntries: 1))
    try inputs.update(bytes(UInt32(0)), self.inputs(keys))
    let cursor = try runtime.makeMap(
      MapDefinition(type: .array, keySize: 4, valueSize: 8, maxEntries: 1))
    let assembled = try Assembler().assemble(text(measures: measures))
    let maps = assembled.references.mapValues { reference in
      switch reference {
      case "subject": ProgramSource.MapReference(subject)
      case "inputs": ProgramSource.MapReference(inputs, valueOffset: 0)
      default: ProgramSource.MapReference(cursor, valueOffset: 0)
      }
    }
    let program = try runtime.load(
      verifying: ProgramSource(
        name: name, type: .socketFilter, instructions: assembled.instructions, maps: maps),
      engine: .compiled)
    let context = try PacketContext(type: .socketFilter)
    try context.load([UInt8](repeating: 0, count: 64))
    let cpu = try runtime.makeCPU()
    return { count in
      var sum: UInt64 = 0
      for _ in 0..<count {
        sum &+= try cpu.run(program, in: context, mode: .unchecked).returnValue
      }
      return sum
    }
  }

  /// The program in Linux; nanoseconds per run, and what the last run returned.
  func kernel(keys: [[UInt8]], measures: Bool) throws -> (UInt32) throws -> (Double, UInt64) {
    let subject = try KernelMap(
      KernelMap.Shape(
        type: type, keySize: keySize, valueSize: 8, maxEntries: capacity, flags: flags),
      name: name)
    for (index, key) in keys.enumerated() {
      let value = bytes(UInt64(index))
      try subject.update(
        key,
        isPerCPU
          ? Array(repeatElement(value, count: Kernel.possibleCPUCount).joined()) : value)
    }
    let inputs = try KernelMap(
      KernelMap.Shape(
        type: 2, keySize: 4, valueSize: UInt32(4 * Self.inputCount), maxEntries: 1))
    try inputs.update(bytes(UInt32(0)), self.inputs(keys))
    let cursor = try KernelMap(
      KernelMap.Shape(type: 2, keySize: 4, valueSize: 8, maxEntries: 1))
    let assembler = Assembler(mapDescriptor: { name in
      switch name {
      case "subject": subject.descriptor.rawValue
      case "inputs": inputs.descriptor.rawValue
      default: cursor.descriptor.rawValue
      }
    })
    let program = try KernelProgram(
      assembler.assemble(text(measures: measures)).instructions,
      KernelProgram.Options(type: 1, license: "GPL", name: "map_bench"))
    let packet = [UInt8](repeating: 0, count: 64)
    return { count in
      let run = try program.testRun(data: packet, repetitions: count)
      _ = (subject, inputs, cursor)
      return (Double(run.durationNanoseconds), UInt64(run.returnValue))
    }
  }
}

/// Measures the topic `map`: nanoseconds per operation in a program of 64 of them. The same program
/// without the operations is subtracted.
func measureMaps(_ settings: Settings) throws -> [Row] {
  var rows: [Row] = []
  for operation in MapOperation.all {
    let keys = operation.keys()
    var contenders: [Contender] = []
    for measures in [true, false] {
      let compare = try operation.compiled(keys: keys, measures: measures)
      let work = try operation.compiled(keys: keys, measures: measures)
      let count = try Sampling.repetitions(filling: settings.nanosecondsPerSample) {
        _ = try work($0)
      }
      contenders.append(
        Contender(engine: "switchyard-jit" + (measures ? "" : " empty"), operations: count) {
          _ = try work(count)
          return nil
        })
      guard Kernel.availability.isAvailable else { continue }
      let kernel = try operation.kernel(keys: keys, measures: measures)
      let (ours, linux) = (try compare(1), try kernel(1).1)
      let (first, second) = (UInt32(truncatingIfNeeded: ours), UInt32(truncatingIfNeeded: linux))
      guard first == second else {
        throw Disagreement(
          program: operation.name, engine: "linux", ours: first, theirs: second)
      }
      contenders.append(
        Contender(engine: "linux" + (measures ? "" : " empty"), operations: 1) {
          try kernel(1 << 12).0
        })
    }
    let medians = Dictionary(
      uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
    for (engine, ns) in medians.sorted(by: { $0.key < $1.key }) {
      guard let empty = medians[engine + " empty"] else { continue }
      rows.append(
        Row(
          topic: "map", name: operation.name, engine: engine,
          ns: (ns - empty) / Double(MapOperation.operations)))
    }
  }
  return rows
}
