// UNSAFE. A set of bits that programs set and test without a lock.
//
// Invariant: values are as many bytes as the definition says, which callers guarantee; an index is
// masked before it becomes an address.

import Synchronization

/// BLOOM_FILTER (maps-and-helpers.md 11.14): tells that a value was never put in, or that it may
/// have been.
package final class BloomFilter: Map, @unchecked Sendable {
  // Sendable: the bits are atomics, nothing else is mutable.

  private let memory: StableMemory
  private let bitMask: UInt64
  private let hashCount: UInt64
  private let secret: HashSecret

  override init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    let accepted: MapFlags = [
      .numaNode, .zeroSeed, .readOnly, .writeOnly, .readOnlyForPrograms, .writeOnlyForPrograms,
    ]
    guard definition.keySize == 0, definition.valueSize > 0, definition.maxEntries > 0,
      definition.extra <= 15, definition.flags.isSubset(of: accepted),
      definition.flags.permitSomething
    else { throw .invalid }
    guard definition.valueSize <= MapLimits.queueValueSize else { throw .tooBig }
    hashCount = definition.extra == 0 ? 5 : definition.extra
    // A filter with k functions is best when it has k / ln 2 bits for each value: 7/5 of k.
    let wanted = UInt64(definition.maxEntries) * hashCount * 7 / 5
    var bitCount: UInt64 = 64
    while bitCount < wanted, bitCount < 1 << 32 { bitCount *= 2 }
    bitMask = bitCount - 1
    secret = HashSecret(isZero: definition.flags.contains(.zeroSeed))
    memory = try StableMemory(byteCount: Int(bitCount / 8))
    try super.init(definition: definition, id: id)
  }

  /// Calls `body` with the word and the bit of each hash, until it says no.
  private func allBits(
    _ value: UInt64, _ body: (UnsafeMutablePointer<Atomic<UInt32>>, UInt32) -> Bool
  ) -> Bool {
    let hash = AnyKey.hash(value, secret, byteCount: valueSize)
    // Two halves make any number of functions (Kirsch and Mitzenmacher).
    let (first, step) = (hash & 0xffff_ffff, hash &>> 32 | 1)
    for index in 0..<hashCount {
      let bit = (first &+ index &* step) & bitMask
      let word = unsafe GuestMemory.word(memory.address &+ bit / 32 * 4)
      guard unsafe body(word, 1 &<< UInt32(truncatingIfNeeded: bit & 31)) else { return false }
    }
    return true
  }

  package override func push(_ value: UInt64, flags: UpdateFlags) -> LinuxError? {
    guard flags == .any else { return .invalid }
    _ = unsafe allBits(value) { word, bit in
      unsafe word.pointee.bitwiseOr(bit, ordering: .relaxed)
      return true
    }
    return nil
  }

  package override func pop(into value: UInt64) -> LinuxError? { .operationNotSupported }

  package override func peek(_ value: UInt64) -> LinuxError? {
    unsafe allBits(value) { word, bit in
      unsafe word.pointee.load(ordering: .relaxed) & bit != 0
    } ? nil : .noEntry
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    .operationNotSupported
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    .operationNotSupported
  }
}
