extension Helper {
  /// `bpf_trace_printk`: hands a line to ``CPU/traceHandler``; returns its length without
  /// terminator, or EINVAL for a format that Linux does not take.
  public static let tracePrint = Helper(
    number: 6, name: "trace_printk",
    arguments: [.readableMemory(), .size(), .anything, .anything, .anything], isGPLOnly: true
  ) { format, size, first, second, third, cpu in
    RunningCPU(address: cpu).trace(format, size, [first, second, third])
  }

  /// `bpf_trace_vprintk`: the same with up to twelve arguments in memory, eight bytes each.
  public static let tracePrintArray = Helper(
    number: 177, name: "trace_vprintk",
    arguments: [
      .readableMemory(), .size(), .readableMemory(orNull: true), .size(allowsZero: true),
    ], isGPLOnly: true
  ) { format, size, data, byteCount, _, cpu in
    let byteCount = byteCount.asUInt32
    guard byteCount % 8 == 0, byteCount <= 12 * 8, byteCount == 0 || data != 0 else {
      return LinuxError.invalid.helperResult
    }
    let arguments = (0..<byteCount / 8).map {
      GuestMemory.load(data &+ $0 &* 8, as: UInt64.self)
    }
    return RunningCPU(address: cpu).trace(format, size, arguments)
  }
}

extension RunningCPU {
  fileprivate func trace(_ format: UInt64, _ size: UInt64, _ arguments: [UInt64]) -> UInt64 {
    let text = GuestMemory.bytes(at: format, count: Int(size.asUInt32))
    guard let end = text.firstIndex(of: 0) else { return LinuxError.invalid.helperResult }
    do throws(LinuxError) {
      var rendering = TraceRendering(arguments: arguments) { readableBytes(at: $0, limit: $1) }
      try rendering.render(Array(text[..<end]))
      // Linux prints what it has as a C string.
      let line = Array(rendering.output.bytes.prefix { $0 != 0 })
      withOwner { $0.traceHandler?(line) }
      return UInt64(rendering.output.count)
    } catch {
      return error.helperResult
    }
  }
}
