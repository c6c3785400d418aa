import Synchronization

/// What a ``PerfEventReader`` finds.
public enum PerfEvent: Hashable, Sendable {
  /// What a program gave to `bpf_perf_event_output` on a CPU: its bytes, then those of the packet
  /// that it asked for. Not padded, where Linux pads.
  case sample(cpu: Int, bytes: [UInt8])
  /// That many samples of a CPU found no room before the next one.
  case lost(cpu: Int, count: UInt64)
}

/// The buffers of a PERF_EVENT_ARRAY, one per CPU, and their consumer.
///
/// ```swift
/// let reader = try PerfEventReader(collection.map("events").handle)
/// for await event in reader.events { print(event) }
/// ```
///
/// Samples of one CPU come in order; those of two CPUs in any order. While nobody reads, the oldest
/// stay and new ones are counted as lost. The slots are emptied when the reader goes.
public final class PerfEventReader: Sendable {
  private let handle: MapHandle
  private let map: PerfEventArray
  private let slots: [PerfEventSlot]
  private let buffers: [PerfBuffer]
  private let signal = EventSignal()
  private let isConsuming = Atomic<Bool>(false)

  /// Puts a buffer for each CPU into the slot of its number; what was there is replaced.
  ///
  /// - Parameters:
  ///   - handle: The map.
  ///   - byteCountPerCPU: Bytes of each buffer, a power of two of at least a page.
  /// - Throws: EINVAL when the map is of another type or the size is none, ENOMEM, EPERM on a
  ///   read-only or frozen map.
  public init(_ handle: MapHandle, byteCountPerCPU: Int = 65_536) throws(LinuxError) {
    guard let map = handle.map as? PerfEventArray, byteCountPerCPU > 0,
      byteCountPerCPU & (byteCountPerCPU - 1) == 0,
      UInt64(byteCountPerCPU) % RingMemory.pageByteCount == 0
    else { throw .invalid }
    guard !handle.definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
    var buffers: [PerfBuffer] = []
    for index in 0..<min(map.possibleCPUs, Int(handle.definition.maxEntries)) {
      buffers.append(
        try PerfBuffer(byteCount: UInt64(byteCountPerCPU), cpuIndex: index, signal: signal))
    }
    self.handle = handle.duplicate()
    self.map = map
    self.buffers = buffers
    slots = buffers.map { PerfEventSlot(.buffer($0)) }
    for (index, slot) in slots.enumerated() { _ = map.set(slot, at: UInt32(index)) }
  }

  deinit {
    for (index, slot) in slots.enumerated() where map.object(at: UInt32(index)) === slot {
      _ = map.set(nil, at: UInt32(index))
    }
  }

  /// By CPU, how many samples found no room.
  public var lostCounts: [UInt64] { buffers.map(\.lostCount) }

  /// Hands what is there to `body`, CPU by CPU, without waiting.
  ///
  /// - Parameters:
  ///   - limit: Samples of one CPU to take at most.
  ///   - body: Gets an event. It must not consume from this reader: then there is nothing for it.
  /// - Returns: How many samples there were.
  @discardableResult
  public func consume(limit: Int = .max, _ body: (PerfEvent) -> Void) -> Int {
    guard !isConsuming.exchange(true, ordering: .acquiringAndReleasing) else { return 0 }
    defer { isConsuming.store(false, ordering: .releasing) }
    return buffers.reduce(0) { count, buffer in
      count
        + buffer.ring.consume(limit: limit) { bytes, lost in
          if lost > 0 { body(.lost(cpu: buffer.cpuIndex, count: UInt64(lost))) }
          body(.sample(cpu: buffer.cpuIndex, bytes: Array(copying: bytes)))
        }
    }
  }

  /// Waits until there are samples and hands them to `body`.
  ///
  /// - Parameters:
  ///   - timeout: How long to wait; `nil` for as long as it takes.
  ///   - body: Gets an event, as in ``consume(limit:_:)``.
  /// - Returns: How many samples there were: none after the time is over or after ``finish()``.
  @discardableResult
  public func poll(timeout: Duration? = nil, _ body: (PerfEvent) -> Void) -> Int {
    let count = consume(body)
    guard count == 0 else { return count }
    signal.wait(timeout: timeout) { hasSamples }
    return consume(body)
  }

  private var hasSamples: Bool { buffers.contains { $0.ring.first != nil } }

  /// Lets ``events`` end when it has given all that is there, and wakes who waits.
  public func finish() { signal.finish() }

  /// The events as they come.
  public var events: Events { Events(reader: self) }

  /// Events of all CPUs; ends after ``PerfEventReader/finish()`` and when the task is cancelled.
  public struct Events: AsyncSequence, Sendable {
    let reader: PerfEventReader

    /// Begins with what is there.
    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    /// Takes events out of the buffers.
    public struct Iterator: AsyncIteratorProtocol {
      let reader: PerfEventReader
      private var pending: [PerfEvent] = []

      init(reader: PerfEventReader) { self.reader = reader }

      /// The next event; `nil` at the end.
      public mutating func next() async -> PerfEvent? {
        while !Task.isCancelled {
          if let event = pending.popLast() { return event }
          let isFinished = reader.signal.isFinished
          var events: [PerfEvent] = []
          reader.consume(limit: 64) { events.append($0) }
          pending = events.reversed()
          if pending.isEmpty {
            if isFinished { return nil }
            let reader = reader
            await reader.signal.wait { reader.hasSamples }
          }
        }
        return nil
      }
    }
  }
}
