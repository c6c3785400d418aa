/// What `.BTF.ext` says about code: per section and by byte offset, which function starts where,
/// which source line an instruction comes from, and which instructions want CO-RE.
struct BTFExtension: Sendable {
  /// Something said about the instruction at a byte offset in its section.
  protocol Record: Sendable {
    var offset: Int { get }
  }

  /// A function's type.
  struct Function: Record {
    let offset: Int
    let type: BTF.ID
  }

  /// A source line.
  struct Line: Record {
    let offset: Int
    let fileNameOffset: UInt32
    let textOffset: UInt32
    /// Line in the upper 22 bits, column in the lower 10.
    let position: UInt32
  }

  /// An instruction whose immediate depends on the running kernel's types.
  struct CoreRelocation: Record {
    let offset: Int
    let type: BTF.ID
    let accessOffset: UInt32
    let kind: UInt32
  }

  var functions: [String: [Function]] = [:]
  var lines: [String: [Line]] = [:]
  var coreRelocations: [String: [CoreRelocation]] = [:]

  init() {}

  init(_ region: ByteRegion, types: BTF) throws(ObjectFileError) {
    guard try region.u16(at: 0) == 0xeb9f else {
      throw ObjectFileError(
        .types, "line information without its magic number", offset: region.fileOffset(0),
        section: region.name)
    }
    let header = Int(try region.u32(at: 4))
    func table(_ field: Int) throws(ObjectFileError) -> ByteRegion {
      try region.part(
        at: header + Int(try region.u32(at: field)), count: Int(try region.u32(at: field + 4)))
    }
    functions = try Self.read(try table(8), types, 8) { (record) throws(ObjectFileError) in
      Function(offset: Int(try record.u32(at: 0)), type: try record.u32(at: 4))
    }
    lines = try Self.read(try table(16), types, 16) { (record) throws(ObjectFileError) in
      Line(
        offset: Int(try record.u32(at: 0)), fileNameOffset: try record.u32(at: 4),
        textOffset: try record.u32(at: 8), position: try record.u32(at: 12))
    }
    // Compilers before CO-RE wrote a shorter header.
    guard header >= 32 else { return }
    coreRelocations = try Self.read(try table(24), types, 16) { (record) throws(ObjectFileError) in
      CoreRelocation(
        offset: Int(try record.u32(at: 0)), type: try record.u32(at: 4),
        accessOffset: try record.u32(at: 8), kind: try record.u32(at: 12))
    }
  }

  private static func read<Item: Record>(
    _ table: ByteRegion, _ types: BTF, _ shortest: Int,
    _ make: (ByteRegion) throws(ObjectFileError) -> Item
  ) throws(ObjectFileError) -> [String: [Item]] {
    var records: [String: [Item]] = [:]
    guard table.count > 0 else { return records }
    let size = Int(try table.u32(at: 0))
    guard size >= shortest else {
      throw ObjectFileError(
        .types, "records of \(size) bytes, \(shortest) needed", offset: table.fileOffset(0),
        section: table.name)
    }
    var offset = 4
    while offset < table.count {
      let name = try types.string(try table.u32(at: offset))
      let count = Int(try table.u32(at: offset + 4))
      offset += 8
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      let part = try table.part(at: offset, count: overflow ? Int.max : bytes)
      var items: [Item] = []
      items.reserveCapacity(count)
      for index in 0..<count {
        items.append(try make(part.part(at: index * size, count: size)))
      }
      records[name, default: []].append(contentsOf: items)
      offset += bytes
    }
    for name in records.keys { records[name]?.sort { $0.offset < $1.offset } }
    return records
  }
}

extension RandomAccessCollection where Index == Int {
  /// Where the elements end that come before a place; they are sorted by it.
  func boundary(after isBefore: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
