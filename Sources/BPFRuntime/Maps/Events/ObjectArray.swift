// UNSAFE. Slots that refer to objects of the host, read by running programs.
//
// Invariant: a slot holds 0 or the address of an object that `objects` keeps alive; one that leaves
// a slot goes to the epochs, which keep it until no run can be using it. An `ObjectArray<Object>`
// only takes objects of its own type.

import Synchronization

/// The maps that Linux fills with file descriptors: perf events and control groups. User space
/// stores objects here, because a number means nothing without a table of descriptors.
package class ObjectArray<Object: AnyObject & Sendable>: Map, @unchecked Sendable {
  // Sendable: slots are atomics, everything else is behind the Mutex.

  private let slots: StableMemory
  private let objects = Mutex<[UInt32: Object]>([:])
  private let epochs: Epochs

  init(
    definition: MapDefinition, id: UInt32, epochs: Epochs, accepting flags: MapFlags = []
  ) throws(LinuxError) {
    let accepted = flags.union([.numaNode, .readOnly, .writeOnly])
    guard definition.keySize == 4, definition.valueSize == 4, definition.maxEntries > 0,
      definition.flags.isSubset(of: accepted), definition.extra == 0
    else { throw .invalid }
    slots = try StableMemory(byteCount: Int(definition.maxEntries) * 8)
    self.epochs = epochs
    try super.init(definition: definition, id: id)
  }

  /// Calls `body` with what is in a slot, for running programs: no lock, no reference counting.
  ///
  /// - Returns: What `body` returns; E2BIG when there is no such slot, `nil` when it is empty.
  @inline(__always)
  func withObject<Result>(
    at index: UInt64, _ body: (Object) -> Result
  ) -> Swift.Result<Result?, LinuxError> {
    guard index < UInt64(definition.maxEntries) else { return .failure(.tooBig) }
    let cell = unsafe GuestMemory.doubleWord(slots.address &+ index &* 8)
    let address = unsafe cell.pointee.load(ordering: .acquiring)
    guard let object = unsafe GuestMemory.pointer(address) else { return .success(nil) }
    return unsafe .success(
      Unmanaged<Object>.fromOpaque(object)._withUnsafeGuaranteedRef { body($0) })
  }

  /// What is in a slot.
  func object(at index: UInt32) -> Object? { objects.withLock { $0[index] } }

  /// Fills a slot, or empties it.
  ///
  /// - Returns: E2BIG when there is no such slot.
  func set(_ object: Object?, at index: UInt32) -> LinuxError? {
    guard index < definition.maxEntries else { return .tooBig }
    let old = objects.withLock { objects in
      let old = objects[index]
      objects[index] = object
      let address = object.map { unsafe UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) }
      let cell = unsafe GuestMemory.doubleWord(slots.address &+ UInt64(index) &* 8)
      unsafe cell.pointee.store(UInt64(address ?? 0), ordering: .releasing)
      return old
    }
    if let old { epochs.retire(old) }
    return nil
  }

  /// The filled slots, in order.
  var contents: [(index: UInt32, object: Object)] {
    objects.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  // MARK: From user space

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? { .notSupported }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard flags == .any else { return .invalid }
    guard unsafe key.loadUnaligned(as: UInt32.self) < definition.maxEntries else { return .tooBig }
    return .badDescriptor
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    guard index < definition.maxEntries else { return .tooBig }
    guard object(at: index) != nil else { return .noEntry }
    return set(nil, at: index)
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    unsafe nextIndex(after: key, into: next)
  }
}
