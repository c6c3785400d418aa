// UNSAFE. Values that belong to objects of the embedder's.
//
// Invariant: keys and values are as many bytes as the definition says. Values lie in a hash table
// that the map owns, so they stay where they are, and one that is removed is not used again while a
// run may be using it.

/// The local storages (maps-and-helpers.md 11.13): SK_STORAGE, TASK_STORAGE, INODE_STORAGE and
/// CGRP_STORAGE by the object that a program names, CGROUP_STORAGE and its per-CPU form by the one
/// that the hook names.
///
/// An object is a number here: the address that programs know it by, or what the embedder chose.
package final class LocalStorageMap: Map, @unchecked Sendable {
  // Sendable: the table is, nothing else changes.

  private let table: Map
  private let zeros: StableMemory
  private let isForControlGroup: Bool

  /// Bytes that the values of one map may take before there is no storage for another object.
  private static let byteLimit = 64 << 20
  /// Objects that have a storage at most.
  private static let objectLimit = 65_536
  /// Bytes of the largest value.
  private static let valueLimit = 65_000
  /// Whose storage programs get when there is no room for another one: helper 81 cannot fail.
  private static let overflowObject = UInt64.max

  init(_ factory: MapFactory) throws(LinuxError) {
    let definition = factory.definition
    isForControlGroup = Self.controlGroupKinds.contains(definition.type)
    try Self.check(definition, isForControlGroup: isForControlGroup)
    let isPerCPU = definition.type == .perCPUControlGroupStorage
    let copies = isPerCPU ? factory.possibleCPUs : 1
    let capacity = max(2, Self.byteLimit / (definition.paddedValueSize * copies))
    var inner = factory
    inner.definition = MapDefinition(
      type: isPerCPU ? .perCPUHash : .hash, keySize: 8, valueSize: definition.valueSize,
      maxEntries: UInt32(min(capacity, Self.objectLimit)),
      lockOffset: isPerCPU ? nil : definition.lockOffset)
    table = try inner.make()
    zeros = try StableMemory(byteCount: definition.paddedValueSize * copies)
    try super.init(definition: definition, id: factory.id)
    if isForControlGroup { _ = unsafe value(of: Self.overflowObject, cpuIndex: 0) }
  }

  /// The kinds that a program has one of at most, and that arrays of programs look at (R3.4).
  static let controlGroupKinds: [MapType] = [.controlGroupStorage, .perCPUControlGroupStorage]

  private static func check(
    _ definition: MapDefinition, isForControlGroup: Bool
  ) throws(LinuxError) {
    let flags = definition.flags
    if isForControlGroup {
      guard definition.keySize == 8 || definition.keySize == 16,
        flags.isSubset(of: [.numaNode, .readOnly, .writeOnly])
      else { throw .invalid }
    } else {
      // Linux finds the type of the object in the types of key and value.
      guard definition.keySize == 4, definition.hasTypes, flags.contains(.noPreallocation),
        flags.isSubset(of: [.noPreallocation, .cloneWithSocket])
      else { throw .invalid }
    }
    guard definition.valueSize > 0, definition.maxEntries == 0, definition.extra == 0 else {
      throw .invalid
    }
    let limit =
      definition.type == .perCPUControlGroupStorage ? MapLimits.perCPUValueSize : valueLimit
    guard definition.valueSize <= limit else { throw .tooBig }
  }

  // MARK: From programs

  /// The address of an object's value; `nil` when it has none.
  func element(of object: UInt64, cpuIndex: Int) -> UnsafeMutableRawPointer? {
    unsafe withUnsafeBytes(of: object) { key in
      guard let key = key.baseAddress else { return nil }
      return unsafe table.element(forKey: key, cpuIndex: cpuIndex)
    }
  }

  /// The address of an object's value, which is made if there is none, from `initial` or zeros;
  /// `nil` when there is no room.
  func value(
    of object: UInt64, initial: UnsafeRawPointer? = nil, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    if let element = unsafe element(of: object, cpuIndex: cpuIndex) { return unsafe element }
    unsafe withUnsafeBytes(of: object) { key in
      guard let key = key.baseAddress else { return }
      // Another run may have been faster, and then its value is the one.
      _ = unsafe table.update(
        key: key, value: initial ?? UnsafeRawPointer(zeros.base), flags: .mustNotExist,
        cpuIndex: cpuIndex)
    }
    return unsafe element(of: object, cpuIndex: cpuIndex)
  }

  /// The value of the object that the hook names.
  func valueOfHook(_ object: UInt64, cpuIndex: Int) -> UnsafeMutableRawPointer? {
    unsafe value(of: object, cpuIndex: cpuIndex)
      ?? element(of: Self.overflowObject, cpuIndex: cpuIndex)
  }

  /// Removes an object's value.
  func remove(_ object: UInt64) -> LinuxError? {
    unsafe withUnsafeBytes(of: object) { key -> LinuxError? in
      guard let key = key.baseAddress else { return .noEntry }
      return unsafe table.deleteFromUser(key: key)
    }
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    table.valueContains(address: address, count: count)
  }

  package override var valueAddresses: Range<UInt64> { table.valueAddresses }

  // MARK: From user space

  package override var userValueSize: Int { table.userValueSize }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    isForControlGroup ? unsafe table.lookup(key: key, into: value) : .badDescriptor
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard isForControlGroup else { return .badDescriptor }
    guard flags == .any || flags == .mustExist else { return .invalid }
    return unsafe table.updateFromUser(key: key, value: value, flags: .mustExist)
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    isForControlGroup ? .invalid : .badDescriptor
  }

  /// Reads an object's value as user space.
  func copy(of object: UInt64) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: userValueSize)
    let error = unsafe withUnsafeBytes(of: object) { key in
      unsafe value.withUnsafeMutableBytes { value -> LinuxError? in
        guard let key = key.baseAddress, let value = value.baseAddress else { return .noEntry }
        return unsafe table.lookup(key: key, into: value)
      }
    }
    return error == nil ? value : nil
  }

  /// Writes an object's value as user space.
  func write(_ bytes: [UInt8], to object: UInt64) -> LinuxError? {
    guard bytes.count == userValueSize else { return .invalid }
    return unsafe withUnsafeBytes(of: object) { key in
      unsafe bytes.withUnsafeBytes { value -> LinuxError? in
        guard let key = key.baseAddress, let value = value.baseAddress else { return .invalid }
        return unsafe table.updateFromUser(key: key, value: value, flags: .any)
      }
    }
  }
}

extension MapHandle {
  /// The value that an object has in a local storage; `nil` when it has none, or the map is of
  /// another type.
  ///
  /// - Parameter object: The number that programs know it by: an address that a helper or a hook
  ///   gave them, or what ``CPU/storageOwner`` was set to.
  public func storage(of object: UInt64) -> [UInt8]? {
    (map as? LocalStorageMap)?.copy(of: object)
  }

  /// Gives an object a value in a local storage.
  ///
  /// - Throws: EINVAL when the map is of another type or the value of another size, E2BIG when
  ///   there is no room, EPERM on a read-only or frozen map.
  public func setStorage(_ value: [UInt8], of object: UInt64) throws(LinuxError) {
    guard let map = map as? LocalStorageMap else { throw .invalid }
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
    if let error = map.write(value, to: object) { throw error }
  }

  /// Removes an object's value: what to do when the object goes.
  ///
  /// - Throws: EINVAL when the map is of another type, ENOENT when there is no value.
  public func removeStorage(of object: UInt64) throws(LinuxError) {
    guard let map = map as? LocalStorageMap else { throw .invalid }
    if let error = map.remove(object) { throw error }
  }
}
