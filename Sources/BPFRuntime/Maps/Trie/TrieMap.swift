// UNSAFE. The map of prefixes that programs search without a lock.
//
// Invariant: the trie changes under the Mutex, inside or outside of runs; programs search without
// it, inside a run, and rely on the store: nodes are not handed out again before their run ends.

import Synchronization

/// LPM_TRIE: finds the longest prefix of a key (maps-and-helpers.md 11.8).
package final class TrieMap: Map, @unchecked Sendable {
  // Sendable: searches use atomics, what changes is behind the Mutex.

  let trie: PrefixTrie
  let store: ElementStore
  let layout: ValueLayout
  private let root: StableMemory
  private let table: StableMemory
  private let values: ValueGrid
  /// How many prefixes with a value there are.
  let state = Mutex(UInt32(0))

  init(definition: MapDefinition, id: UInt32, possibleCPUs: Int, epochs: Epochs)
    throws(LinuxError)
  {
    let accepted: MapFlags = [
      .noPreallocation, .numaNode, .readOnly, .writeOnly, .readOnlyForPrograms,
      .writeOnlyForPrograms,
    ]
    guard definition.flags.contains(.noPreallocation), definition.flags.isSubset(of: accepted),
      definition.flags.permitSomething, definition.maxEntries > 0, definition.extra == 0,
      (5...260).contains(definition.keySize), definition.valueSize > 0,
      definition.valueSize <= MapLimits.triesValueSize
    else { throw .invalid }
    let dataSize = Int(definition.keySize) - 4
    let valueOffset = Int(PrefixTrie.Field.data) + HashTable.paddedKeySize(dataSize)
    let (nodeCount, overflow) = definition.maxEntries.multipliedReportingOverflow(by: 2)
    guard !overflow else { throw .noMemory }
    // Each prefix with a value can have one fork before it.
    store = try ElementStore(
      count: nodeCount, stride: valueOffset + definition.paddedValueSize, linkOffset: 0,
      poolCount: possibleCPUs, epochs: epochs)
    root = try StableMemory(byteCount: 4)
    let bits = Self.tableBits(definition.maxEntries, width: dataSize * 8)
    table = try StableMemory(byteCount: bits > 0 ? 8 << bits : 0)
    trie = PrefixTrie(
      root: root.address, nodes: store.elements, dataSize: dataSize,
      valueOffset: UInt64(valueOffset), table: bits > 0 ? table.address : 0,
      tableBits: UInt32(bits))
    values = ValueGrid(
      base: store.firstElement &+ UInt64(valueOffset), stride: store.stride,
      count: UInt64(store.capacity), valueSize: Int(definition.valueSize), copyStride: 0,
      copies: 1)
    layout = ValueLayout(definition)
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.trie = trie
    TrieFunctions.register(self)
  }

  /// About two entries of the table for every prefix: a table that fits into the caches when the
  /// prefixes do, and 8 MiB at most. Few prefixes need none.
  private static func tableBits(_ entries: UInt32, width: Int) -> Int {
    guard entries >= 256 else { return 0 }
    return min(32 - entries.leadingZeroBitCount, 20, width)
  }

  // MARK: Changes

  /// Puts a prefix in.
  func insert(_ key: UInt64, _ value: UInt64, _ flags: UInt64, _ slot: Int) -> LinuxError? {
    guard flags <= 2 else { return .invalid }
    let length = GuestMemory.load(key, as: UInt32.self)
    guard length <= trie.width else { return .invalid }
    return state.withLock { count in
      let data = key &+ 4
      let place = self.place(length, data)
      let form = place.link == 0 ? nil : trie.form(trie.address(place.link))
      let isThere = form.map { $0.length == length && place.common == length && !$0.isFork }
      if isThere == true {
        if flags == 1 { return .exists }
      } else {
        if flags == 2 { return .noEntry }
        guard count < definition.maxEntries else { return .noSpace }
      }
      guard let fresh = node(length, data, slot) else { return .noMemory }
      layout.initialize(value, to: fresh &+ trie.valueOffset)
      guard link(fresh, at: place, length, data, slot) else {
        store.putBack(trie.link(fresh), slot)
        return .noMemory
      }
      if !place.isBelowTop { trie.refreshTable(length, data) }
      if let replaced = place.replaced(length, form) { store.retire(replaced, slot) }
      if isThere != true { count += 1 }
      return nil
    }
  }

  /// Where a prefix belongs: the link that has to change, what it leads to, and how many bits that
  /// has in common with the prefix.
  private struct Place {
    var slot: UInt64
    var link: UInt32
    var common: UInt32
    /// Whether the search began at ``PrefixTrie/top(_:_:)``.
    var isBelowTop: Bool

    /// The node that a new one with the same bits takes the place of.
    func replaced(_ length: UInt32, _ form: PrefixTrie.Form?) -> UInt32? {
      form?.length == length && common == length ? link : nil
    }
  }

  private func place(_ length: UInt32, _ data: UInt64) -> Place {
    let top = trie.top(length, data)
    let slot = top == 0 ? trie.root : trie.child(top, trie.bit(data, trie.form(top).length))
    var place = Place(slot: slot, link: trie.follow(slot), common: 0, isBelowTop: top != 0)
    while place.link != 0 {
      let node = trie.address(place.link)
      let own = trie.form(node).length
      place.common = trie.commonLength(
        node &+ PrefixTrie.Field.data, data, limit: min(own, length))
      if place.common != own || own == length { break }
      place.slot = trie.child(node, trie.bit(data, own))
      place.link = trie.follow(place.slot)
    }
    return place
  }

  /// A fresh node without children; `nil` when all are in use by runs.
  private func node(_ length: UInt32, _ data: UInt64, isFork: Bool = false, _ slot: Int) -> UInt64?
  {
    let link = store.take(slot)
    guard link != 0 else { return nil }
    let node = trie.address(link)
    trie.store(0, in: trie.child(node, false))
    trie.store(0, in: trie.child(node, true))
    trie.setForm(node, PrefixTrie.Form(length: length, isFork: isFork))
    GuestMemory.move(data, to: node &+ PrefixTrie.Field.data, count: trie.dataSize)
    return node
  }

  /// Links a fresh node in; `false` when a fork is needed and there is no memory for one.
  private func link(
    _ fresh: UInt64, at place: Place, _ length: UInt32, _ data: UInt64, _ slot: Int
  ) -> Bool {
    var top = fresh
    if place.link != 0 {
      let node = trie.address(place.link)
      if place.common == length, trie.form(node).length == length {
        for bit in [false, true] {
          trie.store(trie.follow(trie.child(node, bit)), in: trie.child(fresh, bit))
        }
      } else if place.common == length {
        let bit = trie.bit(node &+ PrefixTrie.Field.data, length)
        trie.store(place.link, in: trie.child(fresh, bit))
      } else {
        guard let fork = self.node(place.common, data, isFork: true, slot) else { return false }
        let bit = trie.bit(data, place.common)
        trie.store(trie.link(fresh), in: trie.child(fork, bit))
        trie.store(place.link, in: trie.child(fork, !bit))
        top = fork
      }
    }
    trie.store(trie.link(top), in: place.slot)
    return true
  }

  /// Takes a prefix out.
  func remove(_ key: UInt64, _ slot: Int) -> LinuxError? {
    let length = GuestMemory.load(key, as: UInt32.self)
    guard length <= trie.width else { return .invalid }
    return state.withLock { count in
      guard let spot = spot(length, key &+ 4) else { return .noEntry }
      count -= 1
      let (node, parent) = (spot.node, spot.parent)
      let zero = trie.follow(trie.child(node, false))
      let one = trie.follow(trie.child(node, true))
      let becomesFork = zero != 0 && one != 0
      // A fork with one way left is none.
      let endsFork = zero == 0 && one == 0 && parent != 0 && trie.form(parent).isFork
      if becomesFork {
        trie.setForm(node, PrefixTrie.Form(length: length, isFork: true))
      } else if endsFork {
        let isOne = spot.slot == trie.child(parent, true)
        trie.store(trie.follow(trie.child(parent, !isOne)), in: spot.parentSlot)
      } else {
        trie.store(zero != 0 ? zero : one, in: spot.slot)
      }
      if !spot.isBelowTop { trie.refreshTable(length, key &+ 4) }
      if !becomesFork { store.retire(trie.link(node), slot) }
      if endsFork { store.retire(trie.link(parent), slot) }
      return nil
    }
  }

  /// Where a prefix with a value is: its node and the one above, each with the link that leads to
  /// it; 0 for none above.
  private struct Spot {
    var slot: UInt64
    var node: UInt64 = 0
    var parentSlot: UInt64 = 0
    var parent: UInt64 = 0
    /// Whether the search began at ``PrefixTrie/top(_:_:)``, and the link to that need not change.
    var isBelowTop = false
  }

  private func spot(_ length: UInt32, _ data: UInt64) -> Spot? {
    let top = trie.top(length, data)
    if top != 0 {
      let below = trie.child(top, trie.bit(data, trie.form(top).length))
      let spot = spot(Spot(slot: below, parent: top, isBelowTop: true), length, data)
      // What leads to the top is not known, and it may have to go.
      guard spot?.parent == top, trie.form(top).isFork else { return spot }
    }
    return spot(Spot(slot: trie.root), length, data)
  }

  private func spot(_ start: Spot, _ length: UInt32, _ data: UInt64) -> Spot? {
    var spot = start
    while true {
      let link = trie.follow(spot.slot)
      guard link != 0 else { return nil }
      spot.node = trie.address(link)
      let form = trie.form(spot.node)
      let own = form.length
      guard own <= length,
        trie.commonLength(spot.node &+ PrefixTrie.Field.data, data, limit: own) == own
      else { return nil }
      if own == length { return form.isFork ? nil : spot }
      spot.parentSlot = spot.slot
      spot.parent = spot.node
      spot.slot = trie.child(spot.node, trie.bit(data, own))
    }
  }

  /// The nodes from the root to the one with exactly this prefix, each with the link that leads to
  /// it; empty when there is no such node.
  func path(_ length: UInt32, _ data: UInt64) -> [(slot: UInt64, node: UInt64)] {
    var path: [(slot: UInt64, node: UInt64)] = []
    var slot = trie.root
    while true {
      let link = trie.follow(slot)
      guard link != 0 else { return [] }
      let node = trie.address(link)
      let own = trie.form(node).length
      guard own <= length,
        trie.commonLength(node &+ PrefixTrie.Field.data, data, limit: own) == own
      else { return [] }
      path.append((slot, node))
      if own == length { return path }
      slot = trie.child(node, trie.bit(data, own))
    }
  }

  // MARK: The map's operations

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    let node = unsafe trie.find(GuestMemory.address(key))
    return unsafe node == 0 ? nil : GuestMemory.pointer(node &+ trie.valueOffset)
  }

  package override func update(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags, cpuIndex: Int
  ) -> LinuxError? {
    unsafe insert(
      GuestMemory.address(key), GuestMemory.address(value), flags.rawValue, HashMap.userSlot)
  }

  package override func delete(key: UnsafeRawPointer) -> LinuxError? {
    unsafe remove(GuestMemory.address(key), HashMap.userSlot)
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    state.withLock { _ in
      let node = unsafe trie.find(GuestMemory.address(key))
      guard node != 0 else { return .noEntry }
      unsafe GuestMemory.move(
        node &+ trie.valueOffset, to: GuestMemory.address(value), count: valueSize)
      return nil
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    state.withLock { _ in
      let node = unsafe key.map { unsafe self.node(after: GuestMemory.address($0)) } ?? first()
      guard node != 0 else { return .noEntry }
      let target = unsafe GuestMemory.address(next)
      GuestMemory.store(target, UInt64(trie.form(node).length), as: UInt32.self)
      GuestMemory.move(node &+ PrefixTrie.Field.data, to: target &+ 4, count: trie.dataSize)
      return nil
    }
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    values.contains(address, count, firstValues: store.touchedCount)
  }

  package override var valueAddresses: Range<UInt64> { values.addresses }
}

/// The order of the keys: a prefix comes after those that continue it, first those with a 0.
extension TrieMap {
  private func first() -> UInt64 { first(below: trie.follow(trie.root)) }

  private func first(below link: UInt32) -> UInt64 {
    guard link != 0 else { return 0 }
    var node = trie.address(link)
    while true {
      let zero = trie.follow(trie.child(node, false))
      let next = zero != 0 ? zero : trie.follow(trie.child(node, true))
      guard next != 0 else { return node }
      node = trie.address(next)
    }
  }

  /// The node with a value that comes after a key; the first one when the key is not there.
  private func node(after key: UInt64) -> UInt64 {
    let length = GuestMemory.load(key, as: UInt32.self)
    guard length <= trie.width else { return first() }
    let path = self.path(length, key &+ 4)
    guard let last = path.last, !trie.form(last.node).isFork else { return first() }
    var slot = last.slot
    for parent in path.dropLast().reversed() {
      if slot == trie.child(parent.node, false) {
        let next = first(below: trie.follow(trie.child(parent.node, true)))
        if next != 0 { return next }
      }
      if !trie.form(parent.node).isFork { return parent.node }
      slot = parent.slot
    }
    return 0
  }
}
