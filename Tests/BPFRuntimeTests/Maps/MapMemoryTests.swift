import BPFRuntime
import TestSupport
import Testing

@Suite("What programs may touch of a map")
struct MapMemoryTests {
  /// Reads eight bytes at an offset from a value.
  private func read(_ map: RuntimeMap, key: UInt32, offset: Int) throws -> UInt64 {
    let text = """
      *(u32 *)(r10 -4) = \(key)
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      r0 = *(u64 *)(r0 \(offset < 0 ? "-" : "+")\(abs(offset)))
      exit
      """
    let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
    return try map.runtime.makeCPU().run(map.runtime.load(source), in: MemoryContext([0]))
      .returnValue
  }

  @Test("a value can be read to its end, not a byte before or behind it", arguments: [1, 2, 5, 6])
  func bounds(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type, value: 16), possibleCPUs: 2)
    let value = bytes(UInt64(1)) + bytes(UInt64(2))
    for key in 0..<UInt32(4) {
      let copies = map.handle.valueByteCount / 16
      try map.handle.update(bytes(key), Array(repeatElement(value, count: copies).joined()))
    }
    for key in 0..<UInt32(4) {
      #expect(try read(map, key: key, offset: 0) == 1)
      #expect(try read(map, key: key, offset: 8) == 2)
      // Whole values beside this one are the program's too, except where headers are between.
      for offset in type == 1 ? [-8, -1, 9, 16] : [-1, 9] {
        #expect(throws: Fault.self, "offset \(offset)") { try read(map, key: key, offset: offset) }
      }
    }
    #expect(throws: Fault.self) { try read(map, key: 0, offset: -16000) }
    #expect(throws: Fault.self) { try read(map, key: 3, offset: 16000) }
  }

  @Test("rights for programs hold for values in place")
  func rights() throws {
    let map = try RuntimeMap(MapShape(2, flags: 256))
    #expect(throws: Fault.self) { try read(map, key: 0, offset: 0) }
  }

  @Test("only an array of one value has an address that a wide immediate can hold")
  func directValue() throws {
    for (shape, works) in [
      (MapShape(2, entries: 1), true), (MapShape(2, entries: 2), false),
      (MapShape(1, entries: 1), false), (MapShape(6, entries: 1), false),
    ] {
      let runtime = Runtime()
      let map = try runtime.makeMap(MapDefinition(shape))
      var source = try ProgramSource(
        assembly: "r1 = map[subject]\nr0 = *(u32 *)(r1 +0)\nexit", maps: ["subject": map])
      source.maps[0] = ProgramSource.MapReference(map, valueOffset: 4)
      guard works else {
        #expect(throws: LoadError.noDirectValues(map: "", instruction: 0)) {
          try runtime.load(source)
        }
        continue
      }
      try map.update(bytes(UInt32(0)), bytes(UInt64(0x0000_0007_0000_0001)))
      let result = try runtime.makeCPU().run(runtime.load(source), in: MemoryContext([0]))
      #expect(result.returnValue == 7)
    }
  }

  @Test("an address of a replaced or deleted value stays good until the run ends")
  func heldValue() throws {
    // Looks a value up, replaces and deletes it, fills the map, and reads the old one.
    let text = """
      *(u32 *)(r10 -4) = 1
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto nothing
      r6 = r0
      *(u64 *)(r10 -16) = 99
      r7 = 20
      again: r1 = map[subject]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 0
      call map_update_elem
      r7 += -1
      if r7 != 0 goto again
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_delete_elem
      r0 = *(u64 *)(r6 +0)
      nothing: exit
      """
    let map = try RuntimeMap(MapShape(1, entries: 2))
    try map.handle.update(bytes(UInt32(1)), bytes(UInt64(42)))
    let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
    let result = try map.runtime.makeCPU().run(map.runtime.load(source), in: MemoryContext([0]))
    #expect(result.returnValue == 42)
    #expect(try map.handle.keys().isEmpty)
  }

  @Test("one run can replace the elements of a full map as often as it likes")
  func churn() throws {
    let text = """
      r6 = 5000
      again: *(u64 *)(r10 -16) = r6
      *(u32 *)(r10 -4) = r6
      r1 = map[subject]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      call map_update_elem
      if r0 != 0 goto out
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_delete_elem
      if r0 != 0 goto out
      r6 += -1
      if r6 != 0 goto again
      r0 = 0
      out: exit
      """
    let map = try RuntimeMap(MapShape(1, entries: 1))
    let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
    let program = try map.runtime.load(source)
    let cpu = try map.runtime.makeCPU()
    for _ in 0..<3 {
      #expect(try cpu.run(program, in: MemoryContext([0])).returnValue == 0)
    }
  }

  @Test("a hash takes exactly as many keys as it was made for, again and again")
  func capacity() throws {
    let map = try RuntimeMap(MapShape(1, entries: 1000))
    for round in 0..<3 {
      for index in 0..<UInt32(1000) {
        try map.handle.update(bytes(index), bytes(UInt64(index) + UInt64(round)))
      }
      #expect(throws: LinuxError.tooBig) {
        try map.handle.update(bytes(UInt32(1000)), bytes(UInt64(0)))
      }
      for index in 0..<UInt32(1000) {
        try map.handle.update(bytes(index), bytes(UInt64(index) * 2))
      }
      // Deleting while walking.
      var seen = 0
      while let key = try map.handle.nextKey(after: nil) {
        try map.handle.delete(key)
        seen += 1
      }
      #expect(seen == 1000)
    }
  }

  @Test("a walk that updates every key it meets ends")
  func walk() throws {
    let map = try RuntimeMap(MapShape(1, entries: 64))
    for index in 0..<UInt32(64) { try map.handle.update(bytes(index), bytes(UInt64(0))) }
    var key: [UInt8]?
    var seen: Set<[UInt8]> = []
    for _ in 0..<64 {
      key = try map.handle.nextKey(after: key)
      guard let key else { break }
      seen.insert(key)
      try map.handle.update(key, bytes(UInt64(1)))
    }
    #expect(seen.count == 64)
    #expect(try map.handle.nextKey(after: key) == nil)
  }
}
