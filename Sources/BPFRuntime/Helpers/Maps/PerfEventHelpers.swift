extension Helper {
  /// What programs do with perf events.
  static let perfEvents: [Helper] = [perfEventOutput, perfEventRead, perfEventReadValue]

  /// `BPF_F_INDEX_MASK`: the slot, or this very value for the one of the running CPU.
  private static let indexMask: UInt64 = 0xffff_ffff
  /// `BPF_F_CTXLEN_MASK`: how many bytes of the packet to append.
  private static let packetMask: UInt64 = 0xf_ffff &<< 32

  /// `bpf_perf_event_output`: appends a sample to the buffer of the running CPU.
  ///
  /// EINVAL for other flags, and for a slot with a counter; EFAULT for more bytes of the packet
  /// than it has; E2BIG when there is no such slot, ENOENT when it is empty; EOPNOTSUPP for the
  /// buffer of another CPU; ENOSPC when the buffer is full.
  public static let perfEventOutput = Helper(
    number: 25, name: "perf_event_output",
    arguments: [.context, .map, .anything, .readableMemory(), .size(allowsZero: true)],
    isGPLOnly: true
  ) { _, map, flags, bytes, count, cpu in
    let cpu = RunningCPU(address: cpu)
    let packet = cpu.packet
    guard flags & ~(indexMask | (packet == nil ? 0 : packetMask)) == 0 else {
      return LinuxError.invalid.helperResult
    }
    let packetCount = (flags & packetMask) &>> 32
    guard packetCount <= packet?.byteCount ?? 0 else { return LinuxError.badAddress.helperResult }
    let start = packet?.data ?? 0
    let error: LinuxError? = withSlot(map, flags, cpu) { slot in
      guard case .buffer(let buffer) = slot.kind else { return .invalid }
      guard buffer.cpuIndex == cpu.index else { return .operationNotSupported }
      return buffer.append(bytes, count, start, packetCount)
    }
    return error?.helperResult ?? 0
  }

  /// `bpf_perf_event_read`: the count of a counter, 0 for a buffer; errors share the values.
  public static let perfEventRead = Helper(
    number: 22, name: "perf_event_read", arguments: [.map, .anything], isGPLOnly: true
  ) { map, flags, _, _, _, cpu in
    guard flags & ~indexMask == 0 else { return LinuxError.invalid.helperResult }
    var count: UInt64 = 0
    let error = withSlot(map, flags, RunningCPU(address: cpu)) { slot in
      count = slot.count
      return nil
    }
    return error?.helperResult ?? count
  }

  /// `bpf_perf_event_read_value`: the same into `struct bpf_perf_event_value`, 24 bytes; the time
  /// that it was enabled and running is not known here, and 0. Zeros after any error.
  public static let perfEventReadValue = Helper(
    number: 55, name: "perf_event_read_value",
    arguments: [.map, .anything, .writableMemory(), .size()], isGPLOnly: true
  ) { map, flags, buffer, size, _, cpu in
    GuestMemory.clear(buffer, count: Int(size.asUInt32))
    guard flags & ~indexMask == 0, size.asUInt32 == 24 else {
      return LinuxError.invalid.helperResult
    }
    let error = withSlot(map, flags, RunningCPU(address: cpu)) { slot in
      GuestMemory.store(buffer, slot.count, as: UInt64.self)
      return nil
    }
    return error?.helperResult ?? 0
  }

  /// Calls `body` with the slot that the flags name; its error, or why there is no slot.
  private static func withSlot(
    _ address: UInt64, _ flags: UInt64, _ cpu: RunningCPU, _ body: (PerfEventSlot) -> LinuxError?
  ) -> LinuxError? {
    let index = flags & indexMask
    let result = PerfEventArray.with(address) { map in
      map.withObject(at: index == indexMask ? UInt64(cpu.index) : index, body)
    }
    return switch result {
    case nil: .invalid
    case .failure(let error)?: error
    case .success(nil)?: .noEntry
    case .success(let error?)?: error
    }
  }
}

extension PerfEventSlot {
  /// What programs read of it.
  fileprivate var count: UInt64 {
    if case .counter(let read) = kind { read() } else { 0 }
  }
}
