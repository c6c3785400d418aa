import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import BPFRuntime

@Suite("Maps under several threads", .serialized)
struct MapConcurrencyTests {
  private static let rounds: UInt64 = 20_000

  /// Adds 1 to the value of key 0, as often as r6 says.
  private static func counting(_ instruction: String) -> String {
    """
    r6 = \(rounds)
    again: *(u32 *)(r10 -4) = 0
    r1 = map[subject]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto out
    \(instruction)
    r6 += -1
    if r6 != 0 goto again
    out: r0 = r6
    exit
    """
  }

  /// Runs a program on several threads, each with a CPU, while `work` runs until they are done.
  private func run(
    _ map: RuntimeMap, _ text: String, threads: Int = 2, while work: (Int) throws -> Void
  ) throws -> [UInt64] {
    let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
    let program = try map.runtime.load(source)
    let runtime = map.runtime
    let results = Synchronization.Mutex<[UInt64]>([])
    let group = DispatchGroup()
    for index in 0..<threads {
      DispatchQueue.global().async(group: group) {
        let result = try? runtime.makeCPU(index: index).run(program, in: MemoryContext([0]))
        results.withLock { $0.append(result?.returnValue ?? .max) }
      }
    }
    var turn = 0
    while group.wait(timeout: .now()) == .timedOut {
      try work(turn)
      turn += 1
    }
    return results.withLock { $0 }
  }

