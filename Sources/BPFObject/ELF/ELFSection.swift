/// One section: what its header says, and its bytes.
struct ELFSection: Sendable {
  /// Bytes of a section header.
  static let headerSize = 64

  /// The kinds of section that matter here.
  enum Kind: Hashable, Sendable {
    case null
    case bytes
    case symbols
    case strings
    case relocationsWithAddends
    /// Takes no room in the file: all zero.
    case zeros
    case relocations
    case other(UInt32)

    init(_ number: UInt32) {
      switch number {
      case 0: self = .null
      case 1: self = .bytes
      case 2: self = .symbols
      case 3: self = .strings
      case 4: self = .relocationsWithAddends
      case 8: self = .zeros
      case 9: self = .relocations
      default: self = .other(number)
      }
    }
  }

  let index: Int
  let name: String
  let type: Kind
  let flags: UInt64
  /// Bytes that the section takes when loaded; not checked for ``Kind/zeros``.
  let size: UInt64
  /// For symbols the string table, for relocations the symbol table.
  let link: UInt32
  /// For relocations: the section that they change.
  let info: UInt32
  /// `nil` for sections without bytes in the file.
  let content: ByteRegion?

  var isExecutable: Bool { flags & 4 != 0 }
  var isAllocated: Bool { flags & 2 != 0 }

  init(
    header: ByteRegion, index: Int, names: ByteRegion?, in file: ByteRegion
  ) throws(ObjectFileError) {
    self.index = index
    type = Kind(try header.u32(at: 4))
    name = type == .null ? "" : try names?.string(at: Int(try header.u32(at: 0))) ?? ""
    flags = try header.u64(at: 8)
    size = try header.u64(at: 32)
    link = try header.u32(at: 40)
    info = try header.u32(at: 44)
    content = try Self.content(of: header, in: file, name: name)
  }

  static func content(
    of header: ByteRegion, in file: ByteRegion, name: String
  ) throws(ObjectFileError) -> ByteRegion? {
    let type = Kind(try header.u32(at: 4))
    guard type != .null, type != .zeros else { return nil }
    let offset = Int(hostile: try header.u64(at: 24))
    let size = Int(hostile: try header.u64(at: 32))
    return try file.part(at: offset, count: size, name: name)
  }
}
