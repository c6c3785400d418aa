import BPFInstructions
import BPFObject
import Testing

/// Which programs an object has, what they are made of, and which are refused.
@Suite struct LinkingTests {
  struct Case: CustomTestStringConvertible {
    var object: String
    var program: String
    var section: String
    var type: UInt32?
    /// The functions with their first slots.
    var functions: [String]
    var testDescription: String { "\(object): \(program)" }
  }

  static let cases: [Case] = [
    Case(
      object: "subprograms", program: "one", section: "xdp", type: 6,
      functions: ["one@0", "shared@5", "same_section@9", "deepest@12"]),
    Case(
      object: "subprograms", program: "two", section: "xdp", type: 6,
      functions: ["two@0", "each@12", "other_section@17", "shared@22", "deepest@26"]),
    Case(object: "subprograms", program: "three", section: "tc", type: 3, functions: ["three@0"]),
    Case(
      object: "subprograms", program: "four", section: "tc", type: 3,
      functions: ["four@0", "shared@3", "deepest@7"]),
    Case(
      object: "no_types", program: "filter", section: "socket", type: 1,
      functions: ["filter@0", "add@2"]),
    Case(
      object: "text_only", program: "entry", section: ".text", type: nil,
      functions: ["entry@0", "below@3"]),
    Case(
      object: "untyped_symbols", program: "first", section: "xdp", type: 6,
      functions: ["first@0", "local@4"]),
    Case(
      object: "untyped_symbols", program: "second", section: "xdp", type: 6,
      functions: ["second@0"]),
    Case(
      object: "one_label", program: "socket", section: "socket", type: 1, functions: ["socket@0"]),
    Case(
      object: "unknown_sections", program: "mine", section: "my/own/section", type: nil,
      functions: ["mine@0"]),
    Case(
      object: "unknown_sections", program: "drop", section: "xdp_drop", type: 6,
      functions: ["drop@0"]),
    Case(
      object: "legacy_bare", program: "seventh", section: "kprobe/7", type: 2,
      functions: ["seventh@0"]),
    Case(
      object: "legacy_bare", program: "second", section: "socket/2", type: 1,
      functions: ["second@0"]),
    Case(object: "values", program: "third", section: "xdp", type: 6, functions: ["third@0"]),
  ]

  @Test(arguments: cases) func `A program is linked with what it reaches`(_ c: Case) throws {
    let program = try #require(ObjectFixtures.object(c.object).program(named: c.program))
    #expect(program.section == c.section)
    #expect(program.kind?.type == c.type)
    #expect(program.functions.map { "\($0.name)@\($0.start)" } == c.functions)
    try program.instructions.validate()
  }

  @Test(arguments: [
    ("subprograms", ["one", "two", "three", "four"]),
    ("values", ["first", "third", "second", "tagged"]),
    ("iproute2", ["case_1", "case_2", "loop", "unrelated", "entry"]),
    ("unknown_sections", ["mine", "drop", "frags", "sleeper", "optional"]),
    ("unresolved_local_call", ["good"]),
  ]) func `Programs come in file order without subprograms`(
    _ name: String, _ programs: [String]
  ) throws {
    #expect(try ObjectFixtures.object(name).programs.map(\.name) == programs)
  }

  @Test func `Calls and addresses of functions become distances`() throws {
    let two = try #require(ObjectFixtures.object("subprograms").program(named: "two"))
    var targets: [Int] = []
    for (slot, operation) in try two.instructions.validate().enumerated() {
      guard let operation, let target = two.instructions.jumpTarget(of: operation, at: slot)
      else { continue }
      if operation == .callSubprogram || operation == .loadImmediate64 { targets.append(target) }
    }
    #expect(targets == [12, 17, 22, 26])
  }

  @Test func `A reference stands in the instruction and beside it`() throws {
    let sum = try #require(ObjectFixtures.object("global_data").program(named: "sum"))
    #expect(sum.references[3] == .mapValue(map: 0, offset: 4))
    #expect(sum.instructions[3].source.rawValue == PseudoSource.mapValueByIndex.rawValue)
    #expect(sum.instructions[3].wideImmediate(next: sum.instructions[4]) == 4 << 32)
  }

