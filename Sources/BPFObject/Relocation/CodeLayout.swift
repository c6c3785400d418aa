import BPFInstructions

/// A function, in the section that it stands in.
struct CodeFunction: Sendable {
  let name: String
  /// Index of the section in the file.
  let section: Int
  /// Its slots, counted from the start of the section.
  let slots: Range<Int>
  /// Whether the symbol is global or weak.
  let isGlobal: Bool
  let isHidden: Bool
}

/// One executable section, cut into functions.
struct CodeSection: Sendable {
  let section: ELFSection
  let content: ByteRegion
  let instructions: [Instruction]
  let relocations: [ELFRelocation]
  /// By ascending start; indices into ``CodeLayout/functions``.
  var functions: Range<Int> = 0..<0

  /// Where in the file a slot is.
  func fileOffset(_ slot: Int) -> Int { content.fileOffset(slot * Instruction.byteCount) }
}

/// All code of an object, cut into functions.
///
/// Symbols say where functions begin. Compilers before LLVM 8 left them without type and size,
/// and static functions called within their section may have no symbol that says so; then the
/// calls tell. Inside a function whose size is known, nothing else begins.
struct CodeLayout: Sendable {
  /// By section index.
  private(set) var sections: [Int: CodeSection] = [:]
  /// Section by section in file order, by ascending start.
  private(set) var functions: [CodeFunction] = []
  /// Functions that another one calls or takes the address of.
  private(set) var referenced: Set<Int> = []

  init(_ elf: ELFFile) throws(ObjectFileError) {
    for section in elf.sections where section.isExecutable && section.type == .bytes {
      guard let content = section.content, content.count > 0 else { continue }
      guard content.count.isMultiple(of: Instruction.byteCount) else {
        throw ObjectFileError(
          .malformed, "\(content.count) bytes of code; instructions have 8",
          offset: content.fileOffset(0), section: section.name)
      }
      var instructions: [Instruction] = []
      instructions.reserveCapacity(content.count / Instruction.byteCount)
      for slot in 0..<content.count / Instruction.byteCount {
        instructions.append(
          Instruction(littleEndian: try content.u64(at: slot * Instruction.byteCount)))
      }
      sections[section.index] = CodeSection(
        section: section, content: content, instructions: instructions,
        relocations: try elf.relocations(of: section))
    }
    let references = codeReferences(elf)
    let symbols = functionSymbols(elf)
    let targets = Dictionary(grouping: references, by: \.section)
    for section in elf.sections where sections[section.index] != nil {
      cut(
        section, symbols: symbols[section.index] ?? [],
        targets: targets[section.index]?.map(\.slot) ?? [])
    }
    for reference in references {
      guard let target = function(section: reference.section, slot: reference.slot),
        functions[target].section != reference.fromSection
          || !functions[target].slots.contains(reference.fromSlot)
      else { continue }
      referenced.insert(target)
    }
  }

  /// The function that begins at a slot of a section.
  func function(section: Int, slot: Int) -> Int? {
    guard let range = sections[section]?.functions else { return nil }
    let candidates = functions[range]
    let index = candidates.boundary { $0.slots.lowerBound < slot }
    guard range.contains(index), functions[index].slots.lowerBound == slot else { return nil }
    return index
  }

  /// Where a relocation to code leads: section and slot.
  ///
  /// A call counts in slots from the instruction after it, a function's address in bytes.
  static func target(
    of symbol: ELFSymbol, from instruction: Instruction
  ) -> (section: Int, slot: Int)? {
    guard case .section(let section) = symbol.place else { return nil }
    let start = Int(hostile: symbol.value)
    if instruction.opcode == Opcode.call {
      return (section, (start / Instruction.byteCount) &+ Int(instruction.immediate) &+ 1)
    }
    return (section, (start &+ Int(instruction.immediate)) / Instruction.byteCount)
  }
}

extension CodeLayout {
  private struct CodeReference {
    let fromSection: Int
    let fromSlot: Int
    let section: Int
    let slot: Int
  }

