/// The container: header, sections, symbols and relocations of an ELF64 little-endian BPF object
/// (System V ABI, chapters 4 and 5).
struct ELFFile: Sendable {
  let file: ByteRegion
  let sections: [ELFSection]
  let symbols: [ELFSymbol]
  /// By changed section: the sections that hold its relocations.
  let relocationSections: [Int: [ELFSection]]

  init(bytes: [UInt8]) throws(ObjectFileError) {
    file = ByteRegion(file: bytes)
    try Self.checkHeader(file)
    sections = try Self.readSections(file)
    symbols = try Self.readSymbols(sections)
    relocationSections = Dictionary(
      grouping: sections.lazy.filter {
        $0.type == .relocations || $0.type == .relocationsWithAddends
      }, by: { Int($0.info) })
  }

  /// The bytes of the first section with a name, if there is one and it has bytes.
  func content(named name: String) -> ByteRegion? {
    sections.first { $0.name == name && $0.content != nil }?.content
  }

  private static func checkHeader(_ file: ByteRegion) throws(ObjectFileError) {
    guard file.count >= 4, file.bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw ObjectFileError(.notELF, "not an ELF file", offset: 0)
    }
    let fileClass = try file.u8(at: 4)
    guard fileClass == 2 else {
      throw ObjectFileError(
        .unsupportedFormat,
        fileClass == 1 ? "a 32-bit ELF file; BPF objects are 64-bit" : "unknown ELF class",
        offset: 4)
    }
    let order = try file.u8(at: 5)
    guard order == 1 || order == 2 else {
      throw ObjectFileError(.malformed, "unknown ELF byte order \(order)", offset: 5)
    }
    let stored = try file.u16(at: 18)
    let machine = order == 1 ? stored : stored.byteSwapped
    // Compilers before the machine number was assigned wrote zero.
    guard machine == 247 || machine == 0 else {
      throw ObjectFileError(
        .wrongMachine, "an object for machine \(machine), not for BPF (247)", offset: 18)
    }
    guard order == 1 else {
      throw ObjectFileError(
        .bigEndian, "a big-endian BPF object; compile with -target bpfel", offset: 5)
    }
    let type = try file.u16(at: 16)
    guard type == 1 else {
      throw ObjectFileError(
        .unsupportedFormat, "not a relocatable object: ELF type \(type)", offset: 16)
    }
  }

  private static func readSections(_ file: ByteRegion) throws(ObjectFileError) -> [ELFSection] {
    let start = Int(hostile: try file.u64(at: 40))
    let entrySize = Int(try file.u16(at: 58))
    var count = Int(try file.u16(at: 60))
    var namesIndex = Int(try file.u16(at: 62))
    guard start != 0 else { return [] }
    guard entrySize == ELFSection.headerSize else {
      throw ObjectFileError(.malformed, "section headers of \(entrySize) bytes", offset: 58)
    }
    // With very many sections the real numbers stand in the first, otherwise empty, header.
    if count == 0 || namesIndex == 0xffff {
      let first = try file.part(at: start, count: entrySize)
      if count == 0 { count = Int(hostile: try first.u64(at: 32)) }
      if namesIndex == 0xffff { namesIndex = Int(try first.u32(at: 40)) }
    }
    guard count <= file.count / entrySize else {
      throw ObjectFileError(
        .truncated, "the header announces \(count) sections, more than fit", offset: 60)
    }
    let table = try file.part(at: start, count: count * entrySize)
    guard namesIndex < count else {
      throw ObjectFileError(.malformed, "no section \(namesIndex) for the names", offset: 62)
    }
    let names = try ELFSection.content(
      of: table.part(at: namesIndex * entrySize, count: entrySize), in: file, name: "names")
    var sections: [ELFSection] = []
    sections.reserveCapacity(count)
    for index in 0..<count {
      let header = try table.part(at: index * entrySize, count: entrySize)
      sections.append(try ELFSection(header: header, index: index, names: names, in: file))
    }
    // Keeps everything below linear: no byte is read as part of two sections.
    var total = 0
    for section in sections { total += section.content?.count ?? 0 }
    guard total <= file.count else {
      throw ObjectFileError(.malformed, "the sections overlap", offset: start)
    }
    return sections
  }

  private static func readSymbols(_ sections: [ELFSection]) throws(ObjectFileError) -> [ELFSymbol] {
    guard let table = sections.first(where: { $0.type == .symbols }), let content = table.content
    else { return [] }
    let link = Int(table.link)
    guard sections.indices.contains(link), let names = sections[link].content else {
      throw ObjectFileError(
        .malformed, "the symbol table names no string table", section: table.name)
    }
    let count = content.count / ELFSymbol.byteCount
    var symbols: [ELFSymbol] = []
    symbols.reserveCapacity(count)
    for index in 0..<count {
      let entry = try content.part(at: index * ELFSymbol.byteCount, count: ELFSymbol.byteCount)
      symbols.append(try ELFSymbol(entry, names: names, sections: sections))
    }
    return symbols
  }
}
