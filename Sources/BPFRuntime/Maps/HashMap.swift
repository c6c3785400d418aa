// UNSAFE. A hash table that programs read without a lock.
//
// Invariants:
// - Keys and values are as many bytes as the operation says, which callers guarantee.
// - Chains and pool change under the lock. Programs search without it, inside a run, and rely on
//   the pool: what they stand on is not handed out again before their run ends, or else
//   `earlyReuses` was raised before it was.

import Synchronization

/// HASH and PERCPU_HASH (maps-and-helpers.md 11.2 and 11.4).
///
/// An update of an existing key takes a fresh element and swaps it in by one store: whoever holds
/// the address of the old value keeps a value that nobody changes under their hands, and a search
/// finds the old value or the new one, never a mixture. The new element takes the place of the old
/// one, so that a walk over the keys that updates each of them ends (in Linux it need not).
///
/// A per-CPU value is written in place; where a program creates it, its padding is zero (Linux
/// leaves there what an earlier element had).
package final class HashMap: Map, @unchecked Sendable {
  // Sendable: searches use atomics, everything that changes is behind the Mutex.

  private let chains: HashChains
  /// The values of a per-CPU map, CPU by CPU.
  private let copies: StableMemory
  private let values: ValueGrid
  private let epochs: Epochs
  private let pool = Mutex(ElementPool())
  private let earlyReuses = Atomic<UInt64>(0)

  /// Elements beyond `maxEntries`, so that a full map can be updated while some of its former
  /// elements may still be in use. Linux has one per CPU.
  private static let spareElements = 32

  init(
    definition: MapDefinition, id: UInt32, possibleCPUs: Int, epochs: Epochs
  ) throws(LinuxError) {
    try Self.check(definition)
    self.epochs = epochs
    let isPerCPU = definition.type.isPerCPU
    let capacity = definition.maxEntries + UInt32(possibleCPUs + Self.spareElements)
    let valueStride = definition.paddedValueSize
    chains = try HashChains(
      definition: definition, capacity: capacity, valueBytes: isPerCPU ? 0 : valueStride)
    // At most 2^15 bytes for each of 2^28 elements and 2^12 CPUs: nothing overflows.
    let copyStride = (valueStride * Int(capacity) + 63) & ~63
    copies = try StableMemory(byteCount: isPerCPU ? copyStride * possibleCPUs : 0)
    values = ValueGrid(
      base: isPerCPU ? copies.address : chains.base &+ chains.valueOffset,
      stride: isPerCPU ? UInt64(valueStride) : chains.stride, count: UInt64(capacity),
      valueSize: Int(definition.valueSize), copyStride: isPerCPU ? UInt64(copyStride) : 0,
      copies: isPerCPU ? possibleCPUs : 1)
    try super.init(definition: definition, id: id)
  }

  private static func check(_ definition: MapDefinition) throws(LinuxError) {
    let isPerCPU = definition.type.isPerCPU
    var accepted: MapFlags = [
      .noPreallocation, .zeroSeed, .readOnly, .writeOnly, .readOnlyForPrograms,
      .writeOnlyForPrograms,
    ]
    if !isPerCPU { accepted.insert(.numaNode) }
    guard definition.flags.isSubset(of: accepted), definition.flags.permitSomething,
      definition.keySize > 0, definition.valueSize > 0, definition.maxEntries > 0,
      definition.extra == 0
    else { throw .invalid }
    let elementSize = UInt64(definition.keySize) + UInt64(definition.valueSize)
    guard elementSize < MapLimits.hashElementSize,
      definition.maxEntries <= MapLimits.hashEntries,
      !isPerCPU || definition.paddedValueSize <= MapLimits.perCPUValueSize
    else { throw .tooBig }
  }

  @inline(__always)
  private func value(_ element: UInt32, _ cpuIndex: Int) -> UnsafeMutableRawPointer {
    unsafe values.pointer(UInt64(element &- 1), cpuIndex: cpuIndex)
  }

  // MARK: From programs

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    let element = unsafe search(key)
    guard element != 0 else { return nil }
    return unsafe value(element, definition.type.isPerCPU ? cpuIndex : 0)
  }

  /// Searches without the lock. An element that was handed out early may have led astray, so a
  /// search that such a reuse fell into is repeated, at last with the lock.
  @inline(__always)
  private func search(_ key: UnsafeRawPointer) -> UInt32 {
    for _ in 0..<4 {
      let before = earlyReuses.load(ordering: .acquiring)
      let element = unsafe chains.find(key).element
      atomicMemoryFence(ordering: .acquiring)
      if earlyReuses.load(ordering: .relaxed) == before { return element }
    }
    return pool.withLock { _ in unsafe chains.find(key).element }
  }

  package override func update(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags, cpuIndex: Int
  ) -> LinuxError? {
    guard definition.type.isPerCPU else { return unsafe replace(key, value, flags) }
    return unsafe updateCopies(key, flags) { element, isNew in
      for copy in 0..<values.copies where copy == cpuIndex || isNew {
        let target = unsafe self.value(element, copy)
        if copy == cpuIndex {
          unsafe target.copyMemory(from: value, byteCount: valueSize)
        } else {
          unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: Int(values.stride))
        }
      }
    }
  }

  package override func delete(key: UnsafeRawPointer) -> LinuxError? {
    pool.withLock { pool in
      let position = unsafe chains.find(key)
      guard position.element != 0 else { return .noEntry }
      chains.remove(position)
      pool.giveBack(position.element, chains, epochs)
      return nil
    }
  }

  package override func element(
    containing address: UInt64
  ) -> (key: [UInt8], value: UInt64)? {
    guard values.copies == 1, values.contains(address, 1) else { return nil }
    let index = (address &- values.base) / values.stride
    let key = unsafe [UInt8](unsafeUninitializedCapacity: keySize) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      unsafe chains.copyKey(of: UInt32(truncatingIfNeeded: index) &+ 1, to: start)
      count = keySize
    }
    return (key, values.base &+ index &* values.stride)
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    values.contains(address, count)
  }

  package override var valueAddresses: Range<UInt64> { values.addresses }

  // MARK: Updates

  private func refusal(_ flags: UpdateFlags, _ position: HashChains.Position) -> LinuxError? {
    if flags == .mustNotExist, position.element != 0 { return .exists }
    if flags == .mustExist, position.element == 0 { return .noEntry }
    return nil
  }

  /// A fresh element with the key in it, in no chain yet.
  private func freshElement(_ pool: inout ElementPool, _ key: UnsafeRawPointer) -> UInt32? {
    guard let fresh = pool.take(chains, epochs) else { return nil }
    if fresh.isEarly {
      // Raised before the element changes: a search that meets the change sees the rise.
      earlyReuses.wrappingAdd(1, ordering: .sequentiallyConsistent)
      atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
    unsafe chains.prepare(fresh.number, key: key)
    return fresh.number
  }

  private func replace(
    _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, _ flags: UpdateFlags
  ) -> LinuxError? {
    guard flags.rawValue <= UpdateFlags.mustExist.rawValue else { return .invalid }
    return pool.withLock { pool in
      let position = unsafe chains.find(key)
      if let error = refusal(flags, position) { return error }
      guard position.element != 0 || pool.used < definition.maxEntries,
        let fresh = unsafe freshElement(&pool, key)
      else { return .tooBig }
      unsafe self.value(fresh, 0).copyMemory(from: value, byteCount: valueSize)
      chains.publish(fresh, at: position)
      if position.element != 0 { pool.giveBack(position.element, chains, epochs) }
      return nil
    }
  }

  /// Lets `write` write a per-CPU value in place, after making the element if there is none.
  private func updateCopies(
    _ key: UnsafeRawPointer, _ flags: UpdateFlags, _ write: (UInt32, _ isNew: Bool) -> Void
  ) -> LinuxError? {
    guard flags.rawValue <= UpdateFlags.mustExist.rawValue else { return .invalid }
    return pool.withLock { pool in
      let position = unsafe chains.find(key)
      if let error = refusal(flags, position) { return error }
      guard position.element == 0 else {
        write(position.element, false)
        return nil
      }
      guard pool.used < definition.maxEntries, let fresh = unsafe freshElement(&pool, key) else {
        return .tooBig
      }
      write(fresh, true)
      chains.publish(fresh, at: position)
      return nil
    }
  }

  // MARK: From user space

  package override var userValueSize: Int {
    definition.type.isPerCPU ? Int(values.stride) * values.copies : valueSize
  }

  /// Copies all copies of a value out. Under the lock: user space runs in no epoch.
  private func copyOut(_ element: UInt32, to target: UnsafeMutableRawPointer) {
    let size = userValueSize / values.copies
    for copy in 0..<values.copies {
      unsafe (target + copy * size).copyMemory(from: value(element, copy), byteCount: size)
    }
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    pool.withLock { _ in
      let element = unsafe chains.find(key).element
      guard element != 0 else { return .noEntry }
      unsafe copyOut(element, to: value)
      return nil
    }
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard definition.type.isPerCPU else { return unsafe replace(key, value, flags) }
    let size = Int(values.stride)
    return unsafe updateCopies(key, flags) { element, _ in
      for copy in 0..<values.copies {
        unsafe self.value(element, copy).copyMemory(from: value + copy * size, byteCount: size)
      }
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    pool.withLock { _ in
      let element = unsafe chains.element(after: key)
      guard element != 0 else { return .noEntry }
      unsafe chains.copyKey(of: element, to: next)
      return nil
    }
  }

  package override func lookupAndDelete(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    pool.withLock { pool in
      let position = unsafe chains.find(key)
      guard position.element != 0 else { return .noEntry }
      unsafe copyOut(position.element, to: value)
      chains.remove(position)
      pool.giveBack(position.element, chains, epochs)
      return nil
    }
  }
}
