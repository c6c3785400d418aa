import BPFRuntime
import TestSupport
import Testing

@Suite("Many elements at once")
struct MapBatchTests {
  private func filled(_ shape: MapShape, count: UInt32) throws -> MapHandle {
    let map = try Runtime().makeMap(MapDefinition(shape))
    for index in 0..<count { try map.update(bytes(index), bytes(UInt64(index))) }
    return map
  }

  private func all(_ map: MapHandle, limit: Int, deletes: Bool = false) throws -> [[UInt8]] {
    var keys: [[UInt8]] = []
    var cursor: MapBatch.Cursor?
    repeat {
      let batch =
        try deletes
        ? map.lookupAndDeleteBatch(after: cursor, limit: limit)
        : map.lookupBatch(after: cursor, limit: limit)
      #expect(batch.elements.count <= limit)
      for element in batch.elements { #expect(element.key + [0, 0, 0, 0] == element.value) }
      keys += batch.elements.map(\.key)
      cursor = batch.cursor
    } while cursor != nil
    return keys
  }

  @Test("batches reach every element once", arguments: [1, 2, 5, 9, 10])
  func lookup(type: UInt32) throws {
    let map = try filled(MapShape(type, entries: 500), count: 500)
    for limit in [20, 64, 1000] {
      let keys = try all(map, limit: limit)
      #expect(keys.count == 500)
      #expect(Set(keys).count == 500)
    }
  }

  @Test("a bucket that does not fit is no batch")
  func noSpace() throws {
    // One bucket holds everything.
    let map = try filled(MapShape(1, entries: 1), count: 1)
    #expect(try map.lookupBatch(limit: 1).elements.count == 1)
    let crowded = try filled(MapShape(1, entries: 4096), count: 4096)
    #expect(throws: LinuxError.noSpace) {
      var cursor: MapBatch.Cursor?
      repeat {
        cursor = try crowded.lookupBatch(after: cursor, limit: 1).cursor
      } while cursor != nil
    }
  }

  @Test("what is read and deleted is gone", arguments: [1, 5, 9, 10])
  func lookupAndDelete(type: UInt32) throws {
    let map = try filled(MapShape(type, entries: 300), count: 300)
    #expect(try Set(all(map, limit: 32, deletes: true)).count == 300)
    #expect(try map.keys().isEmpty)
  }

  @Test("changes stop at the first error and say how far they got")
  func changes() throws {
    let map = try filled(MapShape(1, entries: 3), count: 0)
    let elements = (0..<5).map { index in
      MapBatch.Element(key: bytes(UInt32(index)), value: bytes(UInt64(index)))
    }
    #expect(throws: MapBatchError(error: .tooBig, count: 3)) { try map.updateBatch(elements) }
    #expect(throws: MapBatchError(error: .noEntry, count: 3)) {
      try map.deleteBatch(elements.map(\.key))
    }
    #expect(throws: MapBatchError(error: .invalid, count: 0)) {
      try map.updateBatch(elements, flags: .mustNotExist)
    }
    let array = try filled(MapShape(2), count: 0)
    #expect(throws: MapBatchError(error: .notSupported, count: 0)) {
      try array.deleteBatch([bytes(UInt32(0))])
    }
    #expect(throws: LinuxError.notSupported) { try array.lookupAndDeleteBatch(limit: 1) }
    let queue = try filled(MapShape(22, key: 0), count: 0)
    #expect(throws: LinuxError.notSupported) { try queue.lookupBatch(limit: 1) }
  }
}
