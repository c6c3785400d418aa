// UNSAFE. The user's side of a ring buffer.
//
// Invariant: the bytes of a record belong to the consumer until `body` has returned.

import Synchronization

/// The consumer of a ring buffer: there is one at a time.
///
/// ```swift
/// let reader = try RingBufferReader(collection.map("events").handle)
/// for await record in reader.records { handle(record) }
/// ```
///
/// A thread can do the same with ``poll(timeout:_:)``. Neither looks again and again: both sleep
/// until a program submits a record, or is told to wake nobody (`BPF_RB_NO_WAKEUP`).
public final class RingBufferReader: Sendable {
  private let handle: MapHandle
  private let map: RingBufferMap
  private let isConsuming = Atomic<Bool>(false)

  /// Becomes the reader of a ring buffer, from the oldest record on.
  ///
  /// - Throws: EINVAL when the map is no ring buffer, EBUSY while it has a reader.
  public init(_ handle: MapHandle) throws(LinuxError) {
    guard let map = handle.map as? RingBufferMap else { throw .invalid }
    guard map.claimReader() else { throw .busy }
    self.handle = handle.duplicate()
    self.map = map
  }

  deinit {
    map.releaseReader()
  }

  /// Hands the records that are there to `body`, oldest first, without waiting.
  ///
  /// A record that a program still holds ends it: records come in the order of their reservation.
  ///
  /// - Parameters:
  ///   - limit: Records to take at most.
  ///   - body: Gets the bytes of a record, which are only there during the call. It must not
  ///     consume from this reader: then there is nothing for it.
  /// - Returns: How many records there were.
  @discardableResult
  public func consume(limit: Int = .max, _ body: (RawSpan) -> Void) -> Int {
    guard !isConsuming.exchange(true, ordering: .acquiringAndReleasing) else { return 0 }
    defer { isConsuming.store(false, ordering: .releasing) }
    return map.ring.consume(limit: limit) { bytes, _ in body(bytes) }
  }

  /// Waits until there are records and hands them to `body`.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; `nil` for as long as it takes.
  ///   - body: Gets the bytes of a record, as in ``consume(limit:_:)``.
  /// - Returns: How many records there were: none after the time is over, after ``finish()``, or
  ///   when a program woke the reader for nothing.
  @discardableResult
  public func poll(timeout: Duration? = nil, _ body: (RawSpan) -> Void) -> Int {
    let count = consume(body)
    guard count == 0 else { return count }
    map.signal.wait(timeout: timeout) { map.ring.first != nil }
    return consume(body)
  }

  /// Lets ``records`` end when it has given all that is there, and wakes who waits.
  public func finish() { map.signal.finish() }

  /// The records as they come, copied.
  public var records: Records { Records(reader: self) }

  /// Records of a ring buffer, oldest first; ends after ``RingBufferReader/finish()`` and when the
  /// task is cancelled. One loop at a time: two take records from each other.
  public struct Records: AsyncSequence, Sendable {
    let reader: RingBufferReader

    /// Begins with the oldest record.
    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Takes records out of a ring buffer.
    public struct Iterator: AsyncIteratorProtocol {
      let reader: RingBufferReader

      /// The next record; `nil` at the end.
      public mutating func next() async -> [UInt8]? {
        while !Task.isCancelled {
          let isFinished = reader.map.signal.isFinished
          var record: [UInt8]?
          reader.consume(limit: 1) { record = Array(copying: $0) }
          if let record { return record }
          if isFinished { return nil }
          let map = reader.map
          await map.signal.wait { map.ring.first != nil }
        }
        return nil
      }
    }
  }
}

extension [UInt8] {
  /// A copy of the bytes of a span.
  init(copying bytes: RawSpan) {
    self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}
