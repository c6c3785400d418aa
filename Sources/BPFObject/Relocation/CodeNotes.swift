import BPFInstructions

/// What the type information says about code: function types, source lines, CO-RE.
struct CodeNotes: Sendable {
  let types: BTF?
  let records: BTFExtension
  /// The strings of source lines, by offset; each is read once.
  private let strings: [UInt32: String]

  init(types: BTF?, records: BTFExtension) throws(ObjectFileError) {
    self.types = types
    self.records = records
    var strings: [UInt32: String] = [:]
    if let types {
      for lines in records.lines.values {
        for line in lines {
          for offset in [line.fileNameOffset, line.textOffset] where strings[offset] == nil {
            strings[offset] =
              offset == 0 ? "" : try types.strings.string(at: Int(offset), cut: true)
          }
        }
      }
    }
    self.strings = strings
  }

  /// The type of the function that begins at a slot.
  func functionType(code: CodeSection, slot: Int) -> UInt32? {
    guard let functions = records.functions[code.section.name] else { return nil }
    let offset = slot * Instruction.byteCount
    let index = functions.boundary { $0.offset < offset }
    return index < functions.count && functions[index].offset == offset
      ? functions[index].type : nil
  }

  /// The source lines of a function, moved to where it stands in the program.
  func lines(
    code: CodeSection, slots: Range<Int>, base: Int
  ) throws(ObjectFileError) -> [LineInfo] {
    Self.slice(records.lines[code.section.name] ?? [], slots).map { record in
      LineInfo(
        slot: record.offset / Instruction.byteCount - slots.lowerBound + base,
        file: strings[record.fileNameOffset] ?? "", line: Int(record.position >> 10),
        column: Int(record.position & 0x3ff), text: strings[record.textOffset] ?? "",
        fileNameOffset: record.fileNameOffset, textOffset: record.textOffset)
    }
  }

  /// Looks for instructions that depend on the running kernel's types.
  ///
  /// The one kind that does not, a type's number in this object, is returned as value by slot.
  func checkCore(
    code: CodeSection, slots: Range<Int>
  ) throws(ObjectFileError) -> [(slot: Int, value: Int32)] {
    var values: [(slot: Int, value: Int32)] = []
    for record in Self.slice(records.coreRelocations[code.section.name] ?? [], slots) {
      let slot = record.offset / Instruction.byteCount
      if record.kind == Self.localTypeID {
        values.append((slot, Int32(truncatingIfNeeded: record.type)))
        continue
      }
      let type = try types?.type(record.type)
      let name = try type.map { (type) throws(ObjectFileError) in
        try types?.string(type.nameOffset) ?? ""
      }
      let access = try types?.string(record.accessOffset) ?? ""
      throw ObjectFileError(
        .coreRelocation,
        "needs CO-RE: \(Self.coreKind(record.kind)) of \(type?.keyword ?? "type") "
          + "\(name ?? "") (access \(access)); relocation against kernel types is not supported",
        offset: code.fileOffset(slot))
    }
    return values
  }

  private static let localTypeID: UInt32 = 6

  private static func coreKind(_ kind: UInt32) -> String {
    let names = [
      "the offset of a member", "the size of a member", "the existence of a member",
      "the sign of a member", "the left shift of a bit field", "the right shift of a bit field",
      "the local number", "the number", "the existence", "the size", "the existence of a value",
      "the value of a constant", "the layout",
    ]
    return Int(kind) < names.count ? names[Int(kind)] : "relocation kind \(kind)"
  }

  private static func slice<Item: BTFExtension.Record>(
    _ records: [Item], _ slots: Range<Int>
  ) -> ArraySlice<Item> {
    let size = Instruction.byteCount
    let first = records.boundary { $0.offset < slots.lowerBound * size }
    let last = records.boundary { $0.offset < slots.upperBound * size }
    return records[first..<last]
  }
}

extension BTFType {
  /// The C keyword for errors.
  fileprivate var keyword: String {
    switch kind {
    case .structure: "struct"
    case .union: "union"
    case .enumeration, .enumeration64: "enum"
    default: "type"
    }
  }
}
