// UNSAFE. Nodes of a trie of prefixes in raw memory, and how they are searched.
//
// Invariants:
// - A link is a node's distance from `nodes` in units of eight bytes, 0 is none; every link that
//   can be read names a node of the block.
// - Links change under the map's lock, by one store for each change. A node that has left the trie
//   keeps its links, key and value until no run that could have found it is left.
// - Keys are a number of bits in four bytes and `dataSize` bytes, which callers guarantee.

import Synchronization

/// Where a trie is and how it is searched: addresses and sizes, which never change.
///
/// A node is a prefix: with a value, or one where two others part. Its children continue it with a
/// 0 and a 1, any number of bits further. So that a search need not begin at the root, a table says
/// for the first bits of a key where in the trie it begins, and which prefix so far is the longest.
struct PrefixTrie: Sendable {
  /// Address of the link to the root.
  var root: UInt64 = 0
  /// What links count from.
  var nodes: UInt64 = 0
  /// Bytes of a key behind the number of bits.
  var dataSize: Int = 0
  /// Where the value starts in a node.
  var valueOffset: UInt64 = 0
  /// Address of the table; 0 when there is none.
  var table: UInt64 = 0
  /// How many of a key's bits choose an entry of the table: at most 32.
  var tableBits: UInt32 = 0

  /// Offsets in a node.
  enum Field {
    static let zero: UInt64 = 0
    static let one: UInt64 = 8
    static let form: UInt64 = 12
    static let data: UInt64 = 16
  }

  /// Number of bits, and whether there is no value.
  struct Form {
    var bits: UInt32

    init(length: UInt32, isFork: Bool) { bits = length | (isFork ? 1 << 16 : 0) }
    init(bits: UInt32) { self.bits = bits }

    var length: UInt32 { bits & 0xffff }
    var isFork: Bool { bits >> 16 != 0 }
  }

  /// The most bits that a prefix can have.
  var width: UInt32 { UInt32(truncatingIfNeeded: dataSize &* 8) }

  @inline(__always)
  func address(_ link: UInt32) -> UInt64 { nodes &+ UInt64(link) &* 8 }

