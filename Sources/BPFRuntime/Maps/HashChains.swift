// UNSAFE. Buckets and elements of a hash map in raw memory.
//
// Invariants:
// - Links are element numbers from 1, 0 ends a chain; every link that can be read names an element
//   of the block, so following links never leaves it.
// - Links change only under the map's lock, by one store each, so a reader without the lock finds
//   an element before or after a change, never half of it.
// - An element that has left its chain keeps its link, key and value until the pool hands it out
//   again, so a reader that stands on it goes on to the rest of the chain.

import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The chains of a hash map: one word per bucket, and elements that never move.
///
/// An element is a header, the key, and (except in per-CPU maps) the value, all in one block of
/// fresh zero pages: memory is used when elements are, not when the map is made.
@safe
struct HashChains: ~Copyable, Sendable {
  /// Where a search ended.
  struct Position {
    /// The element; 0 when the key is not there.
    var element: UInt32
    /// The address of the word that links to it.
    var link: UInt64
  }

  private let memory: StableMemory
  private let buckets: StableMemory
  private let bucketMask: UInt64
  private let keySize: Int
  private let hash: KeyHash
  /// Bytes from one element to the next.
  let stride: UInt64
  /// Where the value starts in an element.
  let valueOffset: UInt64
  /// How many elements there are.
  let capacity: UInt32

  /// Offsets in an element's header.
  private enum Field {
    /// The next element of the chain.
    static let next: UInt64 = 0
    /// The upper half of the key's hash: most other keys differ already here.
    static let tag: UInt64 = 4
    /// When the element left its chain: see ``Epochs/stamp()``.
    static let stamp: UInt64 = 8
    /// The next element that left its chain.
    static let nextFree: UInt64 = 16
    /// Where the key starts.
    static let key: UInt64 = 24
  }

  /// Allocates room for `capacity` elements with `valueBytes` each.
  init(
    definition: MapDefinition, capacity: UInt32, valueBytes: Int
  ) throws(LinuxError) {
    let keySize = Int(definition.keySize)
    let valueOffset = (Int(Field.key) + keySize + 7) & ~7
    let stride = valueOffset + valueBytes
    let (byteCount, overflow) = stride.multipliedReportingOverflow(by: Int(capacity))
    guard !overflow else { throw .noMemory }
    var bucketCount: UInt64 = 1
    while bucketCount < UInt64(definition.maxEntries) { bucketCount &*= 2 }
    let buckets = try StableMemory(byteCount: Int(bucketCount) * 4)
    memory = try StableMemory(byteCount: byteCount)
    self.buckets = buckets
    bucketMask = bucketCount &- 1
    self.keySize = keySize
    self.stride = UInt64(stride)
    self.valueOffset = UInt64(valueOffset)
    self.capacity = capacity
    hash = KeyHash(
      seed: definition.flags.contains(.zeroSeed) ? 0 : UInt64.random(in: .min ... .max))
  }

  /// Address of the first element; element number 1 is there.
  var base: UInt64 { memory.address }

  @inline(__always)
  private func address(_ element: UInt32) -> UInt64 {
    memory.address &+ UInt64(element &- 1) &* stride
  }

  @inline(__always)
  private func follow(_ link: UInt64) -> UInt32 {
    unsafe GuestMemory.word(link).pointee.load(ordering: .acquiring)
  }

  @inline(__always)
  private func bucket(_ hash: UInt64) -> UInt64 {
    buckets.address &+ (hash & bucketMask) &* 4
  }

  @inline(__always)
  private func key(of element: UInt32) -> UnsafeRawPointer {
    let pointer = unsafe GuestMemory.pointer(address(element) &+ Field.key).unsafelyUnwrapped
    return UnsafeRawPointer(pointer)
  }

  // MARK: Finding

  /// Looks for a key, with or without the lock.
  @inline(__always)
  func find(_ key: UnsafeRawPointer) -> Position {
    let hash = unsafe hash(key, byteCount: keySize)
    let tag = UInt32(truncatingIfNeeded: hash &>> 32)
    var link = bucket(hash)
    while true {
      let element = follow(link)
      guard element != 0 else { return Position(element: 0, link: link) }
      let header = address(element)
      if GuestMemory.load(header &+ Field.tag, as: UInt32.self) == tag,
        unsafe memcmp(self.key(of: element), key, keySize) == 0
      {
        return Position(element: element, link: link)
      }
      link = header &+ Field.next
    }
  }

  /// The element after a key's in the order of the buckets; the first one for no or an unknown key.
  /// 0 after the last one. Needs the lock.
  func element(after key: UnsafeRawPointer?) -> UInt32 {
    guard let key = unsafe key, case let element = unsafe find(key).element, element != 0 else {
      return firstElement(fromBucket: 0)
    }
    let next = follow(address(element) &+ Field.next)
    let number = unsafe hash(key, byteCount: keySize) & bucketMask
    return next != 0 ? next : firstElement(fromBucket: number &+ 1)
  }

  private func firstElement(fromBucket start: UInt64) -> UInt32 {
    var number = start
    while number <= bucketMask {
      let element = follow(buckets.address &+ number &* 4)
      if element != 0 { return element }
      number &+= 1
    }
    return 0
  }

  /// Copies an element's key out.
  func copyKey(of element: UInt32, to next: UnsafeMutableRawPointer) {
    unsafe next.copyMemory(from: key(of: element), byteCount: keySize)
  }

  // MARK: Changing, under the lock

  /// Writes the key into an element that is in no chain.
  func prepare(_ element: UInt32, key: UnsafeRawPointer) {
    let header = address(element)
    let tag = unsafe hash(key, byteCount: keySize) &>> 32
    GuestMemory.store(header &+ Field.tag, tag, as: UInt32.self)
    unsafe GuestMemory.pointer(header &+ Field.key).unsafelyUnwrapped
      .copyMemory(from: key, byteCount: keySize)
  }

  /// Puts a prepared element into the chain where a search ended, instead of what was found there.
  func publish(_ element: UInt32, at position: Position) {
    let next = position.element == 0 ? 0 : follow(address(position.element) &+ Field.next)
    let own = unsafe GuestMemory.word(address(element) &+ Field.next)
    unsafe own.pointee.store(next, ordering: .relaxed)
    unsafe GuestMemory.word(position.link).pointee.store(element, ordering: .releasing)
  }

  /// Takes what a search found out of its chain.
  func remove(_ position: Position) {
    let next = follow(address(position.element) &+ Field.next)
    unsafe GuestMemory.word(position.link).pointee.store(next, ordering: .releasing)
  }

  /// When an element left its chain.
  func stamp(of element: UInt32) -> UInt64 {
    GuestMemory.load(address(element) &+ Field.stamp, as: UInt64.self)
  }

  /// Notes when an element left its chain, and that none waits behind it.
  func setStamp(of element: UInt32, _ stamp: UInt64) {
    GuestMemory.store(address(element) &+ Field.stamp, stamp, as: UInt64.self)
    setNextFree(after: element, 0)
  }

  /// The element that waits behind another one.
  func nextFree(after element: UInt32) -> UInt32 {
    GuestMemory.load(address(element) &+ Field.nextFree, as: UInt32.self)
  }

  /// Lets an element wait behind another one.
  func setNextFree(after element: UInt32, _ next: UInt32) {
    GuestMemory.store(address(element) &+ Field.nextFree, UInt64(next), as: UInt32.self)
  }
}
