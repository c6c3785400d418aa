// The kernel reads and writes as many bytes as the map's sizes say, whatever the caller passed:
// every operation here compares the counts first and answers EINVAL itself.

extension KernelMap {
  /// The value of a key; of a program array the program's id (R4.8), of a map-in-map the map's.
  ///
  /// - Throws: ``KernelErrno`` as bpf(2) gives it; `EINVAL` for a key of another size.
  public func lookup(_ key: [UInt8], flags: UInt64 = 0) throws(KernelErrno) -> [UInt8] {
    try read(.mapLookup, key, flags)
  }

  /// The value of a key, which is removed; of a queue or stack the next element, with an empty key.
  ///
  /// - Throws: ``KernelErrno`` as bpf(2) gives it; `EINVAL` for a key of another size.
  public func lookupAndDelete(_ key: [UInt8], flags: UInt64 = 0) throws(KernelErrno) -> [UInt8] {
    try read(.mapLookupAndDelete, key, flags)
  }

  /// Whether a bloom filter may have been given a value; `false` is certain.
  ///
  /// - Throws: ``KernelErrno`` as bpf(2) gives it; `EINVAL` for a value of another size.
  public func mayContain(_ value: [UInt8]) throws(KernelErrno) -> Bool {
    guard value.count == shape.transferSize else { throw .invalid }
    var memory = Scratch(byteCounts: [value.count])
    var attribute = element([], 0, &memory)
    attribute.store(wide: memory.place(value).address, at: 16)
    do throws(KernelErrno) {
      _ = try attribute.perform(.mapLookup, with: memory)
      return true
    } catch .noEntry {
      return false
    }
  }

  /// Stores a value: flags 0 always, 1 only under a new key, 2 only under a present one.
  ///
  /// - Throws: ``KernelErrno`` as bpf(2) gives it; `EINVAL` for a key or value of another size.
  public func update(
    _ key: [UInt8], _ value: [UInt8], flags: UInt64 = 0
  ) throws(KernelErrno) {
    guard key.count == Int(shape.keySize), value.count == shape.transferSize else {
      throw .invalid
    }
    var memory = Scratch(byteCounts: [key.count, value.count])
    var attribute = element(key, flags, &memory)
    attribute.store(wide: memory.place(value).address, at: 16)
    _ = try attribute.perform(.mapUpdate, with: memory)
  }

  /// Removes a key.
  ///
  /// - Throws: ``KernelErrno`` as bpf(2) gives it; `EINVAL` for a key of another size.
  public func delete(_ key: [UInt8]) throws(KernelErrno) {
    guard key.count == Int(shape.keySize) else { throw .invalid }
    var memory = Scratch(byteCounts: [key.count])
    var attribute = element(key, 0, &memory)
    _ = try attribute.perform(.mapDelete, with: memory)
  }

  /// The key after `key`, the first one for `nil`.
  ///
  /// - Throws: ``KernelErrno``; `ENOENT` after the last key.
  public func nextKey(after key: [UInt8]?) throws(KernelErrno) -> [UInt8] {
    guard key == nil || key?.count == Int(shape.keySize) else { throw .invalid }
    let key = key ?? []
    var memory = Scratch(byteCounts: [key.count, Int(shape.keySize)])
    var attribute = element(key, 0, &memory)
    let next = memory.reserve(Int(shape.keySize))
    attribute.store(wide: next.address, at: 16)
    _ = try attribute.perform(.mapNextKey, with: memory)
    return memory.bytes(of: next)
  }

  /// Forbids every later change from user space.
  ///
  /// - Throws: ``KernelErrno``; `EPERM` when the map is frozen already (R4.13).
  public func freeze() throws(KernelErrno) {
    var attribute = Attribute()
    attribute.store(descriptor, at: 0)
    _ = try attribute.perform(.mapFreeze)
  }

  /// Every key and value, in the kernel's order; what changes meanwhile may be missed or doubled.
  ///
  /// - Throws: ``KernelErrno`` of anything but an element that is empty or gone.
  public func elements() throws(KernelErrno) -> [(key: [UInt8], value: [UInt8])] {
    var found: [(key: [UInt8], value: [UInt8])] = []
    var last: [UInt8]?
    // A hash that others write to can send the walk back to its start: hence the bound.
    for _ in 0..<shape.maxEntries {
      do throws(KernelErrno) {
        last = try nextKey(after: last)
      } catch .noEntry {
        break
      }
      guard let key = last else { break }
      do throws(KernelErrno) {
        found.append((key, try lookup(key)))
      } catch .noEntry {
        continue
      }
    }
    return found
  }

  private func read(
    _ command: Command, _ key: [UInt8], _ flags: UInt64
  ) throws(KernelErrno) -> [UInt8] {
    guard key.count == Int(shape.keySize) else { throw .invalid }
    var memory = Scratch(byteCounts: [key.count, shape.transferSize])
    var attribute = element(key, flags, &memory)
    let value = memory.reserve(shape.transferSize)
    attribute.store(wide: value.address, at: 16)
    _ = try attribute.perform(command, with: memory)
    return memory.bytes(of: value)
  }

  private func element(_ key: [UInt8], _ flags: UInt64, _ memory: inout Scratch) -> Attribute {
    var attribute = Attribute()
    attribute.store(descriptor, at: 0)
    attribute.store(wide: memory.place(key).address, at: 8)
    attribute.store(wide: flags, at: 24)
    return attribute
  }
}
