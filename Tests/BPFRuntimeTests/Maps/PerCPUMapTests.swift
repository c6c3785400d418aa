import BPFRuntime
import TestSupport
import Testing

@Suite("Maps with a value per CPU")
struct PerCPUMapTests {
  private let key = bytes(UInt32(2))

  private func words(_ values: [UInt64]) -> [UInt8] { values.flatMap { bytes($0) } }

  @Test(
    "a program reads and writes its own CPU's value, user space all of them", arguments: [5, 6])
  func ownValue(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type), possibleCPUs: 4)
    #expect(map.handle.valueByteCount == 32)
    #expect(try map.perform(.update(key, words([1, 2, 3, 4]))) == .done)
    for cpu in 0..<4 {
      map.cpuIndex = cpu
      #expect(try map.perform(.programLookup(key)) == .bytes(bytes(UInt64(cpu + 1))))
    }
    map.cpuIndex = 2
    #expect(try map.perform(.programUpdate(key, bytes(UInt64(9)))) == .done)
    #expect(try map.perform(.lookup(key)) == .bytes(words([1, 2, 9, 4])))
  }

  @Test("a value that a program creates is zero on the other CPUs, also the second time")
  func creation() throws {
    let map = try RuntimeMap(MapShape(5, entries: 1), possibleCPUs: 4)
    for cpu in [3, 0] {
      map.cpuIndex = cpu
      #expect(try map.perform(.programUpdate(key, bytes(UInt64(7)))) == .done)
      var expected: [UInt64] = [0, 0, 0, 0]
      expected[cpu] = 7
      #expect(try map.perform(.take(key)) == .bytes(words(expected)))
      for _ in 0..<100 {
        #expect(try map.perform(.update(key, words([5, 5, 5, 5]))) == .done)
        #expect(try map.perform(.programDelete(key)) == .done)
      }
    }
  }

  @Test("flags and limits are those of the kind without CPUs")
  func flags() throws {
    let array = try RuntimeMap(MapShape(6), possibleCPUs: 2)
    let value = words([1, 2])
    #expect(try array.perform(.update(key, value, flags: 1)) == .errno(17))
    #expect(try array.perform(.update(key, value, flags: 3)) == .errno(22))
    #expect(try array.perform(.update(bytes(UInt32(4)), value)) == .errno(7))
    #expect(try array.perform(.delete(key)) == .errno(22))
    #expect(try array.perform(.take(key)) == .errno(524))
    #expect(try array.perform(.update(key, bytes(UInt64(1)))) == .errno(22))
    let hash = try RuntimeMap(MapShape(5, entries: 1), possibleCPUs: 2)
    #expect(try hash.perform(.update(key, value, flags: 2)) == .errno(2))
    #expect(try hash.perform(.update(key, value, flags: 1)) == .done)
    #expect(try hash.perform(.programUpdate(key, bytes(UInt64(1)), flags: 1)) == .errno(17))
    #expect(try hash.perform(.update(bytes(UInt32(1)), value)) == .errno(7))
    #expect(try hash.perform(.programUpdate(bytes(UInt32(1)), bytes(UInt64(1)))) == .errno(7))
  }

  @Test("odd sizes travel rounded up to eight bytes", arguments: [5, 6])
  func oddSizes(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type, value: 3), possibleCPUs: 2)
    #expect(map.handle.valueByteCount == 16)
    #expect(try map.perform(.update(key, Array(1...16))) == .done)
    #expect(try map.perform(.lookup(key)) == .bytes(Array(1...16)))
    map.cpuIndex = 1
    #expect(try map.perform(.programLookup(key)) == .bytes([9, 10, 11]))
  }

  @Test(
    "map_lookup_percpu_elem reaches any CPU's value, and none of a CPU that cannot be",
    arguments: [5, 6])
  func anyCPU(type: UInt32) throws {
    let map = try RuntimeMap(MapShape(type), possibleCPUs: 4)
    _ = try map.perform(.update(key, words([10, 20, 30, 40])))
    for (index, expected) in [(0, 10), (3, 40), (4, 0), (-1, 0)] {
      let text = """
        *(u32 *)(r10 -4) = 2
        r1 = map[subject]
        r2 = r10
        r2 += -4
        r3 = \(index)
        call map_lookup_percpu_elem
        if r0 == 0 goto nothing
        r0 = *(u64 *)(r0 +0)
        nothing: exit
        """
      let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
      let result = try map.runtime.makeCPU(index: 1).run(
        map.runtime.load(source), in: MemoryContext([0]))
      #expect(result.returnValue == UInt64(expected), "CPU \(index)")
    }
  }
}
