// UNSAFE. The user's side of a map: arrays of bytes in, arrays of bytes out.
//
// Invariant: keys and values are copied from and to buffers of exactly the map's sizes.

/// A user's reference to a map (tail-calls.md R4.17): the way to read and change it from outside.
///
/// While at least one handle exists, arrays of programs keep their contents; when the last one
/// goes, they are emptied, whatever programs still use them (R4.18). Keep the handle as long as a
/// chain shall work.
public final class MapHandle: Sendable {
  let map: Map

  /// Refers to a map once more.
  init(_ map: Map) {
    self.map = map
    map.retainForUser()
  }

  /// Another handle on the same map.
  public func duplicate() -> MapHandle { MapHandle(map) }

  /// What the map was created from.
  public var definition: MapDefinition { map.definition }
  /// Number of the map in its runtime.
  public var id: UInt32 { map.id }
  /// Bytes of a value as seen from here: per-CPU maps have one value per possible CPU, each
  /// rounded up to eight bytes.
  public var valueByteCount: Int { map.userValueSize }

  /// The value of a key; for an array of programs, the number of the program (R4.8), for a map of
  /// maps that of the map. Of kinds without keys, the next value, which stays; the key is empty.
  ///
  /// - Parameter flags: 0, or the lock flag for a value with a spin lock.
  /// - Throws: ENOENT when there is none, EINVAL for a key of the wrong size or other flags, EPERM
  ///   on a write-only map.
  public func lookup(_ key: [UInt8], flags: UpdateFlags = .any) throws(LinuxError) -> [UInt8] {
    guard flags.rawValue & ~UpdateFlags.lock.rawValue == 0 else { throw .invalid }
    try checkReadable()
    guard definition.type != .ringBuffer else { throw .notSupported }
    try checkLockFlag(flags, others: 0)
    guard key.count == map.keySize else { throw .invalid }
    return try unsafe read(key) { key, value in
      guard let key = unsafe key else { return map.peek(unsafe GuestMemory.address(value)) }
      return unsafe map.lookup(key: key, into: value, isLocked: flags == .lock)
    }
  }

  /// Writes the value of a key; for an array of programs, `value` is the number of a program, for a
  /// map of maps that of a map. Of kinds without keys, adds a value; the key is empty.
  ///
  /// - Throws: Linux's error: EPERM on a read-only or frozen map, EINVAL for wrong sizes or flags,
  ///   E2BIG, EEXIST, ENOENT as the map's kind has them.
  public func update(
    _ key: [UInt8], _ value: [UInt8], flags: UpdateFlags = .any
  ) throws(LinuxError) {
    try checkWritable()
    guard definition.type != .ringBuffer else { throw .notSupported }
    guard flags.rawValue & 4 == 0 || definition.lockOffset != nil, key.count == map.keySize,
      value.count == map.userValueSize
    else { throw .invalid }
    try check(write(key, value, flags))
  }

