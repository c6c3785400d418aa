// UNSAFE. The operations of a hash map that have no function of their own: user space's, mostly.
//
// Invariant: user space reads under the lock of a bucket, because it runs in no epoch; buffers have
// as many bytes as a value.

extension HashMap {
  /// Writes one CPU's value; the others' are zero in a new element.
  @inline(__always)
  func updateOwnCopy<Key: HashKey>(
    _ key: UInt64, _ value: UInt64, _ flags: UInt64, cpuIndex: Int, slot: Int, _ type: Key.Type
  ) -> LinuxError? {
    updateCopies(key, flags, slot, type) { element, isNew in
      if isNew { clearCopies(element) }
      layout.copy(value, to: self.value(element, cpuIndex))
    }
  }

  @inline(never)
  private func clearCopies(_ element: UInt64) {
    for copy in 0..<values.copies {
      GuestMemory.clear(value(element, copy), count: Int(values.stride))
    }
  }

  /// Writes the values of all CPUs.
  func updateAllCopies(_ key: UInt64, _ value: UInt64, _ flags: UInt64) -> LinuxError? {
    let size = Int(values.stride)
    return updateCopies(key, flags, Self.userSlot, AnyKey.self) { element, _ in
      for copy in 0..<values.copies {
        GuestMemory.move(
          value &+ UInt64(copy * size), to: self.value(element, copy), count: size)
      }
    }
  }

  /// Copies a value out, of all CPUs. Under the lock of the element's bucket.
  func read(_ element: UInt64, to target: UInt64, isLocked: Bool) {
    guard isPerCPU else {
      return layout.read(value(element, 0), to: target, isLocked: isLocked)
    }
    let size = Int(values.stride)
    for copy in 0..<values.copies {
      GuestMemory.move(value(element, copy), to: target &+ UInt64(copy * size), count: size)
    }
  }

  /// The element after a key's in the order of the buckets, or the first one for no or an unknown
  /// key; `body` sees it under the lock of its bucket.
  func withElement(after key: UInt64?, _ body: (UInt64) -> Void) -> LinuxError? {
    var number: UInt64 = 0
    if let key {
      let address = table.bucket(key, AnyKey.self)
      let bucket = LockedBucket(table, address)
      defer { bucket.unlock() }
      let element = bucket.find(key, AnyKey.self).element
      if element != 0 {
        number = (address &- table.buckets) / 4 &+ 1
        let next = table.follow(element)
        if next != 0 {
          body(table.address(next))
          return nil
        }
      }
    }
    while number <= table.bucketMask {
      let address = table.buckets &+ number &* 4
      number &+= 1
      guard table.follow(address) & ~HashTable.lockBit != 0 else { continue }
      let bucket = LockedBucket(table, address)
      defer { bucket.unlock() }
      guard bucket.first != 0 else { continue }
      body(table.address(bucket.first))
      return nil
    }
    return .noEntry
  }
}

extension HashMap {
  /// Copies of the elements of a bucket, as they were together; `nil` when there are more than
  /// `limit`.
  func elements(
    inBucket number: UInt64, limit: Int, isLocked: Bool
  ) -> [MapBatch.Element]? {
    let address = table.buckets &+ number &* 4
    guard table.follow(address) & ~HashTable.lockBit != 0 else { return [] }
    let bucket = LockedBucket(table, address)
    defer { bucket.unlock() }
    var elements: [MapBatch.Element] = []
    var link = bucket.first
    while link != 0 {
      guard elements.count < limit else { return nil }
      let element = table.address(link)
      var value = [UInt8](repeating: 0, count: userValueSize)
      unsafe value.withUnsafeMutableBytes { bytes in
        guard let target = bytes.baseAddress else { return }
        read(element, to: unsafe GuestMemory.address(target), isLocked: isLocked)
      }
      let key = GuestMemory.bytes(at: element &+ HashTable.Field.key, count: keySize)
      elements.append(MapBatch.Element(key: key, value: value))
      link = table.follow(element)
    }
    return elements
  }
}
