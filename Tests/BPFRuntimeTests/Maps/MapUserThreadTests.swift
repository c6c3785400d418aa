import BPFRuntime
import Dispatch
import TestSupport
import Testing

/// Threads of user space on one map. Also run under the thread sanitizer: see docs/maps.md.
@Suite("Maps under several threads of user space")
struct MapUserThreadTests {
  private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    DispatchQueue.concurrentPerform(iterations: count, execute: body)
  }

  @Test(
    "keys that threads own are always theirs, and nothing comes back", arguments: [1, 5, 9, 10])
  func ownKeys(type: UInt32) throws {
    let map = try Runtime(possibleCPUs: 2).makeMap(MapDefinition(MapShape(type, entries: 1024)))
    let copies = map.valueByteCount / 8
    onThreads(4) { thread in
      for turn in 0..<2000 {
        let key = bytes(UInt32(thread * 100 + turn % 16))
        let value = Array(repeatElement(bytes(UInt64(turn)), count: copies).joined())
        try? map.update(key, value)
        #expect((try? map.lookup(key)) == value)
        if turn % 3 == 0 {
          #expect((try? map.lookupAndDelete(key)) == value)
          #expect((try? map.lookup(key)) == nil)
        }
        _ = try? map.nextKey(after: turn % 2 == 0 ? key : nil)
        if turn % 500 == 0 { _ = try? map.lookupBatch(limit: 256) }
      }
    }
    for key in try map.keys() { #expect(try map.lookup(key).count == map.valueByteCount) }
  }

  @Test("of several threads that insert one key, one succeeds", arguments: [1, 9])
  func oneWinner(type: UInt32) throws {
    let map = try Runtime().makeMap(MapDefinition(MapShape(type, entries: 4096)))
    let winners = try Runtime().makeMap(MapDefinition(MapShape(22, key: 0, entries: 4096)))
    onThreads(4) { _ in
      for index in 0..<UInt32(1000) {
        if (try? map.update(bytes(index), bytes(UInt64(1)), flags: .mustNotExist)) != nil {
          try? winners.push(bytes(UInt64(index)))
        }
      }
    }
    var count = 0
    while try winners.pop() != nil { count += 1 }
    #expect(count == 1000)
  }

  @Test("tries, queues, filters and maps of maps take several threads")
  func otherKinds() throws {
    let runtime = Runtime()
    let trie = try runtime.makeMap(MapDefinition(MapShape(11, key: 8, entries: 1000, flags: 1)))
    let filter = try runtime.makeMap(MapDefinition(MapShape(30, key: 0, entries: 1000)))
    let inner = try runtime.makeMap(MapDefinition(MapShape(2)))
    let outer = try runtime.makeMap(MapDefinition(MapShape(13, value: 4)), template: inner)
    onThreads(4) { thread in
      for turn in 0..<500 {
        let prefix = bytes(UInt32(16 + turn % 17)) + [10, UInt8(thread), UInt8(turn & 255), 0]
        try? trie.update(prefix, bytes(UInt64(turn)))
        #expect((try? trie.lookup(prefix)) != nil)
        if turn % 2 == 0 { try? trie.delete(prefix) }
        _ = try? trie.nextKey(after: prefix)
        let value = bytes(UInt64(thread * 1000 + turn))
        try? filter.push(value)
        #expect((try? filter.mayContain(value)) == true)
        try? outer.setMap(inner, forKey: bytes(UInt32(thread)))
        #expect(outer.map(forKey: bytes(UInt32(thread)))?.id == inner.id)
        if turn % 5 == 0 { try? outer.delete(bytes(UInt32(thread))) }
      }
    }
  }
}