  struct Refusal: CustomTestStringConvertible {
    var object: String
    var program: String
    var code: ObjectFileError.Code
    var says: String
    var testDescription: String { "\(object): \(program)" }
  }

  static let refusals: [Refusal] = [
    Refusal(object: "externs", program: "core", code: .coreRelocation, says: "struct task_struct"),
    Refusal(
      object: "externs", program: "core_below", code: .coreRelocation, says: "symbol subprogram"),
    Refusal(
      object: "externs", program: "variable", code: .unresolvedExtern, says: "bpf_prog_active"),
    Refusal(
      object: "externs", program: "configuration", code: .unresolvedExtern, says: "CONFIG_HZ"),
    Refusal(
      object: "externs", program: "function", code: .unresolvedExtern, says: "bpf_rcu_read_lock"),
    Refusal(object: "values", program: "beyond", code: .tailSlot, says: "which has 4 slots"),
    Refusal(object: "values", program: "late", code: .tailSlot, says: "taken by program first"),
    Refusal(object: "values", program: "lost", code: .tailSlot, says: "named nothing"),
    Refusal(object: "values", program: "vague", code: .tailSlot, says: "tail:ARRAY/SLOT"),
    Refusal(object: "iproute2", program: "beyond", code: .tailSlot, says: "which has 3 slots"),
    Refusal(
      object: "unresolved_local_call", program: "into_the_middle", code: .relocation,
      says: "no function begins"),
    Refusal(
      object: "unresolved_local_call", program: "out_of_the_section", code: .relocation,
      says: "no function begins"),
    Refusal(
      object: "unresolved_local_call", program: "out_of_the_function", code: .malformed,
      says: "a jump out of the function"),
    Refusal(
      object: "unresolved_local_call", program: "a_jump_with_a_relocation", code: .relocation,
      says: "good"),
    Refusal(
      object: "unresolved_local_call", program: "wrong_section", code: .relocation,
      says: "section somewhere"),
  ]

  @Test(arguments: refusals) func `A program that cannot be linked says why`(_ c: Refusal) throws {
    let refused = try ObjectFixtures.object(c.object).refused
    let program = try #require(refused.first { $0.name == c.program })
    #expect(program.error.code == c.code)
    #expect(program.error.description.contains(c.says))
    #expect(!program.error.description.contains("\n"))
  }

  @Test func `Weak externs are zero`() throws {
    let object = try ObjectFixtures.object("externs")
    for name in ["weak_variable", "weak_function"] {
      let program = try #require(object.program(named: name))
      #expect(program.instructions.wideConstants == [0])
    }
  }

  @Test func `Source lines are those of the linked program`() throws {
    let one = try #require(ObjectFixtures.object("subprograms").program(named: "one"))
    let line = try #require(one.line(at: 12))
    #expect(line.file == "./subprograms.c")
    #expect(one.function(at: 12)?.name == "deepest")
    #expect(line.text.contains("value"))
    #expect(one.lines.map(\.slot) == one.lines.map(\.slot).sorted())
    #expect(one.functions.allSatisfy { $0.btfTypeID != nil })
  }

  @Test(
    arguments: [
      ("global_data", "Dual BSD/GPL", nil), ("legacy_20", "GPL", 0x50a00), ("no_types", nil, nil),
    ] as [(String, String?, UInt32?)]) func `Licence and version are read`(
      _ name: String, _ license: String?, _ version: UInt32?
    ) throws
  {
    let object = try ObjectFixtures.object(name)
    #expect(object.license == license)
    #expect(object.kernelVersion == version)
  }
}

extension [Instruction] {
  /// The values of all `ld_imm64` that load a number.
  fileprivate var wideConstants: [UInt64] {
    indices.dropLast().filter {
      self[$0].opcode == Opcode.loadImmediate64 && self[$0].source == .r0
    }
    .map { self[$0].wideImmediate(next: self[$0 + 1]) }
  }
}
