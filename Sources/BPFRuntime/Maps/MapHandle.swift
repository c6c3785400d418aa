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

  /// The value of a key; for an array of programs, the number of the program (R4.8).
  ///
  /// - Throws: ENOENT when there is none, EINVAL for a key of the wrong size or any flag but 0,
  ///   EPERM on a write-only map.
  public func lookup(_ key: [UInt8], flags: UpdateFlags = .any) throws(LinuxError) -> [UInt8] {
    guard !definition.flags.contains(.writeOnly) else { throw .notPermitted }
    guard definition.type != .ringBuffer else { throw .notSupported }
    guard flags == .any, key.count == map.keySize else { throw .invalid }
    var value = [UInt8](repeating: 0, count: map.userValueSize)
    try check(unsafe with(key, &value) { unsafe map.lookup(key: $0, into: $1) })
    return value
  }

  /// Writes the value of a key; for an array of programs, `value` is the number of a program.
  ///
  /// - Throws: Linux's error: EPERM on a read-only or frozen map, EINVAL for wrong sizes or flags,
  ///   E2BIG, EEXIST, ENOENT as the map's kind has them.
  public func update(
    _ key: [UInt8], _ value: [UInt8], flags: UpdateFlags = .any
  ) throws(LinuxError) {
    try checkWritable()
    guard definition.type != .ringBuffer else { throw .notSupported }
    // No map has a spin lock in its values yet, so the lock flag never fits.
    guard flags.rawValue & UpdateFlags.lock.rawValue == 0, flags.rawValue <= 2,
      key.count == map.keySize, value.count == map.userValueSize
    else { throw .invalid }
    let error = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
        guard let key = key.baseAddress, let value = value.baseAddress else {
          return LinuxError?.some(.invalid)
        }
        return unsafe map.updateFromUser(key: key, value: value, flags: flags)
      }
    }
    try check(error)
  }

  /// Removes an element, or empties a slot.
  ///
  /// - Throws: Linux's error: ENOENT, E2BIG or EINVAL as the map's kind has them, EPERM on a
  ///   read-only or frozen map.
  public func delete(_ key: [UInt8]) throws(LinuxError) {
    try checkWritable()
    guard definition.type != .ringBuffer else { throw .notSupported }
    guard key.count == map.keySize else { throw .invalid }
    let error = unsafe key.withUnsafeBytes { key -> LinuxError? in
      guard let key = key.baseAddress else { return .invalid }
      return unsafe map.deleteFromUser(key: key)
    }
    try check(error)
  }

  /// The key after `key`, or the first one.
  ///
  /// - Returns: `nil` after the last key.
  public func nextKey(after key: [UInt8]?) throws(LinuxError) -> [UInt8]? {
    guard !definition.flags.contains(.writeOnly) else { throw .notPermitted }
    guard key == nil || key?.count == map.keySize else { throw .invalid }
    var next = [UInt8](repeating: 0, count: map.keySize)
    let error: LinuxError?
    if let key {
      error = unsafe with(key, &next) { unsafe map.nextKey(after: $0, into: $1) }
    } else {
      error = unsafe next.withUnsafeMutableBytes { next in
        guard let next = next.baseAddress else { return .invalid }
        return unsafe map.nextKey(after: nil, into: next)
      }
    }
    if error == .noEntry { return nil }
    try check(error)
    return next
  }

  /// Copies a value out and removes its element.
  ///
  /// - Throws: ENOENT, or ENOTSUPP where the map's kind does not have it.
  public func lookupAndDelete(_ key: [UInt8]) throws(LinuxError) -> [UInt8] {
    try checkWritable()
    guard !definition.flags.contains(.writeOnly) else { throw .notPermitted }
    guard key.count == map.keySize else { throw .invalid }
    var value = [UInt8](repeating: 0, count: map.userValueSize)
    try check(unsafe with(key, &value) { unsafe map.lookupAndDelete(key: $0, into: $1) })
    return value
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

  private func checkWritable() throws(LinuxError) {
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
  }

  private func check(_ error: LinuxError?) throws(LinuxError) {
    if let error { throw error }
  }

  private func with(
    _ key: [UInt8], _ output: inout [UInt8],
    _ body: (UnsafeRawPointer, UnsafeMutableRawPointer) -> LinuxError?
  ) -> LinuxError? {
    unsafe key.withUnsafeBytes { key in
      unsafe output.withUnsafeMutableBytes { output in
        guard let key = key.baseAddress, let output = output.baseAddress else { return .invalid }
        return unsafe body(key, output)
      }
    }
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
