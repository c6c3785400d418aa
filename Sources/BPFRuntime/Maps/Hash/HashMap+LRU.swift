// What LRU maps do differently: they keep an order, and make room. Chains and list change together
// under the list's Mutex; buckets are locked inside it, because user space reads under a bucket's
// lock alone.

import Synchronization

extension HashMap {
  /// Writes a value: helper 2 of an LRU hash.
  @inline(__always)
  func replaceRecent<Key: HashKey>(
    _ key: UInt64, _ value: UInt64, _ flags: UInt64, _ slot: Int, _ type: Key.Type
  ) -> LinuxError? {
    guard flags <= 2 else { return .invalid }
    let fresh = freshElement(key, slot, type)
    return insertRecent(fresh, key, flags, slot, type) { element, _ in
      layout.copy(value, to: element &+ table.valueOffset)
    }
  }

  /// Puts a fresh element in, in place of the one with the same key or of one that was not used
  /// for long; `write` fills it in before others see it.
  @inline(__always)
  func insertRecent<Key: HashKey>(
    _ fresh: UInt64, _ key: UInt64, _ flags: UInt64, _ slot: Int, _ type: Key.Type,
    _ write: (UInt64, _ isNew: Bool) -> Void
  ) -> LinuxError? {
    recency.withLock { list in
      let address = table.bucket(key, type)
      var bucket = LockedBucket(table, address)
      let position = bucket.find(key, type)
      let isThere = position.element != 0
      if let error = refusal(flags, isThere: isThere) {
        bucket.unlock()
        if fresh != 0 { store.putBack(table.link(fresh), slot) }
        return error
      }
      if isThere, isPerCPU || fresh == 0 {
        write(position.element, false)
        bucket.unlock()
        RecencyList.touch(position.element)
        if fresh != 0 { store.putBack(table.link(fresh), slot) }
        return nil
      }
      guard fresh != 0 else {
        bucket.unlock()
        return .noMemory
      }
      write(fresh, true)
      if isThere {
        bucket.put(fresh, at: position)
        bucket.unlock()
        list.remove(position.element, table)
        list.append(fresh, isMarked: true, table)
        store.retire(table.link(position.element), slot)
        return nil
      }
      bucket.unlock()
      while list.count >= definition.maxEntries { evict(&list, slot, type) }
      // Nobody else inserts without the list, so the key is still missing.
      bucket = LockedBucket(table, address)
      bucket.put(fresh, at: bucket.find(key, type))
      list.append(fresh, isMarked: false, table)
      bucket.unlock()
      return nil
    }
  }

  @inline(__always)
  private func evict<Key: HashKey>(_ list: inout RecencyList, _ slot: Int, _ type: Key.Type) {
    let victim = list.victim(table)
    let key = victim &+ HashTable.Field.key
    var bucket = LockedBucket(table, table.bucket(key, type))
    bucket.remove(bucket.find(key, type))
    bucket.unlock()
    list.remove(victim, table)
    store.retire(table.link(victim), slot)
  }

  /// Removes an element, after `read` has seen it.
  @inline(__always)
  func removeRecent<Key: HashKey>(
    _ key: UInt64, _ slot: Int, _ type: Key.Type, _ read: (UInt64) -> Void
  ) -> LinuxError? {
    recency.withLock { list in
      var bucket = LockedBucket(table, table.bucket(key, type))
      let position = bucket.find(key, type)
      guard position.element != 0 else {
        bucket.unlock()
        return .noEntry
      }
      read(position.element)
      bucket.remove(position)
      bucket.unlock()
      list.remove(position.element, table)
      store.retire(table.link(position.element), slot)
      return nil
    }
  }
}
