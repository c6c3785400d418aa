/// One entry of the symbol table.
struct ELFSymbol: Sendable {
  /// Bytes of an entry.
  static let byteCount = 24

  /// Where a symbol lives.
  enum Place: Hashable, Sendable {
    /// Nowhere in this object: an extern.
    case undefined
    /// A plain number.
    case absolute
    /// At an offset in a section, by index.
    case section(Int)
    /// Common blocks and whatever else BPF objects do not have.
    case other(UInt16)
  }

  let name: String
  let isLocal: Bool
  let isWeak: Bool
  /// Whether a global symbol is not meant for other objects: hidden or internal visibility.
  let isHidden: Bool
  let type: UInt8
  let place: Place
  let value: UInt64
  let size: UInt64

  /// Whether the symbol stands for its whole section.
  var isSection: Bool { type == 3 }
  /// Whether it is marked as a function.
  var isFunction: Bool { type == 2 }
  /// Whether it has no type: a label, or a function of a compiler that did not mark them.
  var isUntyped: Bool { type == 0 }

  init(
    _ entry: ByteRegion, names: ByteRegion, sections: [ELFSection]
  ) throws(ObjectFileError) {
    let info = try entry.u8(at: 4)
    type = info & 0xf
    isLocal = info >> 4 == 0
    isWeak = info >> 4 == 2
    let visibility = try entry.u8(at: 5) & 3
    isHidden = visibility == 1 || visibility == 2
    let index = try entry.u16(at: 6)
    switch index {
    case 0: place = .undefined
    case 0xfff1: place = .absolute
    case 0xff00...: place = .other(index)
    default:
      guard sections.indices.contains(Int(index)) else {
        throw ObjectFileError(
          .malformed, "a symbol of section \(index), which does not exist",
          offset: entry.fileOffset(6))
      }
      place = .section(Int(index))
    }
    value = try entry.u64(at: 8)
    size = try entry.u64(at: 16)
    let nameOffset = Int(try entry.u32(at: 0))
    if nameOffset == 0, type == 3, case .section(let index) = place {
      name = sections[index].name
    } else {
      name = nameOffset == 0 ? "" : try names.string(at: nameOffset)
    }
  }
}
