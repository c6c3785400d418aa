// UNSAFE. Buckets and elements of a hash table in raw memory.
//
// Invariants:
// - A link is an element's distance from `elements` in units of eight bytes; 0 ends a chain. Every
//   link that can be read names an element of the block, so following links never leaves it.
// - A chain changes only under the lock of its bucket, by one store for each change, so a reader
//   without the lock finds an element before or after a change, never half of it.
// - An element that has left its chain keeps its link, key and value until no run that could have
//   found it is left, so a reader that stands on it goes on to the rest of the chain.

import Synchronization

/// Where a hash table is and how it is searched: addresses and sizes, which never change.
///
/// One word per bucket: the link to its first element, and a bit for its lock. An element is its
/// link, a word for whoever holds it outside of chains, the key, and the value. What a kind needs
/// besides stands before the link.
struct HashTable: Sendable {
  /// Address of the first bucket.
  var buckets: UInt64 = 0
  /// Number of buckets less one; the number is a power of two.
  var bucketMask: UInt64 = 0
  /// What the hash depends on.
  var secret = HashSecret()
  /// What links count from.
  var elements: UInt64 = 0
  /// Bytes of a key.
  var keySize: Int = 0
  /// Where the value starts in an element.
  var valueOffset: UInt64 = 0

  /// Offsets in an element.
  enum Field {
    static let next: UInt64 = 0
    static let spare: UInt64 = 4
    static let key: UInt64 = 8
  }

  /// The bit of a bucket that says that it is locked.
  static let lockBit: UInt32 = 1 << 31

  /// The bytes of a key with the padding that keeps the value aligned.
  static func paddedKeySize(_ keySize: Int) -> Int { (keySize + 7) & ~7 }

  /// The address of an element.
  @inline(__always)
  func address(_ link: UInt32) -> UInt64 { elements &+ UInt64(link) &* 8 }

  /// The link to an element.
  @inline(__always)
  func link(_ address: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: (address &- elements) &>> 3)
  }

  @inline(__always)
  func follow(_ address: UInt64) -> UInt32 {
    unsafe GuestMemory.word(address).pointee.load(ordering: .acquiring)
  }

  /// The address of a key's bucket.
  @inline(__always)
  func bucket<Key: HashKey>(_ key: UInt64, _ type: Key.Type) -> UInt64 {
    buckets &+ (Key.hash(key, secret, byteCount: keySize) & bucketMask) &* 4
  }

  /// The address of the element with a key, or 0: without a lock, inside a run.
  @inline(__always)
  func find<Key: HashKey>(_ key: UInt64, _ type: Key.Type) -> UInt64 {
    var link = follow(bucket(key, type)) & ~Self.lockBit
    while link != 0 {
      let element = address(link)
      if Key.areEqual(element &+ Field.key, key, byteCount: keySize) { return element }
      link = follow(element)
    }
    return 0
  }
}

/// A bucket that is locked by whoever has this.
///
/// The first link goes out with the store that unlocks, so inserting into an empty bucket is one
/// atomic exchange and one store.
struct LockedBucket {
  let table: HashTable
  let bucket: UInt64
  /// The link that the bucket will have when it is unlocked.
  private(set) var first: UInt32

  /// Waits for the lock of a bucket.
  @inline(__always)
  init(_ table: HashTable, _ bucket: UInt64) {
    self.table = table
    self.bucket = bucket
    let word = unsafe GuestMemory.word(bucket)
    let first = unsafe word.pointee.load(ordering: .relaxed)
    if first & HashTable.lockBit == 0,
      unsafe word.pointee.compareExchange(
        expected: first, desired: first | HashTable.lockBit, successOrdering: .acquiring,
        failureOrdering: .relaxed
      ).exchanged
    {
      self.first = first
    } else {
      self.first = Self.wait(bucket)
    }
  }

  @inline(never)
  private static func wait(_ bucket: UInt64) -> UInt32 {
    let word = unsafe GuestMemory.word(bucket)
    var backoff = Backoff()
    while true {
      let first = unsafe word.pointee.load(ordering: .relaxed)
      if first & HashTable.lockBit == 0,
        unsafe word.pointee.compareExchange(
          expected: first, desired: first | HashTable.lockBit, successOrdering: .acquiring,
          failureOrdering: .relaxed
        ).exchanged
      {
        return first
      }
      backoff.wait()
    }
  }

  /// Lets go of the lock, and makes a change of the first link visible.
  @inline(__always)
  func unlock() {
    unsafe GuestMemory.word(bucket).pointee.store(first, ordering: .releasing)
  }

  /// Where a search ended: an element or 0, and the one before it or 0.
  struct Position {
    var element: UInt64
    var previous: UInt64
  }

  /// Looks for a key.
  @inline(__always)
  func find<Key: HashKey>(_ key: UInt64, _ type: Key.Type) -> Position {
    var previous: UInt64 = 0
    var link = first
    while link != 0 {
      let element = table.address(link)
      if Key.areEqual(element &+ HashTable.Field.key, key, byteCount: table.keySize) {
        return Position(element: element, previous: previous)
      }
      previous = element
      link = table.follow(element)
    }
    return Position(element: 0, previous: previous)
  }

  /// Puts an element where a search ended, instead of what was found there.
  @inline(__always)
  mutating func put(_ element: UInt64, at position: Position) {
    let next = position.element == 0 ? 0 : table.follow(position.element)
    unsafe GuestMemory.word(element).pointee.store(next, ordering: .relaxed)
    link(table.link(element), after: position.previous)
  }

  /// Takes what a search found out of its chain.
  @inline(__always)
  mutating func remove(_ position: Position) {
    link(table.follow(position.element), after: position.previous)
  }

  @inline(__always)
  private mutating func link(_ link: UInt32, after previous: UInt64) {
    if previous == 0 {
      first = link
    } else {
      unsafe GuestMemory.word(previous).pointee.store(link, ordering: .releasing)
    }
  }
}
