/// One type record, its details still as bytes.
struct BTFType: Sendable {
  /// The kinds of type record.
  enum Kind: UInt8, Sendable {
    case void = 0
    case integer, pointer, array, structure, union, enumeration, forward, typedef, volatile, const
    case restrict, function, functionPrototype, variable, section, float, declarationTag, typeTag
    case enumeration64

    /// Bytes that follow the common part of the record.
    func detailBytes(count: Int) -> Int {
      switch self {
      case .integer, .variable, .declarationTag: 4
      case .array: 12
      case .structure, .union, .section, .enumeration64: count * 12
      case .enumeration, .functionPrototype: count * 8
      case .void, .pointer, .forward, .typedef, .volatile, .const, .restrict, .function, .float,
        .typeTag:
        0
      }
    }
  }

  /// A member of a structure.
  struct Member: Sendable {
    let nameOffset: UInt32
    let type: BTF.ID
    /// From the start of the structure, in bits.
    let bitOffset: UInt32
  }

  /// A variable of a section.
  struct Variable: Sendable {
    let type: BTF.ID
    let offset: UInt32
    let size: UInt32
  }

  let kind: Kind
  let nameOffset: UInt32
  /// Members, enumerators, parameters or variables; linkage of a function.
  let count: Int
  let hasFlag: Bool
  let sizeOrType: UInt32
  let details: ByteRegion

  static func void(in region: ByteRegion) -> BTFType {
    BTFType(
      kind: .void, nameOffset: 0, count: 0, hasFlag: false, sizeOrType: 0, details: region)
  }

  func array() throws(ObjectFileError) -> (element: BTF.ID, count: UInt32) {
    (try details.u32(at: 0), try details.u32(at: 8))
  }

  func members() throws(ObjectFileError) -> [Member] {
    var members: [Member] = []
    for index in 0..<count {
      let bits = try details.u32(at: index * 12 + 8)
      members.append(
        Member(
          nameOffset: try details.u32(at: index * 12), type: try details.u32(at: index * 12 + 4),
          bitOffset: hasFlag ? bits & 0xff_ffff : bits))
    }
    return members
  }

  func variables() throws(ObjectFileError) -> [Variable] {
    var variables: [Variable] = []
    for index in 0..<count {
      variables.append(
        Variable(
          type: try details.u32(at: index * 12), offset: try details.u32(at: index * 12 + 4),
          size: try details.u32(at: index * 12 + 8)))
    }
    return variables
  }

  /// The first enumerator's value.
  func firstEnumerator() throws(ObjectFileError) -> UInt64? {
    guard count > 0 else { return nil }
    let low = UInt64(try details.u32(at: 4))
    guard kind == .enumeration64 else { return low }
    return low | UInt64(try details.u32(at: 8)) << 32
  }
}
