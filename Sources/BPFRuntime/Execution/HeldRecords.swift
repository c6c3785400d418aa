// UNSAFE. The records that the running program has reserved and not given back.
//
// Invariant: the block is owned by the CPU and has room for `capacity` entries; an entry's map is
// one of a program that runs, so it lives until the end of the run.

/// The memory that a program got from `bpf_ringbuf_reserve`: it may touch it until it gives it
/// back, and what it has not given back at the end of the run is discarded.
@safe
struct HeldRecords {
  let address: UInt64

  /// Records that a program can hold at once; it gets no more.
  static let capacity = 64

  private struct Entry {
    var record: UInt64
    var byteCount: UInt64
    var map: UInt64
  }

  static var byteCount: Int { capacity * MemoryLayout<Entry>.stride }

  private var entries: UnsafeMutablePointer<Entry> {
    let start = unsafe GuestMemory.pointer(address).unsafelyUnwrapped
    return unsafe start.assumingMemoryBound(to: Entry.self)
  }

  /// Notes one; there are `count`, fewer than ``capacity``.
  @inline(__always)
  func append(_ record: UInt64, byteCount: UInt64, map: UInt64, count: UInt16) {
    unsafe (entries + Int(count))
      .initialize(to: Entry(record: record, byteCount: byteCount, map: map))
  }

  /// Forgets one.
  ///
  /// - Returns: Its map; `nil` when there is none at this address.
  @inline(__always)
  func remove(_ record: UInt64, count: UInt16) -> UInt64? {
    // The last one first: programs give back what they have just filled.
    var index = Int(count)
    while index > 0 {
      index -= 1
      guard unsafe entries[index].record == record else { continue }
      defer { unsafe entries[index] = entries[Int(count) - 1] }
      return unsafe entries[index].map
    }
    return nil
  }

  /// Whether bytes lie in one of them.
  func contains(_ address: UInt64, _ size: UInt64, count: UInt16) -> Bool {
    for index in 0..<Int(count) {
      let entry = unsafe entries[index]
      let offset = address &- entry.record
      if address >= entry.record, offset <= entry.byteCount, size <= entry.byteCount &- offset {
        return true
      }
    }
    return false
  }

  /// Whether one of them begins here.
  func begins(at address: UInt64, count: UInt16) -> Bool {
    (0..<Int(count)).contains { unsafe entries[$0].record == address }
  }
}

extension RunningCPU {
  private var held: HeldRecords { unsafe HeldRecords(address: words.pointee.heldRecords) }

  /// Whether a program can hold one more record.
  @inline(__always)
  var canHoldRecord: Bool {
    unsafe words.pointee.heldRecordCount < UInt16(HeldRecords.capacity)
  }

  /// Gives the program a record.
  @inline(__always)
  func hold(_ record: UInt64, byteCount: UInt64, map: UInt64) {
    unsafe held.append(record, byteCount: byteCount, map: map, count: words.pointee.heldRecordCount)
    unsafe words.pointee.heldRecordCount &+= 1
  }

  /// Takes a record back; `nil` when the program does not hold it, its map otherwise.
  @inline(__always)
  func release(_ record: UInt64) -> UInt64? {
    let count = unsafe words.pointee.heldRecordCount
    guard count > 0, let map = held.remove(record, count: count) else { return nil }
    unsafe words.pointee.heldRecordCount = count &- 1
    return map
  }

  /// Whether bytes lie in a record that the program holds.
  func holds(_ address: UInt64, _ size: Int) -> Bool {
    let count = unsafe words.pointee.heldRecordCount
    return count > 0 && held.contains(address, UInt64(size), count: count)
  }

  /// Whether a record that the program holds begins here.
  func holdsRecord(at address: UInt64) -> Bool {
    let count = unsafe words.pointee.heldRecordCount
    return count > 0 && held.begins(at: address, count: count)
  }

  /// Ends a run: discards what the program still holds, which a verified one never does.
  @inline(__always)
  func discardHeldRecords() {
    if unsafe words.pointee.heldRecordCount > 0 { discardAll() }
  }

  @inline(never)
  private func discardAll() {
    while let record = last, let map = release(record) {
      _ = RingBufferMap.with(map) { $0.commit(record, flags: 0, isDiscarded: true) }
    }
  }

  private var last: UInt64? {
    let count = unsafe words.pointee.heldRecordCount
    return count > 0 ? held.record(at: count &- 1) : nil
  }
}

extension HeldRecords {
  /// The address of a record by its number.
  fileprivate func record(at index: UInt16) -> UInt64 { unsafe entries[Int(index)].record }
}
