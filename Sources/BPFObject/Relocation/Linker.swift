import BPFInstructions

/// Puts programs together: their own code, then every subprogram that they reach, with calls and
/// references resolved.
struct Linker {
  /// Most slots of one program; Linux takes no more either.
  static let longestProgram = 1_000_000
  /// Most slots of all programs of an object together, as each gets its own copy of what it calls.
  static let mostSlots = 8_000_000

  let elf: ELFFile
  let layout: CodeLayout
  let maps: MapTable
  let notes: CodeNotes
  private var total = 0

  init(elf: ELFFile, layout: CodeLayout, maps: MapTable, notes: CodeNotes) {
    self.elf = elf
    self.layout = layout
    self.maps = maps
    self.notes = notes
  }

  /// Links the program that begins with a function.
  mutating func link(_ entry: Int) throws(ObjectFileError) -> ProgramSpec {
    let function = layout.functions[entry]
    let section = elf.sections[function.section].name
    var draft = Draft()
    draft.enqueue(entry)
    var next = 0
    while next < draft.order.count {
      let function = draft.order[next]
      do {
        try append(function, to: &draft)
      } catch {
        throw error.located(
          section: elf.sections[layout.functions[function].section].name,
          symbol: layout.functions[function].name)
      }
      next += 1
    }
    for (slot, target) in draft.distances {
      guard let start = draft.starts[target] else { continue }
      draft.instructions[slot].immediate = Int32(truncatingIfNeeded: start - slot - 1)
    }
    total += draft.instructions.count
    return ProgramSpec(
      name: function.name, section: section, kind: ProgramKind(sectionName: section),
      instructions: draft.instructions, references: draft.references, functions: draft.functions,
      lines: draft.lines, tailSlots: [])
  }

  /// A program in the making.
  struct Draft {
    var instructions: [Instruction] = []
    var references: [Int: Reference] = [:]
    var functions: [FunctionSpec] = []
    var lines: [LineInfo] = []
    /// Functions by the order of their discovery, which is the order of their code.
    var order: [Int] = []
    /// First slot by function, once its code is there.
    var starts: [Int: Int] = [:]
    /// Slots whose immediate is the distance to a function.
    var distances: [(slot: Int, target: Int)] = []
    private var known: Set<Int> = []

    mutating func enqueue(_ function: Int) {
      if known.insert(function).inserted { order.append(function) }
    }
  }

  private func append(_ index: Int, to draft: inout Draft) throws(ObjectFileError) {
    let function = layout.functions[index]
    guard let code = layout.sections[function.section] else { return }
    let base = draft.instructions.count
    guard base + function.slots.count <= Self.longestProgram,
      total + base + function.slots.count <= Self.mostSlots
    else {
      throw ObjectFileError(.tooLarge, "the linked program is too long")
    }
    let skipped = try notes.checkCore(code: code, slots: function.slots)
    draft.starts[index] = base
    draft.instructions.append(contentsOf: code.instructions[function.slots])
    for relocation in code.relocations(in: function.slots) where relocation.kind != .none {
      let slot = relocation.offset / Instruction.byteCount
      do {
        try apply(
          relocation, to: &draft, at: slot - function.slots.lowerBound + base,
          end: function.slots.count + base)
      } catch {
        throw error.located(section: nil, offset: code.fileOffset(slot))
      }
    }
    for (slot, value) in skipped {
      draft.instructions[slot - function.slots.lowerBound + base].immediate = value
    }
    try resolveDistances(of: function, code: code, in: &draft, base: base)
    draft.functions.append(
      FunctionSpec(
        start: base, count: function.slots.count, name: function.name,
        isGlobal: function.isGlobal && !function.isHidden,
        btfTypeID: notes.functionType(code: code, slot: function.slots.lowerBound)))
    draft.lines += try notes.lines(code: code, slots: function.slots, base: base)
  }

  /// Calls within the section that the assembler resolved itself, and jumps, which have to stay
  /// inside their function.
  private func resolveDistances(
    of function: CodeFunction, code: CodeSection, in draft: inout Draft, base: Int
  ) throws(ObjectFileError) {
    let relocated = Set(
      code.relocations(in: function.slots).lazy.filter { $0.kind != .none }
        .map { $0.offset / Instruction.byteCount })
    var isSecondHalf = false
    for slot in function.slots {
      let instruction = code.instructions[slot]
      if isSecondHalf {
        isSecondHalf = false
        continue
      }
      isSecondHalf = instruction.opcode == Opcode.loadImmediate64
      if instruction.refersToCode, !relocated.contains(slot) {
        try refer(
          to: (function.section, slot &+ 1 &+ Int(instruction.immediate)),
          at: slot - function.slots.lowerBound + base, fileOffset: code.fileOffset(slot),
          in: &draft)
      } else if let distance = instruction.jumpDistance {
        guard function.slots.contains(slot &+ 1 &+ distance) else {
          throw ObjectFileError(
            .malformed, "a jump out of the function", offset: code.fileOffset(slot))
        }
      }
    }
  }

  /// Notes that a slot wants the distance to the function at a place.
  func refer(
    to target: (section: Int, slot: Int), at slot: Int, fileOffset: Int?, in draft: inout Draft
  ) throws(ObjectFileError) {
    guard let function = layout.function(section: target.section, slot: target.slot) else {
      throw ObjectFileError(
        .relocation,
        "a reference into section \(elf.sections[target.section].name), slot \(target.slot), "
          + "where no function begins", offset: fileOffset)
    }
    draft.enqueue(function)
    draft.distances.append((slot, function))
  }
}

extension CodeSection {
  /// The relocations of a function.
  func relocations(in slots: Range<Int>) -> ArraySlice<ELFRelocation> {
    let size = Instruction.byteCount
    let first = relocations.boundary { $0.offset < slots.lowerBound * size }
    let last = relocations.boundary { $0.offset < slots.upperBound * size }
    return relocations[first..<last]
  }
}

extension Instruction {
  /// How far a jump goes from the instruction after it, if it is one.
  fileprivate var jumpDistance: Int? {
    let operation = opcode >> 4
    switch opcode & 7 {
    case 5: return operation == 8 || operation == 9 ? nil : Int(offset)
    case 6:
      return operation == 0 ? Int(immediate) : operation == 8 || operation == 9 ? nil : Int(offset)
    default: return nil
    }
  }
}
