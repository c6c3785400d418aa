// UNSAFE. The elements of a map that are in no chain, in lists through the elements themselves.
//
// Invariant: a list's links name elements of the block and pass through the spare word of elements
// that are in no chain; a pool is used by one thread at a time: a CPU's by the run on that CPU, the
// shared one under its Mutex.

import Synchronization

/// Elements that one CPU, or everybody else, has at hand or waits for.
///
/// A run that found an element may use its value until the run ends. So what leaves a chain waits,
/// in batches, until every run that could have found it has ended: see ``Epochs``. A batch is
/// stamped when it is full, which is later than each of its elements left, so the stamp is good for
/// all of them, and its cost is divided by their number.
struct ElementPool {
  /// Elements that left their chains at about the same time.
  struct Batch {
    var first: UInt32 = 0
    var last: UInt32 = 0
    var count: UInt32 = 0
    var stamp: UInt64 = 0
  }

  /// The first of those that can be handed out.
  var free: UInt32 = 0
  /// How many can be handed out.
  var freeCount: UInt32 = 0
  /// The batch that is being filled.
  var open = Batch()
  /// Full batches, the oldest at ``start``.
  private var waiting = InlineArray<8, Batch>(repeating: Batch())
  private var start = 0
  private(set) var waitingCount = 0

  /// The oldest full batch.
  var oldest: Batch? { waitingCount == 0 ? nil : waiting[start & 7] }

  /// Adds a full batch. When there is no room it joins the newest one, whose elements then wait
  /// longer than they would have to.
  mutating func append(_ batch: Batch, _ store: borrowing ElementStore) {
    if waitingCount == 8 {
      let newest = (start &+ 7) & 7
      store.setSpare(waiting[newest].last, batch.first)
      waiting[newest].last = batch.last
      waiting[newest].count &+= batch.count
      waiting[newest].stamp = max(waiting[newest].stamp, batch.stamp)
    } else {
      waiting[(start &+ waitingCount) & 7] = batch
      waitingCount &+= 1
    }
  }

  /// Takes the oldest full batch out.
  mutating func removeOldest() -> Batch? {
    guard let batch = oldest else { return nil }
    start = (start &+ 1) & 7
    waitingCount &-= 1
    return batch
  }

  /// Puts a batch among those that can be handed out.
  mutating func release(_ batch: Batch, _ store: borrowing ElementStore) {
    guard batch.count > 0 else { return }
    store.setSpare(batch.last, free)
    free = batch.first
    freeCount &+= batch.count
  }

  /// Hands an element out; 0 when none is at hand.
  @inline(__always)
  mutating func pop(_ store: borrowing ElementStore) -> UInt32 {
    let link = free
    if link != 0 {
      free = store.spare(link)
      freeCount &-= 1
    }
    return link
  }

  /// Takes a number of elements out as one batch, as many as are at hand.
  mutating func popBatch(_ limit: UInt32, _ store: borrowing ElementStore) -> Batch {
    var batch = Batch(first: free, last: free)
    while batch.count < limit, free != 0 {
      batch.last = free
      free = store.spare(free)
      batch.count &+= 1
    }
    freeCount &-= batch.count
    return batch
  }

  /// Adds an element that has left its chain to the open batch.
  @inline(__always)
  mutating func add(_ link: UInt32, _ store: borrowing ElementStore) {
    store.setSpare(link, open.first)
    if open.count == 0 { open.last = link }
    open.first = link
    open.count &+= 1
  }

  /// Releases the batches whose elements no run can be using any more; whether there were any.
  mutating func collect(_ epochs: Epochs, _ store: borrowing ElementStore) -> Bool {
    guard let oldest else { return false }
    let live = epochs.firstLiveEpoch(beyond: oldest.stamp)
    var found = false
    while let batch = self.oldest, batch.stamp < live {
      _ = removeOldest()
      release(batch, store)
      found = true
    }
    return found
  }
}

/// The memory of a map's elements, and who has those that are in no chain.
@safe
struct ElementStore: ~Copyable, @unchecked Sendable {
  // Sendable: a pool belongs to one CPU, the shared one is behind a Mutex.

  private let memory: StableMemory
  private let pools: StableMemory
  private let poolCount: Int
  private let shared = Mutex(ElementPool())
  private let untouched = Atomic<UInt32>(0)
  private let epochs: Epochs
  /// Elements in a batch: fewer when they are large.
  private let batchCount: UInt32
  /// How many elements there are.
  let capacity: UInt32
  /// Bytes from one element to the next.
  let stride: UInt64
  /// Where in an element its link is.
  private let linkOffset: UInt64

  /// What links count from: eight bytes before the block, so that no link is 0.
  var elements: UInt64 { memory.address &- 8 }
  /// The address of the first element's link.
  var firstElement: UInt64 { memory.address &+ linkOffset }

  private static let poolStride = (MemoryLayout<ElementPool>.size + 63) & ~63

