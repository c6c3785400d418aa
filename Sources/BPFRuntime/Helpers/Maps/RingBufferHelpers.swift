extension Helper {
  /// What programs do with ring buffers.
  static let ringBuffer: [Helper] = [
    ringBufferOutput, ringBufferReserve, ringBufferSubmit, ringBufferDiscard, ringBufferQuery,
    ringBufferReserveDynamicPointer, ringBufferSubmitDynamicPointer,
    ringBufferDiscardDynamicPointer,
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
    flags == 0 ? reserve(byteCount, map: address, RunningCPU(address: cpu)) : 0
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

  /// `bpf_ringbuf_reserve_dynptr`: describes a record to be filled, of a size that need not be
  /// known before. EINVAL for flags or without room, E2BIG for more than 16 MiB; the pointer is
  /// then one to nothing.
  static let ringBufferReserveDynamicPointer = Helper(
    number: 198, name: "ringbuf_reserve_dynptr",
    arguments: [.map, .anything, .anything, .fixedMemory(byteCount: 16)]
  ) { address, size, flags, pointer, _, cpu in
    let size = size.asUInt32
    let cpu = RunningCPU(address: cpu)
    var error: LinuxError? =
      flags != 0 ? .invalid : size > DynamicPointer.sizeLimit ? .tooBig : nil
    var record: UInt64 = 0
    if error == nil {
      record = reserve(size, map: address, cpu)
      if record == 0 { error = .invalid }
    }
    DynamicPointer(address: record, size: record == 0 ? 0 : size).store(at: pointer)
    return error?.helperResult ?? 0
  }

  /// `bpf_ringbuf_submit_dynptr`: gives the record to the reader; nothing happens to a pointer to
  /// nothing.
  static let ringBufferSubmitDynamicPointer = Helper(
    number: 199, name: "ringbuf_submit_dynptr",
    arguments: [.fixedMemory(byteCount: 16), .anything], result: .void
  ) { pointer, flags, _, _, _, cpu in
    releaseDynamic(pointer, flags, isDiscarded: false, RunningCPU(address: cpu))
  }

  /// `bpf_ringbuf_discard_dynptr`: gives the record back that nobody shall see.
  static let ringBufferDiscardDynamicPointer = Helper(
    number: 200, name: "ringbuf_discard_dynptr",
    arguments: [.fixedMemory(byteCount: 16), .anything], result: .void
  ) { pointer, flags, _, _, _, cpu in
    releaseDynamic(pointer, flags, isDiscarded: true, RunningCPU(address: cpu))
  }

  private static func reserve(_ byteCount: UInt64, map: UInt64, _ cpu: RunningCPU) -> UInt64 {
    guard cpu.canHoldRecord else { return 0 }
    return RingBufferMap.with(map) { ring in
      guard let record = ring.ring.reserve(byteCount) else { return 0 }
      cpu.hold(record, byteCount: byteCount, map: map)
      return record
    } ?? 0
  }

  private static func releaseDynamic(
    _ pointer: UInt64, _ flags: UInt64, isDiscarded: Bool, _ cpu: RunningCPU
  ) -> UInt64 {
    // A checked run may have made the bytes up: only a record that it holds is given back.
    let record = DynamicPointer(at: pointer).address
    DynamicPointer(address: 0, size: 0).store(at: pointer)
    return release(record, flags, isDiscarded: isDiscarded, cpu)
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
