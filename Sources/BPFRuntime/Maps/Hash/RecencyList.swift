// UNSAFE. The order in which elements of an LRU map were put in, through the elements themselves.
//
// Invariant: the list changes under the Mutex of its map; the mark that an element was found is an
// atomic, which running programs set.

import Synchronization

/// The elements of an LRU map, from the oldest to the newest.
///
/// A lookup only marks what it found: no lock, and no store when the mark is there already. When
/// room is needed, marked elements at the old end are unmarked and become the newest; the first
/// one without a mark goes. This is the clock algorithm, and about what Linux does.
struct RecencyList {
  private var oldest: UInt32 = 0
  private var newest: UInt32 = 0
  /// How many elements there are.
  private(set) var count: UInt32 = 0

  /// Bytes of an element before its link: the next newer one, and the mark.
  static let byteCount = 8

  private static func newer(_ element: UInt64) -> UInt64 { element &- 8 }
  // The spare word of an element is this list's while the element is in it.
  private static func older(_ element: UInt64) -> UInt64 { element &+ HashTable.Field.spare }
  @inline(__always)
  private static func mark(_ element: UInt64) -> UInt64 { element &- 4 }

  /// Marks an element as used.
  @inline(__always)
  static func touch(_ element: UInt64) {
    let word = unsafe GuestMemory.word(mark(element))
    if unsafe word.pointee.load(ordering: .relaxed) == 0 {
      unsafe word.pointee.store(1, ordering: .relaxed)
    }
  }

  /// Makes an element the newest.
  mutating func append(_ element: UInt64, isMarked: Bool, _ table: HashTable) {
    unsafe GuestMemory.word(Self.mark(element)).pointee.store(
      isMarked ? 1 : 0, ordering: .relaxed)
    link(element, table)
    count &+= 1
  }

  private mutating func link(_ element: UInt64, _ table: HashTable) {
    let own = table.link(element)
    GuestMemory.store(Self.newer(element), 0, as: UInt32.self)
    GuestMemory.store(Self.older(element), UInt64(newest), as: UInt32.self)
    if newest == 0 {
      oldest = own
    } else {
      GuestMemory.store(Self.newer(table.address(newest)), UInt64(own), as: UInt32.self)
    }
    newest = own
  }

  /// Takes an element out.
  mutating func remove(_ element: UInt64, _ table: HashTable) {
    unlink(element, table)
    count &-= 1
  }

  private mutating func unlink(_ element: UInt64, _ table: HashTable) {
    let newer = GuestMemory.load(Self.newer(element), as: UInt32.self)
    let older = GuestMemory.load(Self.older(element), as: UInt32.self)
    if older == 0 {
      oldest = newer
    } else {
      GuestMemory.store(Self.newer(table.address(older)), UInt64(newer), as: UInt32.self)
    }
    if newer == 0 {
      newest = older
    } else {
      GuestMemory.store(Self.older(table.address(newer)), UInt64(older), as: UInt32.self)
    }
  }

  /// The element that has to go; 0 when there is none.
  mutating func victim(_ table: HashTable) -> UInt64 {
    // Programs may mark elements again meanwhile, so one round has to be enough.
    for _ in 0..<count {
      let element = table.address(oldest)
      let mark = unsafe GuestMemory.word(Self.mark(element))
      if unsafe mark.pointee.exchange(0, ordering: .relaxed) == 0 { return element }
      unlink(element, table)
      link(element, table)
    }
    return oldest == 0 ? 0 : table.address(oldest)
  }
}
