extension Helper {
  /// What every type of program may call to make text.
  static let texts: [Helper] = [formatText]

  /// `bpf_snprintf`: fills up to twelve arguments, eight bytes each, into a format; returns the
  /// bytes that all of it takes with a zero byte, however many fitted.
  ///
  /// EINVAL for a number of bytes that is no multiple of 8 or above 96, and for a format that Linux
  /// does not take, where it refuses the program.
  static let formatText = Helper(
    number: 165, name: "snprintf",
    arguments: [
      .writableMemory(orNull: true), .size(allowsZero: true), .anything,
      .readableMemory(orNull: true), .size(allowsZero: true),
    ], isGPLOnly: true
  ) { target, size, format, data, byteCount, cpu in
    let cpu = RunningCPU(address: cpu)
    let byteCount = byteCount.asUInt32
    guard byteCount % 8 == 0, byteCount <= 12 * 8, byteCount == 0 || data != 0 else {
      return LinuxError.invalid.helperResult
    }
    // Nothing tests the format before the call, so it is read with care.
    let bytes = cpu.readableBytes(at: format, limit: formatLimit)
    guard let end = bytes.firstIndex(of: 0) else { return LinuxError.invalid.helperResult }
    let arguments = (0..<byteCount / 8).map {
      GuestMemory.load(data &+ $0 &* 8, as: UInt64.self)
    }
    let room = Int(size.asUInt32)
    do throws(LinuxError) {
      var rendering = TraceRendering(arguments: arguments, byteCount: room) {
        cpu.readableBytes(at: $0, limit: $1)
      }
      try rendering.render(Array(bytes[..<end]))
      if room > 0 { GuestMemory.write(rendering.output.bytes + [0], to: target) }
      return UInt64(rendering.output.count + 1)
    } catch {
      return error.helperResult
    }
  }

  /// Bytes of the longest format: map values are larger, formats are not.
  private static let formatLimit = 4096
}
