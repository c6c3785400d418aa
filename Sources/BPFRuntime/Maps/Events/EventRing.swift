// UNSAFE. A ring of records that many producers fill and one consumer empties.
//
// Invariants:
// - Positions only grow. The bytes between consumer and producer position belong to records, each
//   of which begins with its header; the producer position moves on after the header is written.
// - A record belongs to the producer that reserved it until its busy bit is cleared, then to the
//   consumer until the consumer position has passed it.
// - Everything shared is atomic, except the bytes of a record, which have one owner at a time.

import Synchronization

/// Records in shared memory, in Linux's form: a header of eight bytes, the length with two flags
/// first, in front of every record; records begin at multiples of eight.
@safe
struct EventRing: ~Copyable, Sendable {
  private let memory: RingMemory
  private let data: UInt64
  private let mask: UInt64
  private let lockAddress: UInt64

  /// Set in a header's length until the record is submitted (`BPF_RINGBUF_BUSY_BIT`).
  static let busy: UInt32 = 1 << 31
  /// Set in the length of a record that nobody wants (`BPF_RINGBUF_DISCARD_BIT`).
  static let discarded: UInt32 = 1 << 30
  /// Bytes of a header.
  static let headerByteCount: UInt64 = 8
  /// Bytes of the longest record (`RINGBUF_MAX_RECORD_SZ`).
  static let longestRecord = UInt64(UInt32.max / 4)
  /// How often a producer looks at the lock before it lets others run.
  private static let spins = 100

  /// Maps an empty ring.
  ///
  /// - Parameter byteCount: Bytes of the data: a power of two, and whole pages.
  /// - Throws: ENOMEM.
  init(byteCount: UInt64) throws(LinuxError) {
    memory = try RingMemory(dataByteCount: byteCount)
    data = memory.data
    mask = byteCount - 1
    lockAddress = memory.producerPage &+ 8
  }

  /// Bytes of the data.
  var byteCount: UInt64 { mask &+ 1 }

  // MARK: Positions