  /// Every call of a subprogram and every address of a function in the object.
  private func codeReferences(_ elf: ELFFile) -> [CodeReference] {
    var found: [CodeReference] = []
    for (index, section) in sections {
      var relocated: Set<Int> = []
      for relocation in section.relocations where relocation.kind != .none {
        let slot = relocation.offset / Instruction.byteCount
        guard section.instructions.indices.contains(slot) else { continue }
        relocated.insert(slot)
        let symbol = elf.symbols[relocation.symbol]
        if let target = Self.target(of: symbol, from: section.instructions[slot]),
          sections[target.section] != nil
        {
          found.append(
            CodeReference(
              fromSection: index, fromSlot: slot, section: target.section, slot: target.slot))
        }
      }
      for (slot, instruction) in section.instructions.enumerated()
      where !relocated.contains(slot) && instruction.refersToCode {
        found.append(
          CodeReference(
            fromSection: index, fromSlot: slot, section: index,
            slot: slot &+ 1 &+ Int(instruction.immediate)))
      }
    }
    return found
  }

  /// By section: symbols that may name functions.
  private func functionSymbols(_ elf: ELFFile) -> [Int: [ELFSymbol]] {
    var symbols: [Int: [ELFSymbol]] = [:]
    for symbol in elf.symbols where symbol.isFunction || symbol.isUntyped {
      guard case .section(let index) = symbol.place, sections[index] != nil,
        !symbol.name.isEmpty, symbol.value.isMultiple(of: UInt64(Instruction.byteCount))
      else { continue }
      symbols[index, default: []].append(symbol)
    }
    return symbols
  }

  private mutating func cut(
    _ section: ELFSection, symbols: [ELFSymbol], targets: [Int]
  ) {
    guard let count = sections[section.index]?.instructions.count else { return }
    let cuts = FunctionCuts(count: count, symbols: symbols, targets: targets)
    let first = functions.count
    for (start, end, symbol) in cuts.functions {
      functions.append(
        CodeFunction(
          name: symbol?.name ?? (start == 0 ? section.name : "\(section.name)+\(start)"),
          section: section.index, slots: start..<end, isGlobal: symbol.map { !$0.isLocal } ?? false,
          isHidden: symbol?.isHidden ?? false))
    }
    sections[section.index]?.functions = first..<functions.count
  }
}

/// Where the functions of one section begin and end.
private struct FunctionCuts {
  let functions: [(start: Int, end: Int, symbol: ELFSymbol?)]

  init(count: Int, symbols: [ELFSymbol], targets: [Int]) {
    var best: [Int: ELFSymbol] = [:]
    for symbol in symbols {
      let slot = Int(hostile: symbol.value) / Instruction.byteCount
      guard slot < count else { continue }
      if let other = best[slot], Self.rank(other) >= Self.rank(symbol) { continue }
      best[slot] = symbol
    }
    var starts: Set<Int> = [0]
    for (slot, symbol) in best where symbol.isFunction || !symbol.isLocal { starts.insert(slot) }
    for target in targets where target >= 0 && target < count { starts.insert(target) }
    var functions: [(start: Int, end: Int, symbol: ELFSymbol?)] = []
    // Up to where a function of known size reaches.
    var covered = 0
    for start in starts.sorted() {
      let symbol = best[start]
      let isMarked = symbol?.isFunction ?? false
      guard start >= covered || isMarked else { continue }
      if let last = functions.indices.last, functions[last].end > start {
        functions[last].end = start
      }
      var end = count
      if isMarked, let size = symbol?.size, size > 0 {
        end = min(count, start &+ Int(hostile: size) / Instruction.byteCount)
        if end <= start { end = count }
        covered = max(covered, end)
      }
      functions.append((start, end, symbol))
    }
    self.functions = functions
  }

  private static func rank(_ symbol: ELFSymbol) -> Int {
    (symbol.isFunction ? 2 : 0) + (symbol.isLocal ? 0 : 1)
  }
}

extension Instruction {
  /// Whether it calls or takes the address of a function in the same section, by distance.
  var refersToCode: Bool {
    opcode == Opcode.call && source == .r1
      || opcode == Opcode.loadImmediate64 && source.rawValue == PseudoSource.function.rawValue
  }
}
