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
    let results = Mutex<[UInt64]>([])
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
}
