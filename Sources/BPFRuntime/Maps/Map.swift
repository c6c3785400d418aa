import Synchronization

/// A map as the runtime holds it: memory with stable addresses, and the operations on it.
///
/// Programs and slots keep maps alive. User space holds a ``MapHandle``, which counts as a user
/// reference (tail-calls.md R4.17) and checks rights before it comes here.
///
/// Subclasses are one per kind. The operations take raw pointers to exactly `keySize` key bytes,
/// because helpers call them with addresses out of a program's registers.
package class Map: @unchecked Sendable {
  // Sendable: what is mutable is behind atomics or a Mutex in each subclass.

  /// What it was created from.
  package let definition: MapDefinition
  /// Unique among the maps of its runtime, from 1.
  package let id: UInt32
  /// What programs hold in a register for this map.
  package let header: MapHeader
  private let frozen = Atomic<Bool>(false)
  private let userReferences = Atomic<Int>(0)

  init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    self.definition = definition
    self.id = id
    header = try MapHeader()
    header.attach(self)
  }

  /// Bytes of a key.
  package var keySize: Int { Int(definition.keySize) }
  /// Bytes of a value as one program on one CPU sees it.
  package var valueSize: Int { Int(definition.valueSize) }
  /// Bytes of a value as user space sees it: larger for per-CPU maps.
  package var userValueSize: Int { valueSize }

  // MARK: From programs

  /// The address of the value, or `nil`; never fails otherwise.
  package func element(forKey key: UnsafeRawPointer, cpuIndex: Int) -> UnsafeMutableRawPointer? {
    nil
  }

  /// Writes a value; on a per-CPU map, the one of `cpuIndex`.
  package func update(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags, cpuIndex: Int
  ) -> LinuxError? {
    .invalid
  }

  /// Removes an element.
  package func delete(key: UnsafeRawPointer) -> LinuxError? {
    .invalid
  }

  /// Adds a value to a kind without keys.
  package func push(_ value: UInt64, flags: UpdateFlags) -> LinuxError? { .notSupported }

  /// Takes the next value out of a kind without keys.
  package func pop(into value: UInt64) -> LinuxError? { .notSupported }

  /// Copies the next value out of a kind without keys; for a filter, asks for the value there.
  package func peek(_ value: UInt64) -> LinuxError? { .notSupported }

  /// Whether an address is that of an inner map which a program can have found in this one.
  package func holds(header: UInt64) -> Bool { false }

  /// Whether `count` bytes at `address` lie inside one value of this map: what a checked run asks
  /// before every access.
  package func valueContains(address: UInt64, count: Int) -> Bool {
    false
  }

  /// The key and the value's address of the element that an address of a program lies in; slow
  /// unless a kind knows better.
  package func element(containing address: UInt64) -> (key: [UInt8], value: UInt64)? {
    let keys = keys()
    for key in keys {
      let value = unsafe key.withUnsafeBytes { bytes -> UInt64 in
        guard let start = bytes.baseAddress else { return 0 }
        return unsafe UInt64(UInt(bitPattern: element(forKey: start, cpuIndex: 0)))
      }
      if value != 0, address >= value, address &- value < UInt64(valueSize) {
        return (key, value)
      }
    }
    return nil
  }

  /// The values' memory, as a range of addresses: a quick test before
  /// ``valueContains(address:count:)``.
  package var valueAddresses: Range<UInt64> { 0..<0 }

  /// The address of the first value, where a wide immediate may hold it; `nil` for the kinds that
  /// have no such address.
  package var directValueAddress: UInt64? { nil }

  // MARK: From user space

  /// Copies a value out: `userValueSize` bytes.
  package func lookup(key: UnsafeRawPointer, into value: UnsafeMutableRawPointer) -> LinuxError? {
    guard let element = unsafe element(forKey: key, cpuIndex: 0) else { return .noEntry }
    unsafe value.copyMemory(from: element, byteCount: valueSize)
    return nil
  }

  /// Copies a value out, under its spin lock if that is asked for. Kinds whose values can have a
  /// lock override this one.
  package func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    unsafe lookup(key: key, into: value)
  }

  /// Writes a value of `userValueSize` bytes.
  package func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    unsafe update(key: key, value: value, flags: flags, cpuIndex: 0)
  }

  /// Removes an element.
  package func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    unsafe delete(key: key)
  }

  /// Finds the key after `key`, or the first one when `key` is `nil` or unknown.
  package func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    .notSupported
  }

  /// Copies a value out and removes the element.
  package func lookupAndDelete(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    .notSupported
  }

  // MARK: User references

  /// Whether user space can no longer change the map (tail-calls.md R4.13).
  package var isFrozen: Bool { frozen.load(ordering: .acquiring) }

  /// Freezes the map for user space.
  ///
  /// - Throws: ``LinuxError/notPermitted`` when it is frozen already (R4.13).
  package func freeze() throws(LinuxError) {
    guard !frozen.exchange(true, ordering: .acquiringAndReleasing) else { throw .notPermitted }
  }

  /// One more user reference.
  package func retainForUser() {
    userReferences.wrappingAdd(1, ordering: .relaxed)
  }

  /// One user reference less; the last one calls ``lastUserReferenceGone()``.
  package func releaseForUser() {
    let left = userReferences.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
    if left == 0 { lastUserReferenceGone() }
  }

  /// What happens when nobody in user space refers to the map any more: nothing, except in arrays
  /// of programs.
  package func lastUserReferenceGone() {}
}
