/// The type information of an object: section `.BTF` (Linux documentation, "BPF Type Format").
struct BTF: Sendable {
  /// Number of a type; 0 is `void`.
  typealias ID = UInt32

  /// How many references may follow each other; C declarations stay far below, loops do not.
  static let longestChain = 64

  /// The whole section.
  let region: ByteRegion
  /// By id; the first stands for `void`.
  let types: [BTFType]
  let strings: ByteRegion

  /// Reads the header and finds where every type starts.
  init(_ region: ByteRegion) throws(ObjectFileError) {
    self.region = region
    guard try region.u16(at: 0) == 0xeb9f else {
      throw ObjectFileError(
        .types, "type information without its magic number", offset: region.fileOffset(0),
        section: region.name)
    }
    let header = Int(try region.u32(at: 4))
    guard header >= 24 else {
      throw ObjectFileError(
        .types, "type information with a header of \(header) bytes", offset: region.fileOffset(4),
        section: region.name)
    }
    let typeBytes = try region.part(
      at: header + Int(try region.u32(at: 8)), count: Int(try region.u32(at: 12)))
    strings = try region.part(
      at: header + Int(try region.u32(at: 16)), count: Int(try region.u32(at: 20)))
    types = try Self.readTypes(typeBytes)
  }

  private static func readTypes(_ region: ByteRegion) throws(ObjectFileError) -> [BTFType] {
    var types = [BTFType.void(in: try region.part(at: 0, count: 0))]
    var offset = 0
    while offset < region.count {
      let info = try region.u32(at: offset + 4)
      guard let kind = BTFType.Kind(rawValue: UInt8(truncatingIfNeeded: info >> 24 & 0x1f)) else {
        throw ObjectFileError(
          .types, "unknown kind \(info >> 24 & 0x1f) of type \(types.count)",
          offset: region.fileOffset(offset + 4), section: region.name)
      }
      let count = Int(info & 0xffff)
      let type = BTFType(
        kind: kind, nameOffset: try region.u32(at: offset), count: count,
        hasFlag: info >> 31 != 0, sizeOrType: try region.u32(at: offset + 8),
        details: try region.part(at: offset + 12, count: kind.detailBytes(count: count)))
      types.append(type)
      offset += 12 + type.details.count
    }
    return types
  }

  /// A type by id.
  func type(_ id: ID) throws(ObjectFileError) -> BTFType {
    guard Int(id) < types.count else {
      throw ObjectFileError(.types, "no type \(id)", section: region.name)
    }
    return types[Int(id)]
  }

  /// A string of the string table.
  func string(_ offset: UInt32) throws(ObjectFileError) -> String {
    offset == 0 ? "" : try strings.string(at: Int(offset))
  }

  /// The type behind typedefs, qualifiers and tags.
  func resolved(_ id: ID) throws(ObjectFileError) -> (id: ID, type: BTFType) {
    var id = id
    for _ in 0..<Self.longestChain {
      let type = try type(id)
      switch type.kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: id = type.sizeOrType
      default: return (id, type)
      }
    }
    throw ObjectFileError(.types, "type \(id) refers to itself", section: region.name)
  }

  /// How many bytes a value of the type takes.
  func size(of id: ID) throws(ObjectFileError) -> UInt32 {
    var elements: UInt64 = 1
    var id = id
    for _ in 0..<Self.longestChain {
      let (_, type) = try resolved(id)
      let unit: UInt64
      switch type.kind {
      case .pointer: unit = 8
      case .integer, .structure, .union, .enumeration, .enumeration64, .float, .section:
        unit = UInt64(type.sizeOrType)
      case .variable:
        id = type.sizeOrType
        continue
      case .array:
        let array = try type.array()
        elements = try product(elements, UInt64(array.count), of: id)
        id = array.element
        continue
      default:
        throw ObjectFileError(
          .types, "type \(id) has no size", offset: type.details.fileOffset(0),
          section: region.name)
      }
      return UInt32(truncatingIfNeeded: try product(elements, unit, of: id))
    }
    throw ObjectFileError(.types, "type \(id) contains itself", section: region.name)
  }

  private func product(_ a: UInt64, _ b: UInt64, of id: ID) throws(ObjectFileError) -> UInt64 {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    guard !overflow, product <= UInt32.max else {
      throw ObjectFileError(.types, "type \(id) is larger than 4 GiB", section: region.name)
    }
    return product
  }
}
