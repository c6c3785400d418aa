// UNSAFE. The user's side of kinds of map that have operations of their own.
//
// Invariant: values are copied from and to buffers of exactly the map's sizes.

/// Queues, stacks and filters: values without keys.
extension MapHandle {
  /// Adds a value.
  ///
  /// - Parameter flags: ``UpdateFlags/any``; on a full queue or stack, ``UpdateFlags/mustExist``
  ///   lets the oldest value make room.
  /// - Throws: E2BIG when it is full, EINVAL for a value of the wrong size, other flags or a kind
  ///   with keys, EPERM on a read-only or frozen map.
  public func push(_ value: [UInt8], flags: UpdateFlags = .any) throws(LinuxError) {
    guard map.keySize == 0 else { throw .invalid }
    try update([], value, flags: flags)
  }

  /// Takes the next value out of a queue or stack; `nil` when there is none.
  ///
  /// - Throws: EINVAL for a kind with keys, ENOTSUPP for a filter, EPERM without the right.
  public func pop() throws(LinuxError) -> [UInt8]? {
    guard map.keySize == 0 else { throw .invalid }
    do throws(LinuxError) {
      return try lookupAndDelete([])
    } catch .noEntry {
      return nil
    }
  }

  /// The next value of a queue or stack, which stays there; `nil` when there is none.
  ///
  /// - Throws: EINVAL for a kind with keys and for a filter, EPERM on a write-only map.
  public func peek() throws(LinuxError) -> [UInt8]? {
    guard map.keySize == 0, definition.type != .bloomFilter else { throw .invalid }
    do throws(LinuxError) {
      return try lookup([])
    } catch .noEntry {
      return nil
    }
  }

  /// Whether a filter may have been given a value; `false` is certain.
  ///
  /// - Throws: EINVAL for another kind or a value of the wrong size, EPERM on a write-only map.
  public func mayContain(_ value: [UInt8]) throws(LinuxError) -> Bool {
    try checkReadable()
    guard definition.type == .bloomFilter, value.count == map.valueSize else { throw .invalid }
    let error = unsafe value.withUnsafeBytes { value -> LinuxError? in
      guard let value = value.baseAddress else { return .invalid }
      return map.peek(unsafe GuestMemory.address(value))
    }
    if error == .noEntry { return false }
    try check(error)
    return true
  }
}

/// Maps of maps.
extension MapHandle {
  /// Stores a map under a key of a map of maps.
  ///
  /// - Throws: EINVAL when this is no map of maps, or the map is not like its template or comes
  ///   from another runtime; E2BIG, EEXIST, ENOENT as the kind has them; EPERM on a read-only or
  ///   frozen map.
  public func setMap(
    _ inner: MapHandle, forKey key: [UInt8], flags: UpdateFlags = .any
  ) throws(LinuxError) {
    try checkWritable()
    guard let outer = map as? MapOfMaps, key.count == map.keySize else { throw .invalid }
    try check(outer.set(key, inner.map, flags: flags))
  }

  /// What the inner maps of a map of maps are like; `nil` for other kinds.
  public var innerDefinition: MapDefinition? { (map as? MapOfMaps)?.innerDefinition }

  /// The map under a key of a map of maps; `nil` when there is none.
  public func map(forKey key: [UInt8]) -> MapHandle? {
    (map as? MapOfMaps)?.map(key).map { MapHandle($0) }
  }
}
