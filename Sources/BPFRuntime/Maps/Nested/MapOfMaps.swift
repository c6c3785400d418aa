// UNSAFE. Maps whose values are maps: for programs, addresses of headers.
//
// Invariant: a slot holds 0 or the header of a map that a reference of `State` keeps alive; a
// reference that leaves a slot goes to the epochs, which keep it until no run can be using the map.

import Synchronization

/// ARRAY_OF_MAPS and HASH_OF_MAPS (maps-and-helpers.md 11.11). Programs can only look up; what they
/// get is the inner map itself.
package final class MapOfMaps: Map, @unchecked Sendable {
  // Sendable: slots are atomics or behind the inner table's locks, the rest is behind the Mutex.

  /// The slots of an array; a hash has them in ``table``.
  private let slots: StableMemory
  private let table: HashMap?
  private let references = Mutex<[[UInt8]: InnerMaps.Reference]>([:])
  private let inner: InnerMaps
  private let epochs: Epochs

  init(_ factory: MapFactory) throws(LinuxError) {
    var definition = factory.definition
    guard definition.valueSize == 4 else { throw .invalid }
    inner = try InnerMaps(template: factory.template, registry: factory.registry)
    epochs = factory.epochs
    if definition.type == .hashOfMaps {
      definition.type = .hash
      definition.valueSize = 8
      table = try HashMap(
        definition: definition, id: 0, possibleCPUs: 0, epochs: factory.epochs)
      slots = try StableMemory(byteCount: 0)
    } else {
      let accepted: MapFlags = [.numaNode, .readOnly, .writeOnly]
      guard definition.keySize == 4, definition.maxEntries > 0, definition.extra == 0,
        definition.flags.isSubset(of: accepted)
      else { throw .invalid }
      table = nil
      slots = try StableMemory(byteCount: Int(definition.maxEntries) * 8)
    }
    try super.init(definition: factory.definition, id: factory.id)
    let words = unsafe header.words
    // A checked run asks the outer map about the values of inner ones.
    unsafe words.pointee.isReadOnlyForPrograms = inner.rights.contains(.readOnlyForPrograms)
    unsafe words.pointee.isWriteOnlyForPrograms = inner.rights.contains(.writeOnlyForPrograms)
    if let table {
      unsafe words.pointee.table = table.table
      unsafe words.pointee.lookup = Self.findInHash
    } else {
      unsafe words.pointee.base = slots.address
      unsafe words.pointee.count = definition.maxEntries
      unsafe words.pointee.lookup = Self.findInArray
    }
  }

  // MARK: From programs

  private static let findInArray: Helper.Function = { map, key, _, _, _, _ in
    let words = unsafe MapHeader.words(at: map)
    let index = GuestMemory.load(key, as: UInt32.self)
    guard unsafe index < words.pointee.count else { return 0 }
    return unsafe GuestMemory.doubleWord(words.pointee.base &+ UInt64(index) &* 8).pointee
      .load(ordering: .acquiring)
  }

  private static let findInHash: Helper.Function = { map, key, _, _, _, _ in
    let words = unsafe MapHeader.words(at: map)
    let element = unsafe words.pointee.table.find(key, AnyKey.self)
    guard element != 0 else { return 0 }
    return unsafe GuestMemory.load(
      element &+ words.pointee.table.valueOffset, as: UInt64.self)
  }

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    let key = unsafe GuestMemory.address(key)
    let find = table == nil ? Self.findInArray : Self.findInHash
    return unsafe GuestMemory.pointer(find(header.address, key, 0, 0, 0, 0))
  }

  package override func holds(header: UInt64) -> Bool { inner.contains(header: header) }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    inner.valueContains(address: address, count: count)
  }

  package override var valueAddresses: Range<UInt64> { 0..<UInt64.max }

  /// What the inner maps are like.
  var innerDefinition: MapDefinition { inner.template }

  // MARK: From user space

  /// Stores a map under a key.
  func set(
    _ key: UnsafeRawPointer, _ map: Result<InnerMaps.Reference, LinuxError>, flags: UpdateFlags
  ) -> LinuxError? {
    // A hash looks at the map first, then at flags.
    if table == nil {
      guard flags == .any else { return .invalid }
      guard unsafe key.loadUnaligned(as: UInt32.self) < definition.maxEntries else {
        return .tooBig
      }
    }
    let reference: InnerMaps.Reference
    switch map {
    case .failure(let error): return error
    case .success(let found): reference = found
    }
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: key, count: keySize))
    return references.withLock { references in
      var address = reference.map.header.address
      if let table {
        let error = unsafe withUnsafeBytes(of: &address) { value -> LinuxError? in
          guard let value = value.baseAddress else { return .invalid }
          return unsafe table.update(key: key, value: value, flags: flags, cpuIndex: 0)
        }
        if let error { return error }
      } else {
        publish(address, bytes)
      }
      retire(references.updateValue(reference, forKey: bytes))
      return nil
    }
  }

  private func publish(_ address: UInt64, _ key: [UInt8]) {
    let index = key.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    unsafe GuestMemory.doubleWord(slots.address &+ index &* 8).pointee
      .store(address, ordering: .releasing)
  }

  private func retire(_ reference: InnerMaps.Reference?) {
    if let reference { epochs.retire(reference) }
  }

  /// The map under a key.
  func map(_ key: [UInt8]) -> Map? { references.withLock { $0[key]?.map } }

  /// Stores a map under a key.
  func set(_ key: [UInt8], _ map: Map, flags: UpdateFlags) -> LinuxError? {
    unsafe key.withUnsafeBytes { key in
      guard let key = key.baseAddress else { return .invalid }
      return unsafe set(key, inner.reference(to: map), flags: flags)
    }
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    unsafe set(key, inner.reference(to: value.loadUnaligned(as: UInt32.self)), flags: flags)
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: key, count: keySize))
    guard let map = map(bytes) else { return .noEntry }
    unsafe value.storeBytes(of: map.id, as: UInt32.self)
    return nil
  }

  // Only user space takes maps out.
  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: key, count: keySize))
    return references.withLock { references in
      if let table {
        if let error = unsafe table.delete(key: key) { return error }
      } else {
        guard unsafe key.loadUnaligned(as: UInt32.self) < definition.maxEntries else {
          return .tooBig
        }
        guard references[bytes] != nil else { return .noEntry }
        publish(0, bytes)
      }
      retire(references.removeValue(forKey: bytes))
      return nil
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    guard let table else { return unsafe nextIndex(after: key, into: next) }
    return unsafe table.nextKey(after: key, into: next)
  }
}
