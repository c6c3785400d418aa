import CPlatform

// SAFETY: this file, Scratch.swift and one read in Kernel.swift are the module's only unsafe code.
// bpf(2) reads and writes the 160 bytes of attribute, which `Attribute` owns, and the memory whose
// addresses stand in it, which a `Scratch` owns: `perform` borrows it, so it outlives the call.

/// The commands of bpf(2) that this module uses, by their numbers.
enum Command: Int32 {
  case mapCreate = 0
  case mapLookup = 1
  case mapUpdate = 2
  case mapDelete = 3
  case mapNextKey = 4
  case programLoad = 5
  case programAttach = 8
  case programTestRun = 10
  case programDescriptorByIdentifier = 13
  case mapDescriptorByIdentifier = 14
  case objectInformation = 15
  case btfLoad = 18
  case mapLookupAndDelete = 21
  case mapFreeze = 22
  case mapLookupBatch = 24
  case mapLookupAndDeleteBatch = 25
  case mapUpdateBatch = 26
  case mapDeleteBatch = 27
}

/// The attribute of a bpf(2) call, filled in by byte offset of its fields.
struct Attribute {
  private var words = InlineArray<20, UInt64>(repeating: 0)

  /// Stores a four-byte field; `offset` is a multiple of four.
  mutating func store(_ value: UInt32, at offset: Int) {
    let shift = UInt64(truncatingIfNeeded: offset & 4) &* 8
    let kept = words[offset >> 3] & ~(0xffff_ffff &<< shift)
    words[offset >> 3] = kept | UInt64(value) &<< shift
  }

  /// Stores a descriptor.
  mutating func store(_ descriptor: borrowing KernelDescriptor, at offset: Int) {
    store(UInt32(bitPattern: descriptor.rawValue), at: offset)
  }

  /// Stores an eight-byte field; `offset` is a multiple of eight.
  mutating func store(wide value: UInt64, at offset: Int) {
    words[offset >> 3] = value
  }

  /// Stores the first 15 bytes of a name; the kernel refuses other bytes than letters, digits,
  /// underscore and dot.
  mutating func store(name: String, at offset: Int) {
    var bytes = name.utf8.prefix(15).map { byte in
      switch UnicodeScalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "_", ".": byte
      default: UInt8(ascii: "_")
      }
    }
    bytes += [UInt8](repeating: 0, count: 16 - bytes.count)
    for index in stride(from: 0, to: 16, by: 4) {
      let word = KernelBytes.number(bytes[index..<index + 4])
      store(UInt32(truncatingIfNeeded: word), at: offset + index)
    }
  }

  /// Reads a four-byte field back.
  func load(at offset: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: words[offset >> 3] &>> (UInt64(offset & 4) &* 8))
  }

  /// Makes the call. `memory` holds whatever the attribute's addresses point to.
  mutating func perform(
    _ command: Command, with memory: borrowing Scratch
  ) throws(KernelErrno) -> Int32 {
    var span = words.mutableSpan
    let result = unsafe span.withUnsafeMutableBytes { bytes in
      unsafe switchyard_bpf(
        command.rawValue, bytes.baseAddress, UInt32(truncatingIfNeeded: bytes.count))
    }
    guard result >= 0 else { throw KernelErrno(rawValue: Int32(truncatingIfNeeded: -result)) }
    return Int32(truncatingIfNeeded: result)
  }

  /// Makes a call whose attribute holds no addresses.
  mutating func perform(_ command: Command) throws(KernelErrno) -> Int32 {
    try perform(command, with: Scratch(byteCounts: []))
  }
}
