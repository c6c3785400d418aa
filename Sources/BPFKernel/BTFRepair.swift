/// Makes the `.BTF` section of an unlinked object acceptable to Linux.
///
/// A compiler leaves the size of data sections, and the offsets of their variables, to the linker:
/// they are zero in the object, which Linux refuses. Here the variables are laid out one after the
/// other. Nothing else changes, so type ids keep their meaning; malformed bytes are left as they
/// are, for Linux to refuse.
///
/// Layout: Linux documentation, "BPF Type Format".
struct BTFRepair {
  private(set) var bytes: [UInt8]

  private static let typeByteCount = 12
  private static let dataSectionKind: UInt32 = 15

  /// Repairs the bytes of a section.
  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard let headerByteCount = word(4), let start = word(8), let count = word(12) else { return }
    var place = Int(headerByteCount) + Int(start)
    let end = min(place + Int(count), bytes.count)
    while place + Self.typeByteCount <= end, let information = word(place + 4) {
      let kind = information >> 24 & 0x1f
      let elementCount = Int(information & 0xffff)
      guard let detailByteCount = Self.detailByteCount(kind, elementCount) else { return }
      guard place + Self.typeByteCount + detailByteCount <= end else { return }
      if kind == Self.dataSectionKind { layOut(sectionAt: place, elementCount) }
      place += Self.typeByteCount + detailByteCount
    }
  }

  private mutating func layOut(sectionAt place: Int, _ elementCount: Int) {
    guard word(place + 8) == 0 else { return }
    var offset: UInt32 = 0
    for element in 0..<elementCount {
      let variable = place + Self.typeByteCount + 12 * element
      store(offset, at: variable + 4)
      offset &+= word(variable + 8) ?? 0
    }
    store(offset, at: place + 8)
  }

  /// Bytes after the first twelve of a type; `nil` for kinds that are not known.
  private static func detailByteCount(_ kind: UInt32, _ elementCount: Int) -> Int? {
    switch kind {
    case 2, 7, 8, 9, 10, 11, 12, 16, 18: 0
    case 1, 14, 17: 4
    case 3: 12
    case 6, 13: 8 * elementCount
    case 4, 5, dataSectionKind, 19: 12 * elementCount
    default: nil
    }
  }

  private func word(_ offset: Int) -> UInt32? {
    guard offset + 4 <= bytes.count else { return nil }
    return UInt32(truncatingIfNeeded: KernelBytes.number(bytes[offset..<offset + 4]))
  }

  private mutating func store(_ value: UInt32, at offset: Int) {
    bytes.replaceSubrange(offset..<offset + 4, with: KernelBytes.word(value))
  }
}