  private func write(_ key: [UInt8], _ value: [UInt8], _ flags: UpdateFlags) -> LinuxError? {
    unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value -> LinuxError? in
        guard let value = value.baseAddress else { return .invalid }
        guard map.keySize > 0 else {
          return unsafe map.push(GuestMemory.address(value), flags: flags)
        }
        guard let key = key.baseAddress else { return .invalid }
        return unsafe map.updateFromUser(key: key, value: value, flags: flags)
      }
    }
  }

  /// Removes an element, or empties a slot.
  ///
  /// - Throws: Linux's error: ENOENT, E2BIG or EINVAL as the map's kind has them, EPERM on a
  ///   read-only or frozen map.
  public func delete(_ key: [UInt8]) throws(LinuxError) {
    try checkWritable()
    guard definition.type != .ringBuffer else { throw .notSupported }
    guard key.count == map.keySize else { throw .invalid }
    // Kinds without keys have an error for this, and look at no key.
    let bytes = key.isEmpty ? [0] : key
    let error = unsafe bytes.withUnsafeBytes { key -> LinuxError? in
      guard let key = key.baseAddress else { return .invalid }
      return unsafe map.deleteFromUser(key: key)
    }
    try check(error)
  }

  /// The key after `key`, or the first one.
  ///
  /// - Returns: `nil` after the last key.
  public func nextKey(after key: [UInt8]?) throws(LinuxError) -> [UInt8]? {
    try checkReadable()
    guard key == nil || key?.count == map.keySize else { throw .invalid }
    var next = [UInt8](repeating: 0, count: max(map.keySize, 1))
    let error = unsafe next.withUnsafeMutableBytes { next -> LinuxError? in
      guard let next = next.baseAddress else { return .invalid }
      guard let key, !key.isEmpty else { return unsafe map.nextKey(after: nil, into: next) }
      return unsafe key.withUnsafeBytes { unsafe map.nextKey(after: $0.baseAddress, into: next) }
    }
    if error == .noEntry { return nil }
    try check(error)
    return next
  }

  /// Copies a value out and removes its element; of kinds without keys, the next one, with an empty
  /// key.
  ///
  /// - Parameter flags: 0, or the lock flag for a value with a spin lock.
  /// - Throws: ENOENT, or ENOTSUPP where the map's kind does not have it.
  public func lookupAndDelete(
    _ key: [UInt8], flags: UpdateFlags = .any
  ) throws(LinuxError) -> [UInt8] {
    guard flags.rawValue & ~UpdateFlags.lock.rawValue == 0 else { throw .invalid }
    try checkWritable()
    try checkReadable()
    try checkLockFlag(flags, others: 0)
    guard key.count == map.keySize else { throw .invalid }
    return try unsafe read(key) { key, value in
      guard let key = unsafe key else {
        return map.definition.type == .bloomFilter
          ? .notSupported : map.pop(into: unsafe GuestMemory.address(value))
      }
      return unsafe map.lookupAndDelete(key: key, into: value, isLocked: flags == .lock)
    }
  }

  /// Makes the map read-only for user space, for ever (R4.13).
  ///
  /// - Throws: EPERM when it is frozen already.
  public func freeze() throws(LinuxError) {
    try map.freeze()
  }

  /// Whether the map is read-only for user space.
  public var isFrozen: Bool { map.isFrozen }

  /// Every key, in the map's order.
  public func keys() throws(LinuxError) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    // A program may insert meanwhile; the map's capacity bounds the walk all the same.
    while keys.count < Int(definition.maxEntries), let key = try nextKey(after: keys.last) {
      keys.append(key)
    }
    return keys
  }

  deinit {
    map.releaseForUser()
  }

  func checkWritable() throws(LinuxError) {
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
  }

  func checkReadable() throws(LinuxError) {
    guard !definition.flags.contains(.writeOnly) else { throw .notPermitted }
  }

  /// Takes the lock flag for values with a lock, and what is in `others`.
  func checkLockFlag(_ flags: UpdateFlags, others: UInt64) throws(LinuxError) {
    let lock = definition.lockOffset == nil ? 0 : UpdateFlags.lock.rawValue
    guard flags.rawValue & ~(lock | others) == 0 else { throw .invalid }
  }

  func check(_ error: LinuxError?) throws(LinuxError) {
    if let error { throw error }
  }

  /// A value that `body` writes to the address which it is given, beside the key's.
  private func read(
    _ key: [UInt8], _ body: (UnsafeRawPointer?, UnsafeMutableRawPointer) -> LinuxError?
  ) throws(LinuxError) -> [UInt8] {
    var value = [UInt8](repeating: 0, count: map.userValueSize)
    let error = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeMutableBytes { value -> LinuxError? in
        guard let value = value.baseAddress else { return .invalid }
        return unsafe body(key.isEmpty ? nil : key.baseAddress, value)
      }
    }
    try check(error)
    return value
  }
}

extension MapHandle {
  /// Stores a program in a slot of an array of programs.
  ///
  /// - Throws: EINVAL when the map is not an array of programs, or the program does not fit its
  ///   owner (R3.7) or comes from another runtime; E2BIG when there is no such
  ///   slot; EPERM on a read-only or frozen map.
  public func setProgram(_ program: Program, at index: UInt32) throws(LinuxError) {
    try checkWritable()
    guard let array = map as? ProgramArray else { throw .invalid }
    try check(array.set(program, at: index))
  }

  /// The program in a slot; `nil` when the slot is empty or the map is no array of programs.
  public func program(at index: UInt32) -> Program? {
    (map as? ProgramArray)?.program(at: index)
  }

  /// The filled slots of an array of programs, in order.
  public var programs: [(index: UInt32, program: Program)] {
    (map as? ProgramArray)?.programs ?? []
  }

  /// The type of the programs that an array belongs to, once it has an owner (R3.11).
  public var ownerType: UInt32? { (map as? ProgramArray)?.ownerType }
}
