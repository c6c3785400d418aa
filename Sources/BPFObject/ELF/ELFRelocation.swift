/// One entry of a relocation section.
struct ELFRelocation: Sendable {
  /// Bytes of an entry without addend.
  static let byteCount = 16

  /// The relocation types of BPF (psABI of the BPF back end).
  enum Kind: UInt32, Sendable {
    case none = 0
    /// The immediate of `ld_imm64`.
    case wideImmediate = 1
    /// Eight bytes of data.
    case absolute64 = 2
    /// Four bytes of data.
    case absolute32 = 3
    /// Four bytes of data that no loader changes: type information.
    case absolute32NotLoaded = 4
    /// The immediate of a call.
    case call = 10
  }

  /// Where, in bytes from the start of the changed section.
  let offset: Int
  let kind: Kind
  let symbol: Int
  /// Where in the file the entry is, for errors.
  let fileOffset: Int
}

extension ELFFile {
  /// The relocations of a section, by ascending offset.
  func relocations(of target: ELFSection) throws(ObjectFileError) -> [ELFRelocation] {
    var entries: [ELFRelocation] = []
    for section in relocationSections[target.index] ?? [] {
      if section.type == .relocationsWithAddends {
        throw ObjectFileError(
          .unsupportedFormat, "relocations with addends", section: section.name)
      }
      guard section.type == .relocations, let content = section.content else { continue }
      entries.reserveCapacity(content.count / ELFRelocation.byteCount)
      for index in 0..<content.count / ELFRelocation.byteCount {
        let entry = try content.part(
          at: index * ELFRelocation.byteCount, count: ELFRelocation.byteCount)
        entries.append(try relocation(entry))
      }
    }
    return entries.sorted { $0.offset < $1.offset }
  }

  private func relocation(_ entry: ByteRegion) throws(ObjectFileError) -> ELFRelocation {
    let number = try entry.u32(at: 8)
    let symbol = Int(try entry.u32(at: 12))
    guard let kind = ELFRelocation.Kind(rawValue: number) else {
      throw ObjectFileError(
        .relocation, "unknown relocation type \(number)", offset: entry.fileOffset(8),
        section: entry.name)
    }
    guard symbols.indices.contains(symbol) else {
      throw ObjectFileError(
        .relocation, "a relocation to symbol \(symbol), which does not exist",
        offset: entry.fileOffset(12), section: entry.name)
    }
    return ELFRelocation(
      offset: Int(hostile: try entry.u64(at: 0)), kind: kind, symbol: symbol,
      fileOffset: entry.fileOffset(0))
  }
}