  @inline(__always)
  func link(_ address: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (address &- nodes) &>> 3) }

  @inline(__always)
  func follow(_ slot: UInt64) -> UInt32 {
    unsafe GuestMemory.word(slot).pointee.load(ordering: .acquiring)
  }

  func store(_ link: UInt32, in slot: UInt64) {
    unsafe GuestMemory.word(slot).pointee.store(link, ordering: .releasing)
  }

  @inline(__always)
  func form(_ node: UInt64) -> Form {
    Form(bits: unsafe GuestMemory.word(node &+ Field.form).pointee.load(ordering: .relaxed))
  }

  func setForm(_ node: UInt64, _ form: Form) {
    unsafe GuestMemory.word(node &+ Field.form).pointee.store(form.bits, ordering: .relaxed)
  }

  /// The address of the link to the child that a bit chooses.
  @inline(__always)
  func child(_ node: UInt64, _ bit: Bool) -> UInt64 {
    node &+ (bit ? Field.one : Field.zero)
  }

  /// A bit of a key's data, counted from the first byte's highest.
  @inline(__always)
  func bit(_ data: UInt64, _ index: UInt32) -> Bool {
    let byte = GuestMemory.load(data &+ UInt64(index &>> 3), as: UInt8.self)
    return byte &>> UInt8(truncatingIfNeeded: 7 &- index & 7) & 1 != 0
  }

  /// How many leading bits two keys' data have in common, at most `limit`.
  @inline(__always)
  func commonLength(_ first: UInt64, _ second: UInt64, limit: UInt32) -> UInt32 {
    guard dataSize != 4 else {
      let difference =
        GuestMemory.load(first, as: UInt32.self) ^ GuestMemory.load(second, as: UInt32.self)
      return min(limit, UInt32(truncatingIfNeeded: difference.bigEndian.leadingZeroBitCount))
    }
    var offset: UInt64 = 0
    let count = UInt64(truncatingIfNeeded: dataSize)
    while offset < count, UInt32(truncatingIfNeeded: offset) &* 8 < limit {
      if count &- offset >= 8 {
        let difference =
          GuestMemory.load(first &+ offset, as: UInt64.self)
          ^ GuestMemory.load(second &+ offset, as: UInt64.self)
        if difference != 0 {
          let common = difference.bigEndian.leadingZeroBitCount
          return min(
            limit, UInt32(truncatingIfNeeded: offset) &* 8 &+ UInt32(truncatingIfNeeded: common))
        }
        offset &+= 8
      } else {
        let difference =
          GuestMemory.load(first &+ offset, as: UInt8.self)
          ^ GuestMemory.load(second &+ offset, as: UInt8.self)
        if difference != 0 {
          let common = difference.leadingZeroBitCount
          return min(
            limit, UInt32(truncatingIfNeeded: offset) &* 8 &+ UInt32(truncatingIfNeeded: common))
        }
        offset &+= 1
      }
    }
    return limit
  }

  /// The first bits of a key's data as a number.
  @inline(__always)
  func tableIndex(_ data: UInt64) -> UInt64 {
    var number: UInt32 = 0
    if dataSize >= 4 {
      number = GuestMemory.load(data, as: UInt32.self).bigEndian
    } else {
      for offset in 0..<UInt64(truncatingIfNeeded: dataSize) {
        let byte = UInt32(GuestMemory.load(data &+ offset, as: UInt8.self))
        number |= byte &<< UInt32(truncatingIfNeeded: 24 &- 8 &* offset)
      }
    }
    return UInt64(number &>> (32 &- tableBits))
  }

  /// The node with the longest prefix of a key, or 0: without a lock, inside a run.
  @inline(__always)
  func find(_ key: UInt64) -> UInt64 {
    let length = GuestMemory.load(key, as: UInt32.self)
    guard length <= width else { return 0 }
    let data = key &+ 4
    var (link, best) = start(length, data)
    while link != 0 {
      let node = address(link)
      let form = form(node)
      let own = form.length
      guard own <= length,
        commonLength(node &+ Field.data, data, limit: own) == own
      else { break }
      if !form.isFork { best = link }
      if own == width { break }
      link = follow(child(node, bit(data, own)))
    }
    return best == 0 ? 0 : address(best)
  }

  /// The same for keys with four bytes of data.
  @inline(__always)
  func findFourBytes(_ key: UInt64) -> UInt64 {
    let length = GuestMemory.load(key, as: UInt32.self)
    guard length <= 32 else { return 0 }
    let data = GuestMemory.load(key &+ 4, as: UInt32.self).bigEndian
    var (link, best) = start(length, key &+ 4)
    while link != 0 {
      let node = address(link)
      let form = form(node)
      let own = form.length
      let difference = GuestMemory.load(node &+ Field.data, as: UInt32.self).bigEndian ^ data
      guard own <= length, UInt64(difference) &>> UInt64(32 &- own) == 0 else { break }
      if !form.isFork { best = link }
      if own == 32 { break }
      link = follow(child(node, (data &<< own) &>> 31 != 0))
    }
    return best == 0 ? 0 : address(best)
  }

  /// Where a search begins, and the longest prefix that is shorter.
  @inline(__always)
  private func start(_ length: UInt32, _ data: UInt64) -> (UInt32, UInt32) {
    guard table != 0, length >= tableBits else { return (follow(root), 0) }
    let entry = unsafe GuestMemory.doubleWord(table &+ tableIndex(data) &* 8).pointee
      .load(ordering: .acquiring)
    return (UInt32(truncatingIfNeeded: entry), UInt32(truncatingIfNeeded: entry &>> 32))
  }

  /// The topmost node of those that share a prefix's entry of the table, if it is shorter and the
  /// prefix continues it; 0 otherwise. What is changed below it changes no entry, nor the link that
  /// leads to it.
  @inline(__always)
  func top(_ length: UInt32, _ data: UInt64) -> UInt64 {
    guard table != 0, length > tableBits else { return 0 }
    let (link, _) = start(length, data)
    guard link != 0 else { return 0 }
    let node = address(link)
    let own = form(node).length
    guard own < length, commonLength(node &+ Field.data, data, limit: own) == own else { return 0 }
    return node
  }

  // MARK: The table, under the lock

  /// Brings the entries up to date that a prefix covers. A fork that came or went needs no more:
  /// with fewer bits than the table has it is in no entry, with more it shares one.
  func refreshTable(_ length: UInt32, _ data: UInt64) {
    guard table != 0 else { return }
    let first = tableIndex(data)
    guard length < tableBits else { return fill(first..<first &+ 1) }
    let count = UInt64(1) &<< UInt64(tableBits &- length)
    let start = first & ~(count &- 1)
    fill(start..<start &+ count)
  }

  private func fill(_ range: Range<UInt64>) {
    fill(follow(root), 0..<UInt64(1) &<< UInt64(tableBits), best: 0, only: range)
  }

  /// Writes the entries of `range` that are in `wanted`, below a link.
  private func fill(
    _ link: UInt32, _ range: Range<UInt64>, best: UInt32, only wanted: Range<UInt64>
  ) {
    guard range.overlaps(wanted) else { return }
    guard link != 0 else { return write(0, best, range.clamped(to: wanted)) }
    let node = address(link)
    let form = form(node)
    let first = tableIndex(node &+ Field.data)
    if form.length >= tableBits {
      write(0, best, range.clamped(to: wanted))
      if wanted.contains(first) { write(link, best, first..<first &+ 1) }
      return
    }
    let count = UInt64(1) &<< UInt64(tableBits &- form.length)
    let start = first & ~(count &- 1)
    write(0, best, (range.lowerBound..<start).clamped(to: wanted))
    write(0, best, (start &+ count..<range.upperBound).clamped(to: wanted))
    let own = form.isFork ? best : link
    let middle = start &+ count / 2
    fill(follow(child(node, false)), start..<middle, best: own, only: wanted)
    fill(follow(child(node, true)), middle..<start &+ count, best: own, only: wanted)
  }

  private func write(_ link: UInt32, _ best: UInt32, _ range: Range<UInt64>) {
    let entry = UInt64(link) | UInt64(best) &<< 32
    for index in range {
      let word = unsafe GuestMemory.doubleWord(table &+ index &* 8)
      // Entries that are right already need no memory of their own.
      if unsafe word.pointee.load(ordering: .relaxed) != entry {
        unsafe word.pointee.store(entry, ordering: .releasing)
      }
    }
  }
}