  /// Reserves memory for `count` elements in chains, and for as many more as can be waiting or at
  /// hand in some pool; what is not used costs no memory.
  ///
  /// - Parameters:
  ///   - linkOffset: Bytes of an element before its link.
  ///   - outside: Bytes that belong to an element and lie elsewhere.
  init(
    count: UInt32, stride: Int, linkOffset: Int, outside: Int = 0, poolCount: Int, epochs: Epochs
  ) throws(LinuxError) {
    let size = stride + outside
    let batchCount = UInt32(min(max((64 << 10) / size, 1), 128))
    // Per pool: four full batches and the open one, and what four of them leave at hand.
    let hoarded = 10 * Int(batchCount) * (poolCount + 1)
    let waiting = min(max((64 << 20) / size, 16), 1 << 20)
    let capacity = Int(count) + hoarded + waiting
    let (byteCount, overflow) = stride.multipliedReportingOverflow(by: capacity)
    // Links have 31 bits.
    guard !overflow, byteCount < 8 << 31 else { throw .noMemory }
    let pools = try StableMemory(byteCount: Self.poolStride * poolCount)
    memory = try StableMemory(byteCount: byteCount)
    self.batchCount = batchCount
    self.poolCount = poolCount
    self.capacity = UInt32(capacity)
    self.stride = UInt64(stride)
    self.linkOffset = UInt64(linkOffset)
    self.epochs = epochs
    for index in 0..<poolCount {
      unsafe (pools.base + index * Self.poolStride)
        .initializeMemory(as: ElementPool.self, to: ElementPool())
    }
    self.pools = pools
  }

  /// How many elements have been handed out since the map was made: the first ones.
  var touchedCount: UInt64 { UInt64(untouched.load(ordering: .acquiring)) }

  /// The number of an element, from 0.
  func index(ofElementAt address: UInt64) -> UInt64 { (address &- firstElement) / stride }

  @inline(__always)
  private func pool(_ slot: Int) -> UnsafeMutablePointer<ElementPool> {
    unsafe (pools.base + slot &* Self.poolStride).assumingMemoryBound(to: ElementPool.self)
  }

  @inline(__always)
  func spare(_ link: UInt32) -> UInt32 {
    GuestMemory.load(
      elements &+ UInt64(link) &* 8 &+ HashTable.Field.spare, as: UInt32.self)
  }

  @inline(__always)
  func setSpare(_ link: UInt32, _ value: UInt32) {
    GuestMemory.store(
      elements &+ UInt64(link) &* 8 &+ HashTable.Field.spare, UInt64(value), as: UInt32.self)
  }

  /// Hands out an element that no run is using; 0 when all are in use.
  ///
  /// - Parameter slot: The slot of the CPU whose run asks; any other number for everybody else.
  @inline(__always)
  func take(_ slot: Int) -> UInt32 {
    guard slot < poolCount else { return takeShared() }
    let pool = unsafe pool(slot)
    let link = unsafe pool.pointee.pop(self)
    return link != 0 ? link : refill(slot)
  }

  /// Takes an element back that has just left its chain.
  @inline(__always)
  func retire(_ link: UInt32, _ slot: Int) {
    guard slot < poolCount else { return retireShared(link) }
    let pool = unsafe pool(slot)
    unsafe pool.pointee.add(link, self)
    if unsafe pool.pointee.open.count >= batchCount { closeBatch(slot) }
  }

  /// Takes an element back that has not been in a chain since it was handed out.
  func putBack(_ link: UInt32, _ slot: Int) {
    let batch = ElementPool.Batch(first: link, last: link, count: 1)
    guard slot < poolCount else { return shared.withLock { $0.release(batch, self) } }
    unsafe pool(slot).pointee.release(batch, self)
  }

  @inline(never)
  private func refill(_ slot: Int) -> UInt32 {
    let pool = unsafe pool(slot)
    // A look at all CPUs may interrupt them, so it has to be worth it.
    if unsafe pool.pointee.waitingCount < 3 || !pool.pointee.collect(epochs, self) {
      let batch = shared.withLock { takeBatch(&$0) }
      unsafe pool.pointee.release(batch, self)
    }
    return unsafe pool.pointee.pop(self)
  }

  @inline(never)
  private func closeBatch(_ slot: Int) {
    let pool = unsafe pool(slot)
    var batch = unsafe pool.pointee.open
    batch.stamp = epochs.stamp()
    unsafe pool.pointee.open = ElementPool.Batch()
    unsafe pool.pointee.append(batch, self)
    // A CPU that only deletes must not keep everything.
    if unsafe pool.pointee.waitingCount > 4, let oldest = unsafe pool.pointee.removeOldest() {
      shared.withLock { $0.append(oldest, self) }
    }
  }

  private func takeShared() -> UInt32 {
    shared.withLock { pool in
      let link = pool.pop(self)
      if link != 0 { return link }
      let batch = takeBatch(&pool)
      pool.release(batch, self)
      return pool.pop(self)
    }
  }

  private func retireShared(_ link: UInt32) {
    shared.withLock { pool in
      pool.add(link, self)
      guard pool.open.count >= batchCount else { return }
      var batch = pool.open
      batch.stamp = epochs.stamp()
      pool.open = ElementPool.Batch()
      pool.append(batch, self)
    }
  }

  /// Some elements for another pool: out of those at hand, those that have waited long enough, or
  /// memory that was never used.
  private func takeBatch(_ pool: inout ElementPool) -> ElementPool.Batch {
    if pool.free == 0 { _ = pool.collect(epochs, self) }
    if pool.free != 0 { return pool.popBatch(batchCount, self) }
    var batch = ElementPool.Batch()
    let start = untouched.load(ordering: .relaxed)
    let end = min(start &+ batchCount, capacity)
    for index in start..<max(start, end) {
      let address = firstElement &+ UInt64(index) &* stride
      let link = UInt32(truncatingIfNeeded: (address &- elements) &>> 3)
      setSpare(link, batch.first)
      if batch.count == 0 { batch.last = link }
      batch.first = link
      batch.count &+= 1
    }
    untouched.store(max(start, end), ordering: .releasing)
    return batch
  }
}
