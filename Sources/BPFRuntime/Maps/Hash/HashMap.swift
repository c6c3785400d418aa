// UNSAFE. A hash table that programs read without a lock.
//
// Invariants:
// - Keys and values are as many bytes as the operation says, which callers guarantee.
// - A chain changes under the lock of its bucket; the list of an LRU map under its Mutex, which is
//   taken before a bucket's lock. Programs search without locks, inside a run, and rely on the
//   store: what they stand on is not handed out again before their run ends.

import Synchronization

/// HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH (maps-and-helpers.md 11.2, 11.4, 11.5).
///
/// An update of an existing key takes a fresh element and swaps it in by one store: whoever holds
/// the address of the old value keeps a value that nobody changes under their hands, and a search
/// finds the old value or the new one, never a mixture. The new element takes the place of the old
/// one, so that a walk over the keys that updates each of them ends (in Linux it need not).
///
/// A per-CPU value is written in place; where a program creates it, its padding is zero (Linux
/// leaves there what an earlier element had).
package final class HashMap: Map, @unchecked Sendable {
  // Sendable: searches use atomics, everything that changes is behind locks.

  let table: HashTable
  let store: ElementStore
  let layout: ValueLayout
  let isPerCPU: Bool
  /// The order of an LRU map.
  let recency: Mutex<RecencyList>
  let isLRU: Bool
  private let buckets: StableMemory
  /// The values of a per-CPU map, CPU by CPU.
  private let copies: StableMemory
  let values: ValueGrid
  /// Elements in chains, except in LRU maps, whose list counts them.
  private let used = Atomic<UInt32>(0)

  /// A slot that is no CPU's: user space's.
  static let userSlot = Int.max

  init(
    definition: MapDefinition, id: UInt32, possibleCPUs: Int, epochs: Epochs
  ) throws(LinuxError) {
    try Self.check(definition)
    let isPerCPU = definition.type.isPerCPU
    let isLRU = definition.type == .lruHash || definition.type == .lruPerCPUHash
    let valueStride = definition.paddedValueSize
    let valueOffset =
      Int(HashTable.Field.key) + HashTable.paddedKeySize(Int(definition.keySize))
    let linkOffset = isLRU ? RecencyList.byteCount : 0
    store = try ElementStore(
      count: definition.maxEntries, stride: linkOffset + valueOffset + (isPerCPU ? 8 : valueStride),
      linkOffset: linkOffset, outside: isPerCPU ? valueStride * possibleCPUs : 0,
      poolCount: possibleCPUs, epochs: epochs)
    let capacity = Int(store.capacity)
    // At most 2^15 bytes for each of 2^28 elements and 2^12 CPUs: nothing overflows.
    let copyStride = (valueStride * capacity + 63) & ~63
    copies = try StableMemory(byteCount: isPerCPU ? copyStride * possibleCPUs : 0)
    values = ValueGrid(
      base: isPerCPU ? copies.address : store.firstElement &+ UInt64(valueOffset),
      stride: isPerCPU ? UInt64(valueStride) : store.stride, count: UInt64(capacity),
      valueSize: Int(definition.valueSize), copyStride: isPerCPU ? UInt64(copyStride) : 0,
      copies: isPerCPU ? possibleCPUs : 1)
    var bucketCount: UInt64 = 1
    while bucketCount < UInt64(definition.maxEntries) { bucketCount &*= 2 }
    buckets = try StableMemory(byteCount: Int(bucketCount) * 4)
    table = HashTable(
      buckets: buckets.address, bucketMask: bucketCount &- 1,
      secret: HashSecret(isZero: definition.flags.contains(.zeroSeed)), elements: store.elements,
      keySize: Int(definition.keySize), valueOffset: UInt64(valueOffset))
    layout = ValueLayout(definition)
    self.isPerCPU = isPerCPU
    self.isLRU = isLRU
    recency = Mutex(RecencyList())
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.table = table
    unsafe header.words.pointee.copyStride = values.copyStride
    HashFunctions.register(self)
  }

  private static func check(_ definition: MapDefinition) throws(LinuxError) {
    let isPerCPU = definition.type.isPerCPU
    let isLRU = definition.type == .lruHash || definition.type == .lruPerCPUHash
    var accepted: MapFlags = [
      .noPreallocation, .zeroSeed, .readOnly, .writeOnly, .readOnlyForPrograms,
      .writeOnlyForPrograms,
    ]
    if !isPerCPU { accepted.insert(.numaNode) }
    if isLRU { accepted.insert(.noCommonLRU) }
    guard definition.flags.isSubset(of: accepted), definition.flags.permitSomething else {
      throw .invalid
    }
    if isLRU, definition.flags.contains(.noPreallocation) { throw .notSupported }
    guard definition.keySize > 0, definition.valueSize > 0, definition.maxEntries > 0,
      definition.extra == 0
    else { throw .invalid }
    let elementSize = UInt64(definition.keySize) + UInt64(definition.valueSize)
    guard elementSize < MapLimits.hashElementSize,
      definition.maxEntries <= MapLimits.hashEntries,
      !isPerCPU || definition.paddedValueSize <= MapLimits.perCPUValueSize
    else { throw .tooBig }
  }

  /// The address of an element's value, of one CPU in per-CPU maps.
  @inline(__always)
  func value(_ element: UInt64, _ cpuIndex: Int) -> UInt64 {
    let place = element &+ table.valueOffset
    guard isPerCPU else { return place }
    return GuestMemory.load(place, as: UInt64.self)
      &+ UInt64(truncatingIfNeeded: cpuIndex) &* values.copyStride
  }

  /// A fresh element with the key in it and no value yet; 0 when there is none.
  @inline(__always)
  func freshElement<Key: HashKey>(_ key: UInt64, _ slot: Int, _ type: Key.Type) -> UInt64 {
    let link = store.take(slot)
    guard link != 0 else { return 0 }
    let element = table.address(link)
    Key.copy(key, to: element &+ HashTable.Field.key, byteCount: table.keySize)
    if isPerCPU {
      let index = store.index(ofElementAt: element)
      GuestMemory.store(
        element &+ table.valueOffset, values.base &+ index &* values.stride, as: UInt64.self)
    }
    return element
  }

  /// What flags say about a key that was found or not.
  @inline(__always)
  func refusal(_ flags: UInt64, isThere: Bool) -> LinuxError? {
    if isThere { return flags & 3 == 1 ? .exists : nil }
    return flags & 3 == 2 ? .noEntry : nil
  }

  /// Counts one element more; `false` when the map is full.
  @inline(__always)
  private func reserve() -> Bool {
    if used.wrappingAdd(1, ordering: .relaxed).newValue <= definition.maxEntries { return true }
    used.wrappingSubtract(1, ordering: .relaxed)
    return false
  }

  // MARK: Changes of maps without an order

  /// Writes a value: helper 2 of a plain hash.
  @inline(__always)
  func replace<Key: HashKey>(
    _ key: UInt64, _ value: UInt64, _ flags: UInt64, _ slot: Int, _ type: Key.Type
  ) -> LinuxError? {
    guard flags <= 2 else { return replaceLocked(key, value, flags, slot) }
    let fresh = freshElement(key, slot, type)
    guard fresh != 0 else { return overwrite(key, value, flags) }
    layout.initialize(value, to: fresh &+ table.valueOffset)
    return publish(fresh, key, flags, slot, type)
  }

  /// Puts a fresh element in, in place of the one with the same key.
  @inline(__always)
  private func publish<Key: HashKey>(
    _ fresh: UInt64, _ key: UInt64, _ flags: UInt64, _ slot: Int, _ type: Key.Type
  ) -> LinuxError? {
    var bucket = LockedBucket(table, table.bucket(key, type))
    let position = bucket.find(key, type)
    let isThere = position.element != 0
    var refusal = refusal(flags, isThere: isThere)
    if refusal == nil, !isThere, !reserve() { refusal = .tooBig }
    if let refusal {
      bucket.unlock()
      store.putBack(table.link(fresh), slot)
      return refusal
    }
    bucket.put(fresh, at: position)
    bucket.unlock()
    if isThere { store.retire(table.link(position.element), slot) }
    return nil
  }

  /// An update under the value's lock happens in place (`BPF_F_LOCK`).
  @inline(never)
  private func replaceLocked(
    _ key: UInt64, _ value: UInt64, _ flags: UInt64, _ slot: Int
  ) -> LinuxError? {
    guard flags & ~4 <= 2, layout.hasLock else { return .invalid }
    let fresh = freshElement(key, slot, AnyKey.self)
    guard fresh != 0 else { return overwrite(key, value, flags) }
    layout.initialize(value, to: fresh &+ table.valueOffset)
    let bucket = LockedBucket(table, table.bucket(key, AnyKey.self))
    let found = bucket.find(key, AnyKey.self).element
    guard found != 0, refusal(flags, isThere: true) == nil else {
      bucket.unlock()
      return publish(fresh, key, flags, slot, AnyKey.self)
    }
    layout.copyLocked(value, to: found &+ table.valueOffset)
    bucket.unlock()
    store.putBack(table.link(fresh), slot)
    return nil
  }

  /// When all elements are in use by runs that do not end, a value that is there is written where
  /// it is, as in an array; a new one finds no memory.
  @inline(never)
  private func overwrite(_ key: UInt64, _ value: UInt64, _ flags: UInt64) -> LinuxError? {
    let bucket = LockedBucket(table, table.bucket(key, AnyKey.self))
    defer { bucket.unlock() }
    let element = bucket.find(key, AnyKey.self).element
    if let error = refusal(flags, isThere: element != 0) { return error }
    guard element != 0 else { return .noMemory }
    layout.copyLocked(value, to: element &+ table.valueOffset)
    return nil
  }

  /// Lets `write` write a per-CPU value in place, after making the element if there is none.
  @inline(__always)
  func updateCopies<Key: HashKey>(
    _ key: UInt64, _ flags: UInt64, _ slot: Int, _ type: Key.Type,
    _ write: (UInt64, _ isNew: Bool) -> Void
  ) -> LinuxError? {
    guard flags <= 2 else { return .invalid }
    let bucket = LockedBucket(table, table.bucket(key, type))
    let found = bucket.find(key, type).element
    if let error = refusal(flags, isThere: found != 0) {
      bucket.unlock()
      return error
    }
    if found != 0 {
      write(found, false)
      if isLRU { RecencyList.touch(found) }
      bucket.unlock()
      return nil
    }
    bucket.unlock()
    return insertCopies(key, flags, slot, write)
  }

  /// The same for a key that was not there.
  @inline(never)
  private func insertCopies(
    _ key: UInt64, _ flags: UInt64, _ slot: Int, _ write: (UInt64, _ isNew: Bool) -> Void
  ) -> LinuxError? {
    let fresh = freshElement(key, slot, AnyKey.self)
    if isLRU { return insertRecent(fresh, key, flags, slot, AnyKey.self, write) }
    guard fresh != 0 else { return .noMemory }
    write(fresh, true)
    var bucket = LockedBucket(table, table.bucket(key, AnyKey.self))
    let position = bucket.find(key, AnyKey.self)
    guard position.element == 0, reserve() else {
      // Somebody else has put the key in meanwhile, or the map is full.
      let error: LinuxError? = position.element == 0 ? .tooBig : refusal(flags, isThere: true)
      if error == nil { write(position.element, false) }
      bucket.unlock()
      store.putBack(table.link(fresh), slot)
      return error
    }
    bucket.put(fresh, at: position)
    bucket.unlock()
    return nil
  }

  /// Removes an element, after copying its value out if `read` is given.
  @inline(__always)
  func remove<Key: HashKey>(
    _ key: UInt64, _ slot: Int, _ type: Key.Type, _ read: (UInt64) -> Void = { _ in }
  ) -> LinuxError? {
    if isLRU { return removeRecent(key, slot, type, read) }
    var bucket = LockedBucket(table, table.bucket(key, type))
    let position = bucket.find(key, type)
    guard position.element != 0 else {
      bucket.unlock()
      return .noEntry
    }
    read(position.element)
    bucket.remove(position)
    bucket.unlock()
    used.wrappingSubtract(1, ordering: .relaxed)
    store.retire(table.link(position.element), slot)
    return nil
  }

  // MARK: The map's operations

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    let element = unsafe table.find(GuestMemory.address(key), AnyKey.self)
    guard element != 0 else { return nil }
    if isLRU { RecencyList.touch(element) }
    return unsafe GuestMemory.pointer(value(element, cpuIndex))
  }

  package override func update(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags, cpuIndex: Int
  ) -> LinuxError? {
    let (key, value) = unsafe (GuestMemory.address(key), GuestMemory.address(value))
    let flags = flags.rawValue
    if isPerCPU {
      return updateOwnCopy(
        key, value, flags, cpuIndex: cpuIndex, slot: Self.userSlot, AnyKey.self)
    }
    if isLRU { return replaceRecent(key, value, flags, Self.userSlot, AnyKey.self) }
    return replace(key, value, flags, Self.userSlot, AnyKey.self)
  }

  package override func delete(key: UnsafeRawPointer) -> LinuxError? {
    unsafe remove(GuestMemory.address(key), Self.userSlot, AnyKey.self)
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard isPerCPU else { return unsafe update(key: key, value: value, flags: flags, cpuIndex: 0) }
    return unsafe updateAllCopies(
      GuestMemory.address(key), GuestMemory.address(value), flags.rawValue)
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    let (key, value) = unsafe (GuestMemory.address(key), GuestMemory.address(value))
    let bucket = LockedBucket(table, table.bucket(key, AnyKey.self))
    defer { bucket.unlock() }
    let element = bucket.find(key, AnyKey.self).element
    guard element != 0 else { return .noEntry }
    read(element, to: value, isLocked: isLocked)
    return nil
  }

  package override func lookupAndDelete(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    let (key, value) = unsafe (GuestMemory.address(key), GuestMemory.address(value))
    return remove(key, Self.userSlot, AnyKey.self) { element in
      read(element, to: value, isLocked: isLocked)
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let next = unsafe GuestMemory.address(next)
    let key = unsafe key.map { unsafe GuestMemory.address($0) }
    return withElement(after: key) { element in
      GuestMemory.move(element &+ HashTable.Field.key, to: next, count: keySize)
    }
  }

  // MARK: For checked runs

  package override func element(
    containing address: UInt64
  ) -> (key: [UInt8], value: UInt64)? {
    guard !isPerCPU, values.contains(address, 1, firstValues: store.touchedCount) else {
      return nil
    }
    let value = values.base &+ (address &- values.base) / values.stride &* values.stride
    let key = value &- table.valueOffset &+ HashTable.Field.key
    return (GuestMemory.bytes(at: key, count: keySize), value)
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    values.contains(address, count, firstValues: store.touchedCount)
  }

  package override var valueAddresses: Range<UInt64> { values.addresses }

  package override var userValueSize: Int {
    isPerCPU ? Int(values.stride) * values.copies : valueSize
  }
}
