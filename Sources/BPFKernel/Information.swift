/// What Linux tells about a map or a program, read by byte offset.
struct Information {
  private var bytes: [UInt8]

  /// Asks for the first `byteCount` bytes of `struct bpf_map_info` or `struct bpf_prog_info`.
  init(of descriptor: borrowing KernelDescriptor, byteCount: Int) throws(KernelErrno) {
    var memory = Scratch(byteCounts: [byteCount])
    let region = memory.reserve(byteCount)
    var attribute = Attribute()
    attribute.store(descriptor, at: 0)
    attribute.store(UInt32(truncatingIfNeeded: byteCount), at: 4)
    attribute.store(wide: region.address, at: 8)
    _ = try attribute.perform(.objectInformation, with: memory)
    bytes = memory.bytes(of: region)
  }

  /// Bytes as they are.
  func bytes(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }

  /// A four-byte field; zero where the kernel is too old to know it.
  subscript(offset: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: KernelBytes.number(bytes.dropFirst(offset).prefix(4)))
  }
}
