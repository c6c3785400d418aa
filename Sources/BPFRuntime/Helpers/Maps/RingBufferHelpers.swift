extension Helper {
  /// What programs do with ring buffers.
  static let ringBuffer: [Helper] = [
    ringBufferOutput, ringBufferReserve, ringBufferSubmit, ringBufferDiscard, ringBufferQuery,
  ]

  /// `bpf_ringbuf_output`: copies bytes into a ring buffer. EINVAL for flags other than those of
  /// the wake-up, EAGAIN when there is no room.
  public static let ringBufferOutput = Helper(
    number: 130, name: "ringbuf_output",
    arguments: [.map, .readableMemory(), .size(allowsZero: true), .anything]
  ) { map, source, byteCount, flags, _, _ in
    let wakeUps = RingBufferMap.noWakeUp | RingBufferMap.forceWakeUp
    guard flags & ~wakeUps == 0 else { return LinuxError.invalid.helperResult }
    return RingBufferMap.with(map) { map in
      guard let record = map.ring.reserve(byteCount) else {
        return LinuxError.tryAgain.helperResult
      }
      GuestMemory.move(source, to: record, count: Int(truncatingIfNeeded: byteCount))
      map.commit(record, flags: flags)
      return 0
    } ?? LinuxError.invalid.helperResult
  }

  /// `bpf_ringbuf_reserve`: the address of a record to be filled, or 0 when there is no room, the
  /// flags are not 0, or the program holds 64 records already.
  public static let ringBufferReserve = Helper(
    number: 131, name: "ringbuf_reserve", arguments: [.map, .anything, .anything],
    result: .reservationOrNull
  ) { address, byteCount, flags, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    guard flags == 0, cpu.canHoldRecord else { return 0 }
    return RingBufferMap.with(address) { map in
      guard let record = map.ring.reserve(byteCount) else { return 0 }
      cpu.hold(record, byteCount: byteCount, map: address)
      return record
    } ?? 0
  }

  /// `bpf_ringbuf_submit`: gives a record to the reader.
  public static let ringBufferSubmit = Helper(
    number: 132, name: "ringbuf_submit", arguments: [.reservation, .anything], result: .void
  ) { record, flags, _, _, _, cpu in
    release(record, flags, isDiscarded: false, RunningCPU(address: cpu))
  }

  /// `bpf_ringbuf_discard`: gives a record back that nobody shall see.
  public static let ringBufferDiscard = Helper(
    number: 133, name: "ringbuf_discard", arguments: [.reservation, .anything], result: .void
  ) { record, flags, _, _, _, cpu in
    release(record, flags, isDiscarded: true, RunningCPU(address: cpu))
  }

  private static func release(
    _ record: UInt64, _ flags: UInt64, isDiscarded: Bool, _ cpu: RunningCPU
  ) -> UInt64 {
    guard let map = cpu.release(record) else { return 0 }
    _ = RingBufferMap.with(map) { $0.commit(record, flags: flags, isDiscarded: isDiscarded) }
    return 0
  }

  /// `bpf_ringbuf_query`: bytes that wait to be consumed (0), of the ring (1), ever consumed (2),
  /// ever produced (3); 0 for anything else.
  public static let ringBufferQuery = Helper(
    number: 134, name: "ringbuf_query", arguments: [.map, .anything]
  ) { map, flags, _, _, _, _ in
    RingBufferMap.with(map) { map in
      switch flags {
      case 0: map.ring.availableByteCount
      case 1: map.ring.byteCount
      case 2: map.ring.consumerPosition
      case 3: map.ring.producerPosition
      default: 0
      }
    } ?? 0
  }
}