  private var producer: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe GuestMemory.doubleWord(memory.producerPage)
  }

  private var consumer: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe GuestMemory.doubleWord(memory.consumerPage)
  }

  /// Bytes that were ever reserved, headers included.
  var producerPosition: UInt64 { unsafe producer.pointee.load(ordering: .acquiring) }
  /// Bytes that were ever consumed, headers included.
  var consumerPosition: UInt64 { unsafe consumer.pointee.load(ordering: .acquiring) }
  /// Bytes between the positions.
  var availableByteCount: UInt64 {
    let consumed = consumerPosition
    return producerPosition &- consumed
  }

  private var droppedCell: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe GuestMemory.doubleWord(memory.producerPage &+ 16)
  }

  /// How many records found no room.
  var dropped: UInt64 { unsafe droppedCell.pointee.load(ordering: .relaxed) }

  // MARK: Producers

  /// Takes the lock that orders producers. It is held for a dozen instructions; a producer that is
  /// interrupted with it makes others yield, not spin.
  @inline(__always)
  private func lock() {
    let cell = unsafe GuestMemory.word(lockAddress)
    while unsafe cell.pointee.exchange(1, ordering: .acquiring) != 0 { waitForLock() }
  }

  @inline(never)
  private func waitForLock() {
    let cell = unsafe GuestMemory.word(lockAddress)
    for _ in 0..<Self.spins where unsafe cell.pointee.load(ordering: .relaxed) == 0 { return }
    HostThread.yield()
  }

  @inline(__always)
  private func unlock() {
    unsafe GuestMemory.word(lockAddress).pointee.store(0, ordering: .releasing)
  }

  /// Makes room for a record.
  ///
  /// - Parameters:
  ///   - byteCount: Bytes of the record.
  ///   - note: The second word of the header; by default what Linux keeps there, the number of the
  ///     record's page.
  /// - Returns: The address of the record's first byte; `nil` when there is no room.
  @inline(__always)
  func reserve(_ byteCount: UInt64, note: UInt32? = nil) -> UInt64? {
    guard byteCount <= Self.longestRecord else { return dropOne() }
    let length = (byteCount &+ Self.headerByteCount &+ 7) & ~7
    lock()
    let position = unsafe producer.pointee.load(ordering: .relaxed)
    guard position &+ length &- consumerPosition <= mask else {
      unlock()
      return dropOne()
    }
    let header = data &+ (position & mask)
    // Three pages are in front of the data in Linux, one of which is never mapped.
    let page = note ?? UInt32(truncatingIfNeeded: 3 &+ (position & mask) &>> 12)
    GuestMemory.store(header &+ 4, UInt64(page), as: UInt32.self)
    unsafe GuestMemory.word(header).pointee.store(
      UInt32(truncatingIfNeeded: byteCount) | Self.busy, ordering: .relaxed)
    unsafe producer.pointee.store(position &+ length, ordering: .releasing)
    unlock()
    return header &+ Self.headerByteCount
  }

  @inline(never)
  private func dropOne() -> UInt64? {
    unsafe droppedCell.pointee.wrappingAdd(1, ordering: .relaxed)
    return nil
  }

  /// Gives a record to the consumer.
  ///
  /// - Returns: Whether the consumer has read everything before it, and may be waiting for it.
  @inline(__always)
  func commit(_ record: UInt64, isDiscarded: Bool = false) -> Bool {
    let header = record &- Self.headerByteCount
    let cell = unsafe GuestMemory.word(header)
    let length = unsafe cell.pointee.load(ordering: .relaxed) & ~Self.busy
    // Sequentially consistent, as is the load after it: a consumer that goes to sleep has stored
    // its position first and looks at the header last.
    _ = unsafe cell.pointee.exchange(
      isDiscarded ? length | Self.discarded : length, ordering: .sequentiallyConsistent)
    let consumed = unsafe consumer.pointee.load(ordering: .sequentiallyConsistent)
    return consumed & mask == header &- data
  }

  // MARK: The consumer

  /// What a header says.
  struct Record {
    /// The record's first byte.
    var address: UInt64
    /// Bytes of the record.
    var byteCount: Int
    /// The second word of the header.
    var note: UInt32
    /// Whether its producer did not want it after all.
    var isDiscarded: Bool
  }

  /// The oldest record, once it is submitted.
  var first: Record? {
    let position = unsafe consumer.pointee.load(ordering: .relaxed)
    guard position != producerPosition else { return nil }
    let header = data &+ (position & mask)
    let length = unsafe GuestMemory.word(header).pointee.load(ordering: .sequentiallyConsistent)
    guard length & Self.busy == 0 else { return nil }
    return Record(
      address: header &+ Self.headerByteCount,
      byteCount: Int(length & ~(Self.busy | Self.discarded)),
      note: GuestMemory.load(header &+ 4, as: UInt32.self),
      isDiscarded: length & Self.discarded != 0)
  }

  /// Gives the oldest record's room back.
  func remove(_ record: Record) {
    let length = (UInt64(record.byteCount) &+ Self.headerByteCount &+ 7) & ~7
    let position = unsafe consumer.pointee.load(ordering: .relaxed)
    unsafe consumer.pointee.store(position &+ length, ordering: .releasing)
  }

  /// Hands records to `body`, oldest first, until there is none or `limit` were handed out.
  ///
  /// - Returns: How many were.
  func consume(limit: Int, _ body: (RawSpan, _ note: UInt32) -> Void) -> Int {
    var count = 0
    while count < limit, let record = first {
      if !record.isDiscarded {
        let start = unsafe GuestMemory.pointer(record.address).unsafelyUnwrapped
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: record.byteCount)
        unsafe body(bytes.bytes, record.note)
        count += 1
      }
      remove(record)
    }
    return count
  }
}
