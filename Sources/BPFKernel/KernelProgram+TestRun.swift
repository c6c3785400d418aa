extension KernelProgram {
  /// What a test run gave back.
  public struct TestRun: Hashable, Sendable {
    /// r0, cut to 32 bits by Linux.
    public var returnValue: UInt32
    /// The packet after the run; empty for program types without one.
    public var data: [UInt8]
    /// The context after the run; empty unless asked for.
    public var context: [UInt8]
    /// Average of the repetitions, in whole nanoseconds.
    public var durationNanoseconds: UInt32
  }

  /// Runs the program in the kernel on a packet or a context (BPF_PROG_TEST_RUN).
  ///
  /// Packets have at least 14 bytes; raw tracepoints want a context of 64-bit words, no data, no
  /// repetition. A socket filter sees what follows the Ethernet header, and gives that header back
  /// as zeros.
  ///
  /// - Parameters:
  ///   - data: The packet; empty for types that take none.
  ///   - context: `struct xdp_md` or `struct __sk_buff` as Linux lays it out, or the words of a raw
  ///     tracepoint. The `data_end` of an `xdp_md` is the count of `data`.
  ///   - repetitions: How often to run; zero counts as one, and some types demand it.
  ///   - dataCapacity: Room for the packet after the run; by default what it may have grown to.
  ///   - contextCapacity: Room for the context after the run; by default as much as went in, none
  ///     without a packet.
  ///   - flags: `BPF_F_TEST_*`.
  /// - Throws: ``KernelErrno``; `ENOSPC` when a capacity was too small.
  public func testRun(
    data: [UInt8] = [], context: [UInt8]? = nil, repetitions: UInt32 = 0,
    dataCapacity: Int? = nil, contextCapacity: Int? = nil, flags: UInt32 = 0
  ) throws(KernelErrno) -> TestRun {
    // The packet of a test run has a page, or some fragments more, which it can only fill.
    let dataCapacity = dataCapacity ?? (data.isEmpty ? 0 : data.count + 4096)
    let context = context ?? []
    let contextCapacity = contextCapacity ?? (data.isEmpty ? 0 : context.count)
    var memory = Scratch(byteCounts: [data.count, dataCapacity, context.count, contextCapacity])
    let dataOut = memory.reserve(dataCapacity)
    let contextOut = memory.reserve(contextCapacity)
    var attribute = Attribute()
    attribute.store(descriptor, at: 0)
    attribute.store(UInt32(truncatingIfNeeded: data.count), at: 8)
    attribute.store(UInt32(truncatingIfNeeded: dataCapacity), at: 12)
    attribute.store(wide: memory.place(data).address, at: 16)
    attribute.store(wide: dataOut.address, at: 24)
    attribute.store(repetitions, at: 32)
    attribute.store(UInt32(truncatingIfNeeded: context.count), at: 40)
    attribute.store(UInt32(truncatingIfNeeded: contextCapacity), at: 44)
    attribute.store(wide: memory.place(context).address, at: 48)
    attribute.store(wide: contextOut.address, at: 56)
    attribute.store(flags, at: 64)
    _ = try attribute.perform(.programTestRun, with: memory)
    return TestRun(
      returnValue: attribute.load(at: 4),
      data: memory.bytes(of: dataOut, count: Int(attribute.load(at: 12))),
      context: memory.bytes(of: contextOut, count: Int(attribute.load(at: 44))),
      durationNanoseconds: attribute.load(at: 36))
  }
}