  @Test("atomic counts of a value are exact while other keys come and go", arguments: [1, 2])
  func atomicCounts(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type, entries: 4), possibleCPUs: 2)
    try map.handle.update(bytes(UInt32(0)), bytes(UInt64(0)))
    let text = Self.counting("r1 = 1\nlock *(u64 *)(r0 +0) += r1")
    let results = try run(map, text) { turn in
      let key = bytes(UInt32(1 + turn % 3))
      try map.handle.update(key, bytes(UInt64(turn)))
      if type == 1, turn % 2 == 0 { try map.handle.delete(key) }
    }
    #expect(results == [0, 0])
    #expect(try map.handle.lookup(bytes(UInt32(0))) == bytes(2 * Self.rounds))
  }

  @Test("plain counts per CPU are exact", arguments: [5, 6])
  func countsPerCPU(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type), possibleCPUs: 2)
    try map.handle.update(bytes(UInt32(0)), bytes(UInt64(0)) + bytes(UInt64(0)))
    let text = Self.counting("r1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1")
    let results = try run(map, text) { _ in _ = try map.handle.lookup(bytes(UInt32(0))) }
    #expect(results == [0, 0])
    #expect(try map.handle.lookup(bytes(UInt32(0))) == bytes(Self.rounds) + bytes(Self.rounds))
  }

  @Test("a search always finds a key that is replaced all the time, with a whole value")
  func replacement() throws {
    let map = try RuntimeMap(MapShape(1, value: 16, entries: 2), possibleCPUs: 2)
    func value(_ turn: Int) -> [UInt8] { bytes(UInt64(turn)) + bytes(UInt64(turn)) }
    try map.handle.update(bytes(UInt32(0)), value(0))
    let text = Self.counting(
      "r1 = *(u64 *)(r0 +0)\nr2 = *(u64 *)(r0 +8)\nif r1 != r2 goto out")
    // Few replacements fit into the spare elements; what is handed out early is seen changing.
    let results = try run(map, text) { turn in
      guard turn < 30 else { return }
      try map.handle.update(bytes(UInt32(0)), value(turn))
    }
    #expect(results == [0, 0])
  }

  @Test("a search finds every present key while elements are handed out early")
  func earlyReuse() throws {
    let map = try RuntimeMap(MapShape(1, entries: 3), possibleCPUs: 2)
    try map.handle.update(bytes(UInt32(0)), bytes(UInt64(0)))
    let results = try run(map, Self.counting("r1 = 0")) { turn in
      let key = bytes(UInt32(1 + turn % 5))
      try map.handle.update(bytes(UInt32(0)), bytes(UInt64(turn)))
      try map.handle.update(key, bytes(UInt64(turn)))
      try map.handle.delete(key)
    }
    #expect(results == [0, 0])
  }

  @Test("programs that insert and delete at the same time leave a map that is whole")
  func churn() throws {
    let map = try RuntimeMap(MapShape(1, entries: 8), possibleCPUs: 2)
    let text = """
      r6 = 10000
      again: call get_prandom_u32
      r7 = r0
      r0 &= 15
      *(u32 *)(r10 -4) = r0
      *(u64 *)(r10 -16) = r0
      r1 = map[subject]
      r2 = r10
      r2 += -4
      r7 &= 32
      if r7 == 0 goto delete
      r3 = r10
      r3 += -16
      r4 = 0
      call map_update_elem
      goto next
      delete: call map_delete_elem
      next: r6 += -1
      if r6 != 0 goto again
      r0 = 0
      exit
      """
    let results = try run(map, text) { turn in
      try? map.handle.delete(bytes(UInt32(turn & 15)))
    }
    #expect(results == [0, 0])
    let keys = try map.handle.keys()
    #expect(keys.count <= 8)
    for key in keys { #expect(try map.handle.lookup(key) == key + [0, 0, 0, 0]) }
    for key in keys { try map.handle.delete(key) }
    for index in 0..<UInt32(8) { try map.handle.update(bytes(index), bytes(UInt64(index))) }
    #expect(try map.handle.keys().count == 8)
  }

  @Test("a value that a program holds stays what it was while its key is deleted and others come")
  func heldValue() throws {
    let map = try RuntimeMap(MapShape(1, value: 16, entries: 2), possibleCPUs: 2)
    func value(_ number: Int) -> [UInt8] {
      let word = bytes(UInt64(bitPattern: Int64(number)))
      return word + word
    }
    try map.handle.update(bytes(UInt32(0)), value(1))
    // Looks key 0 up again and again, holds each value for a while, and looks whether it changed.
    let text = """
      r9 = 2000
      again: *(u32 *)(r10 -4) = 0
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto next
      r6 = *(u64 *)(r0 +0)
      r7 = 20
      hold: r1 = *(u64 *)(r0 +0)
      if r1 != r6 goto out
      r1 = *(u64 *)(r0 +8)
      if r1 != r6 goto out
      r7 += -1
      if r7 != 0 goto hold
      next: r9 += -1
      if r9 != 0 goto again
      out: r0 = r9
      exit
      """
    let results = try run(map, text) { turn in
      try map.handle.update(bytes(UInt32(0)), value(turn))
      if turn % 3 == 0 {
        try map.handle.delete(bytes(UInt32(0)))
        try map.handle.update(bytes(UInt32(1 + turn % 2)), value(-turn))
        try map.handle.delete(bytes(UInt32(1 + turn % 2)))
      }
    }
    #expect(results == [0, 0])
  }

  @Test("an LRU map that evicts all the time is whole, never too large, and finds its newest key")
  func eviction() throws {
    let map = try RuntimeMap(MapShape(9, entries: 16), possibleCPUs: 2)
    let text = """
      r6 = 5000
      again: call get_prandom_u32
      r0 &= 63
      *(u32 *)(r10 -4) = r0
      *(u64 *)(r10 -16) = r0
      r7 = r0
      r1 = map[subject]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 0
      call map_update_elem
      if r0 != 0 goto out
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto next
      r1 = *(u64 *)(r0 +0)
      if r1 != r7 goto out
      next: r6 += -1
      if r6 != 0 goto again
      out: r0 = r6
      exit
      """
    let results = try run(map, text) { turn in
      let key = bytes(UInt32(turn & 63))
      try map.handle.update(key, bytes(UInt64(turn & 63)))
      if turn % 5 == 0 { try? map.handle.delete(key) }
      let keys = try map.handle.keys()
      #expect(keys.count <= 16)
    }
    #expect(results == [0, 0])
    for index in 0..<UInt32(1000) {
      try map.handle.update(bytes(index), bytes(UInt64(index)))
      #expect(try map.handle.lookup(bytes(index)) == bytes(UInt64(index)))
    }
    let keys = try map.handle.keys()
    #expect(keys.count == 16)
    for key in keys { #expect(try map.handle.lookup(key) == key + [0, 0, 0, 0]) }
  }

  @Test("what programs look up stays in an LRU map, what nobody looks up goes")
  func recency() throws {
    let map = try RuntimeMap(MapShape(9, entries: 100))
    for index in 0..<UInt32(100) { try map.handle.update(bytes(index), bytes(UInt64(index))) }
    for index in 0..<UInt32(10) { _ = try map.perform(.programLookup(bytes(index))) }
    for index in 100..<UInt32(180) { try map.handle.update(bytes(index), bytes(UInt64(index))) }
    let keys = Set(try map.handle.keys())
    for index in 0..<UInt32(10) { #expect(keys.contains(bytes(index)), "\(index)") }
    for index in 10..<UInt32(80) { #expect(!keys.contains(bytes(index)), "\(index)") }
  }

  @Test("a trie always has the short prefix while longer ones come and go")
  func prefixes() throws {
    for entries in [64, 1024] as [UInt32] {
      let shape = MapShape(11, key: 8, value: 16, entries: entries, flags: 1)
      let map = try RuntimeMap(shape, possibleCPUs: 2)
      func value(_ number: UInt64) -> [UInt8] { bytes(number) + bytes(number) }
      try map.handle.update(bytes(UInt32(8)) + [10, 0, 0, 0], value(8))
      let text = """
        r6 = 20000
        again: *(u32 *)(r10 -8) = 32
        *(u32 *)(r10 -4) = 0x0302010a
        r1 = map[subject]
        r2 = r10
        r2 += -8
        call map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 +0)
        r2 = *(u64 *)(r0 +8)
        if r1 != r2 goto out
        if r1 < 8 goto out
        if r1 > 32 goto out
        r6 += -1
        if r6 != 0 goto again
        out: r0 = r6
        exit
        """
      let results = try run(map, text) { turn in
        let length = UInt32(9 + turn * 7 % 24)
        let key = bytes(length) + [10, 1, 2, 3]
        try map.handle.update(key, value(UInt64(length)))
        try map.handle.update(bytes(length) + [10, 129, 77, UInt8(turn & 1)], value(9))
        if turn % 2 == 0 { try map.handle.delete(key) }
      }
      #expect(results == [0, 0])
    }
  }

  @Test("what is pushed into a queue comes out, each value once", arguments: [22, 23])
  func queue(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type, key: 0, entries: 64), possibleCPUs: 2)
    let text = """
      r6 = 3000
      again: *(u64 *)(r10 -8) = r6
      r1 = map[subject]
      r2 = r10
      r2 += -8
      r3 = 0
      call map_push_elem
      if r0 != 0 goto again
      r6 += -1
      if r6 != 0 goto again
      r0 = 0
      exit
      """
    var counts: [[UInt8]: Int] = [:]
    func drain() throws {
      while let value = try map.handle.pop() { counts[value, default: 0] += 1 }
    }
    let results = try run(map, text) { _ in try drain() }
    try drain()
    #expect(results == [0, 0])
    #expect(counts.count == 3000)
    #expect(counts.values.allSatisfy { $0 == 2 })
  }

  @Test("counts under a spin lock are exact, and user space sees whole values", arguments: [1, 2])
  func spinLock(type: UInt32) throws {
    var definition = MapDefinition(MapShape(type, value: 24, entries: 2))
    definition.lockOffset = 4
    let runtime = Runtime(possibleCPUs: 2)
    let handle = try runtime.makeMap(definition)
    let key = bytes(UInt32(0))
    try handle.update(key, [UInt8](repeating: 0, count: 24))
    let text = """
      r6 = 5000
      again: *(u32 *)(r10 -4) = 0
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto out
      r7 = r0
      r1 = r0
      r1 += 4
      call spin_lock
      r1 = *(u64 *)(r7 +8)
      r1 += 1
      *(u64 *)(r7 +8) = r1
      *(u64 *)(r7 +16) = r1
      r1 = r7
      r1 += 4
      call spin_unlock
      r6 += -1
      if r6 != 0 goto again
      out: r0 = r6
      exit
      """
    let program = try runtime.load(
      ProgramSource(assembly: text, maps: ["subject": handle]))
    let group = DispatchGroup()
    for index in 0..<2 {
      DispatchQueue.global().async(group: group) {
        _ = try? runtime.makeCPU(index: index).run(program, in: MemoryContext([0]))
      }
    }
    while group.wait(timeout: .now()) == .timedOut {
      let value = try handle.lookup(key, flags: .lock)
      #expect(value[8..<16] == value[16..<24])
      #expect(value[4..<8].allSatisfy { $0 == 0 })
    }
    #expect(try Array(handle.lookup(key)[8..<16]) == bytes(UInt64(10000)))
    #expect(throws: LinuxError.invalid) { try handle.lookup(key, flags: .mustNotExist) }
    let fresh = [UInt8](repeating: 9, count: 24)
    try handle.update(key, fresh, flags: UpdateFlags(rawValue: 4))
    #expect(try handle.lookup(key) == [9, 9, 9, 9, 0, 0, 0, 0] + fresh[8...])
    #expect(throws: LinuxError.exists) {
      try handle.update(key, fresh, flags: UpdateFlags(rawValue: 5))
    }
  }
}
