extension [Instruction] {
  /// The tag by which Linux and its tools know a program: 16 hexadecimal digits, the first eight
  /// bytes of the SHA-256 of its instructions as they are loaded, the numbers of maps left out
  /// (Linux 6.18; up to 6.17 it was SHA-1, so older kernels show another one).
  public var tag: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * Instruction.byteCount)
    var isMap = false
    for instruction in self {
      var instruction = instruction
      // The second half of a wide instruction belongs to the first.
      let isSecondHalf = isMap && instruction.opcode == 0
      isMap =
        !isSecondHalf && instruction.opcode == Opcode.loadImmediate64
        && (instruction.source.rawValue == PseudoSource.mapDescriptor.rawValue
          || instruction.source.rawValue == PseudoSource.mapValueByDescriptor.rawValue)
      if isMap || isSecondHalf { instruction.immediate = 0 }
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: instruction.littleEndianWord >> shift))
      }
    }
    return SHA256.digest(of: bytes).prefix(8).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
