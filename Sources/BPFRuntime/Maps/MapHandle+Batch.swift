/// Some elements of a map, and how to go on.
public struct MapBatch: Sendable {
  /// One element.
  public struct Element: Hashable, Sendable {
    /// The key.
    public var key: [UInt8]
    /// The value as user space sees it.
    public var value: [UInt8]

    /// Pairs a key with a value.
    public init(key: [UInt8], value: [UInt8]) {
      self.key = key
      self.value = value
    }
  }

  /// Where a walk has got to. It stays good whatever happens to the map; elements that come or go
  /// meanwhile may be met or not.
  public struct Cursor: Hashable, Sendable {
    enum Place: Hashable, Sendable {
      /// The next bucket of a hash.
      case bucket(UInt64)
      /// The last key that was read.
      case key([UInt8])
    }

    var place: Place
  }

  /// The elements, in the map's order.
  public var elements: [Element]
  /// Where the next batch begins; `nil` after the last one.
  public var cursor: Cursor?
}

/// Why a batch of changes stopped: Linux's error, and how many of them were made.
public struct MapBatchError: Error, Hashable, Sendable {
  /// What the first change that failed came to.
  public var error: LinuxError
  /// The changes before it, which stay.
  public var count: Int

  /// Puts an error together.
  public init(error: LinuxError, count: Int) {
    self.error = error
    self.count = count
  }
}

/// Many elements with one call. Each of them is read or changed as if it were alone.
extension MapHandle {
  /// Reads up to `limit` elements.
  ///
  /// Hashes are read bucket by bucket, so a batch can be smaller than asked for.
  ///
  /// - Parameters:
  ///   - cursor: Where the batch before this one ended; `nil` for the first one.
  ///   - limit: The most elements to read, at least 1.
  ///   - flags: 0, or the lock flag for values with a spin lock.
  /// - Throws: ENOSPC when the next bucket of a hash has more elements than that, ENOTSUPP for
  ///   kinds without batches, EINVAL for other flags, EPERM on a write-only map.
  public func lookupBatch(
    after cursor: MapBatch.Cursor? = nil, limit: Int, flags: UpdateFlags = .any
  ) throws(LinuxError) -> MapBatch {
    try checkReadable()
    return try readBatch(after: cursor, limit: limit, flags: flags, deletes: false)
  }

  /// Reads up to `limit` elements of a hash and removes them.
  ///
  /// - Throws: As ``lookupBatch(after:limit:flags:)`` does, ENOTSUPP for all other kinds, EPERM on
  ///   a read-only or frozen map.
  public func lookupAndDeleteBatch(
    after cursor: MapBatch.Cursor? = nil, limit: Int, flags: UpdateFlags = .any
  ) throws(LinuxError) -> MapBatch {
    try checkReadable()
    try checkWritable()
    return try readBatch(after: cursor, limit: limit, flags: flags, deletes: true)
  }

  /// Writes elements one after the other.
  ///
  /// - Throws: ``MapBatchError`` for the first one that fails.
  public func updateBatch(
    _ elements: [MapBatch.Element], flags: UpdateFlags = .any
  ) throws(MapBatchError) {
    try perform(elements, flags: flags) { element throws(LinuxError) in
      try update(element.key, element.value, flags: flags)
    }
  }

  /// Removes elements one after the other.
  ///
  /// - Throws: ``MapBatchError`` for the first one that fails.
  public func deleteBatch(_ keys: [[UInt8]]) throws(MapBatchError) {
    let hasBatches = definition.type.batchSupport == .all || definition.type == .lpmTrie
    try perform(keys, flags: .any, isSupported: hasBatches) { key throws(LinuxError) in
      try delete(key)
    }
  }

  private func perform<Item>(
    _ items: [Item], flags: UpdateFlags, isSupported: Bool? = nil,
    _ body: (Item) throws(LinuxError) -> Void
  ) throws(MapBatchError) {
    var count = 0
    do throws(LinuxError) {
      try checkWritable()
      guard isSupported ?? (definition.type.batchSupport != .none) else { throw .notSupported }
      try checkLockFlag(flags, others: 0)
      for item in items {
        try body(item)
        count += 1
      }
    } catch {
      throw MapBatchError(error: error, count: count)
    }
  }

  private func readBatch(
    after cursor: MapBatch.Cursor?, limit: Int, flags: UpdateFlags, deletes: Bool
  ) throws(LinuxError) -> MapBatch {
    let support = definition.type.batchSupport
    guard support == .all || support == .some && !deletes else { throw .notSupported }
    try checkLockFlag(flags, others: 0)
    guard limit > 0 else { throw .invalid }
    if let hash = map as? HashMap {
      return try readBuckets(hash, after: cursor, limit, isLocked: flags == .lock, deletes)
    }
    return try readKeys(after: cursor, limit, flags, deletes)
  }

  private func readBuckets(
    _ hash: HashMap, after cursor: MapBatch.Cursor?, _ limit: Int, isLocked: Bool, _ deletes: Bool
  ) throws(LinuxError) -> MapBatch {
    var number: UInt64 = 0
    if let cursor {
      guard case .bucket(let next) = cursor.place else { throw .invalid }
      number = next
    }
    var batch = MapBatch(elements: [])
    while number <= hash.table.bucketMask {
      let room = limit - batch.elements.count
      guard let elements = hash.elements(inBucket: number, limit: room, isLocked: isLocked) else {
        if batch.elements.isEmpty { throw .noSpace }
        batch.cursor = MapBatch.Cursor(place: .bucket(number))
        return batch
      }
      for element in elements {
        guard deletes else {
          batch.elements.append(element)
          continue
        }
        // Somebody else may have removed or replaced it since it was read.
        guard let value = try? lookupAndDelete(element.key, flags: isLocked ? .lock : .any) else {
          continue
        }
        batch.elements.append(MapBatch.Element(key: element.key, value: value))
      }
      number += 1
    }
    return batch
  }

  private func readKeys(
    after cursor: MapBatch.Cursor?, _ limit: Int, _ flags: UpdateFlags, _ deletes: Bool
  ) throws(LinuxError) -> MapBatch {
    var last: [UInt8]?
    if let cursor {
      guard case .key(let key) = cursor.place else { throw .invalid }
      last = key
    }
    var batch = MapBatch(elements: [])
    while let key = try nextKey(after: last) {
      guard batch.elements.count < limit else {
        batch.cursor = last.map { MapBatch.Cursor(place: .key($0)) }
        return batch
      }
      // An empty slot, or an element that has gone since its key was read, is passed over.
      if let value = try? lookup(key, flags: flags) {
        batch.elements.append(MapBatch.Element(key: key, value: value))
      }
      last = key
    }
    if deletes { for element in batch.elements { try? delete(element.key) } }
    return batch
  }
}

extension MapType {
  /// What a kind can do with many elements.
  fileprivate enum BatchSupport {
    case none
    /// Reading and writing.
    case some
    /// Deleting as well.
    case all
  }

  fileprivate var batchSupport: BatchSupport {
    switch self {
    case .hash, .perCPUHash, .lruHash, .lruPerCPUHash, .hashOfMaps: .all
    case .array, .perCPUArray, .lpmTrie, .arrayOfMaps: .some
    default: .none
    }
  }
}
