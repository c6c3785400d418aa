import BPFInstructions
import Testing

@Suite("The assembler's conveniences and errors")
struct AssemblerTests {
  @Test(
    "other spellings of the same instruction",
    arguments: [
      ("r1 += 0xffffffff", "r1 += -1"),
      ("r1=-0x10", "r1 = -16"),
      ("r1 =5", "r1 = 5"),
      ("  w1   s>>=   3  ", "w1 s>>= 3"),
      ("if r1 s< -1 goto +2", "if r1 s< 0xffffffff goto pc+2"),
      ("if r1 == 5 goto pc-1", "if r1 == 0x5 goto pc-1"),
      ("goto -3", "goto pc-3"),
      ("r0 = *(u8*)(r1+4)", "r0 = *(u8 *)(r1 +4)"),
      ("r0 = *(u8 *)(r1)", "r0 = *(u8 *)(r1 +0)"),
      ("r0 = *( u8 * ) ( r1 - 0x4 )", "r0 = *(u8 *)(r1 -4)"),
      ("call 12", "call unknown#12"),
      ("call #12", "call unknown#12"),
      ("call #12 # a tail call", "call unknown#12"),
      ("call bpf_tail_call#12", "call unknown#12"),
      ("call pc+5#parse", "call pc+5"),
      ("r1 = -1 ll", "r1 = 0xffffffffffffffff ll"),
      ("r1 = map[fd:0x5]", "r1 = map[fd:5]"),
      ("r1 = map[idx:1][0]+4294967295", "r1 = map[idx:1][0]+4294967295"),
      ("r1 = function[+3]", "r1 = subprog[+3]"),
      ("r1 = 1 ; comment", "r1 = 1"),
      ("r1 = 1 // comment", "r1 = 1"),
      ("r1 = 1 # comment", "r1 = 1"),
      ("r1 = 1\r", "r1 = 1"),
      ("  12: (b7) r1 = 1", "r1 = 1"),
      ("12: r1 = 1", "r1 = 1"),
    ])
  func spellings(text: String, canonical: String) throws {
    let program = try Assembler().assemble(text).instructions
    #expect(Disassembler().disassemble(program).map(\.text) == [canonical])
  }

  @Test("labels on their own line, before an instruction, and several at one place")
  func labels() throws {
    let text = """
      start:
      one: two: r1 = 0x100000000 ll
      if r1 == 0 goto end
      may_goto start
      gotol end
      goto one
      call two
      r2 = function[end]
      end: exit
      behind:
      """
    let program = try Assembler().assemble(text)
    #expect(program.labels == ["start": 0, "one": 0, "two": 0, "end": 9, "behind": 10])
    #expect(
      Disassembler().disassemble(program.instructions).map(\.text) == [
        "r1 = 0x100000000 ll", "if r1 == 0x0 goto pc+6", "may_goto pc-4", "gotol pc+4",
        "goto pc-6", "call pc-7", "r2 = subprog[+1]", "exit",
      ])
    #expect(program.references.isEmpty)
  }

  @Test("helpers by name; a label of the same name goes first")
  func helperNames() throws {
    let assembler = Assembler { $0 == "bpf_ktime_get_ns" ? 5 : nil }
    let program = try assembler.assemble("call bpf_ktime_get_ns\nexit").instructions
    #expect(program[0] == Instruction(.callHelper, immediate: 5))
    let shadowed = try assembler.assemble("call bpf_ktime_get_ns\nbpf_ktime_get_ns: exit")
    #expect(shadowed.instructions[0] == Instruction(.callSubprogram, immediate: 0))
  }

  @Test("maps by name are recorded, with the descriptor that the caller gives")
  func maps() throws {
    let text = "r1 = map[a]\nr2 = map[name:.rodata.str1.1][0]+16\nexit"
    let program = try Assembler().assemble(text)
    #expect(program.references == [0: "a", 2: ".rodata.str1.1"])
    #expect(
      program.instructions
        == Instruction.loadImmediate64(.r1, 0, source: .r1)
        + Instruction.loadImmediate64(.r2, 16 << 32, source: .r2) + [Instruction(.exit)])
    let known = try Assembler(mapDescriptor: { $0 == "a" ? 7 : nil }).assemble("r1 = map[a]")
    #expect(known.instructions == Instruction.loadImmediate64(.r1, 7, source: .r1))
  }

  @Test(
    "errors name line, column and reason",
    arguments: [
      ("r0 = 1\nfoo r1", 2, 1, "expected an instruction"),
      ("r11 = 1", 1, 1, "expected an instruction"),
      ("r1 = r11", 1, 6, "expected a register, a number or a location"),
      ("r1 += r11", 1, 7, "expected a register from r0 to r10"),
      ("r1 += w2", 1, 7, "expected a register from r0 to r10"),
      ("w1 += r2", 1, 7, "expected a register from w0 to w10"),
      ("r1 = w2", 1, 6, "expected a register from r0 to r10"),
      ("r1 ! 2", 1, 4, "expected an assignment"),
      ("r1 +=", 1, 6, "expected a number"),
      ("r1 += 0x", 1, 9, "expected a number"),
      ("r1 += 12ab", 1, 7, "expected a number"),
      ("r1 += 2147483648", 1, 7, "the number does not fit in 32 bits"),
      ("r1 = 0x100000000", 1, 6, "the number does not fit in 32 bits"),
      ("r1 = 0x10000000000000000 ll", 1, 6, "the number does not fit in 64 bits"),
      ("w1 = 5 ll", 1, 8, "expected the end of the line"),
      ("r1 = 5 ll pseudo 16", 1, 18, "the number does not fit in 4 bits"),
      ("r1 = -r2", 1, 7, "expected r1"),
      ("r1 = be16 r2", 1, 11, "expected r1"),
      ("r1 = be48 r1", 1, 1, "there is no such instruction"),
      ("w1 = (s32)w2", 1, 1, "there is no such instruction"),
      ("r1 = (u8)r2", 1, 7, "expected s8, s16 or s32"),
      ("r1 = *(u24 *)(r2 +0)", 1, 8, "expected u8, u16, u32, u64, s8, s16 or s32"),
      ("r1 = *(u8 *)(r2 +32768)", 1, 17, "the number does not fit in 16 bits"),
      ("r1 = *(u8 *)(r2 +1", 1, 19, "expected ')'"),
      ("r1 = *(s64 *)(r2 +0)", 1, 1, "there is no such instruction"),
      ("r1 = *(u8 *)skb[2]", 1, 7, "expected r0 = *(u8, u16 or u32 *)skb[...]"),
      ("r0 = *(u64 *)skb[2]", 1, 1, "there is no such instruction"),
      ("*(s8 *)(r1 +0) = 1", 1, 2, "expected an unsigned type"),
      ("lock *(u16 *)(r1 +0) += r2", 1, 1, "there is no such instruction"),
      ("lock *(u64 *)(r1 +0) -= r2", 1, 22, "expected +=, |=, &= or ^="),
      ("r2 = atomic_xchg((u64 *)(r1 +0), r2)", 1, 18, "expected (u32 *)"),
      ("r3 = atomic64_xchg((u64 *)(r1 +0), r2)", 1, 36, "expected r3"),
      ("r2 = atomic64_nand((u64 *)(r1 +0), r2)", 1, 6, "expected an atomic function"),
      ("if r1 === 2 goto pc+1", 1, 9, "expected a number"),
      ("if r1 = 2 goto pc+1", 1, 7, "expected a comparison"),
      ("if r1 == 2 gotol pc+1", 1, 12, "expected 'goto'"),
      ("goto", 1, 5, "expected a label, or a distance such as pc+3"),
      ("goto pc+40000", 1, 8, "the number does not fit in 16 bits"),
      ("goto nowhere", 1, 6, "there is no label 'nowhere'"),
      ("r0 = 1\n  call nothing", 2, 8, "there is no label or helper 'nothing'"),
      ("a: exit\na: exit", 2, 1, "the label 'a' is there twice"),
      ("r1 = map[]", 1, 10, "expected the name of a map"),
      ("r1 = map[x", 1, 11, "expected ']'"),
      ("r1 = map[missing]", 1, 10, "there is no map 'missing'"),
      ("r1 = map[fd:1][0]+4294967296", 1, 19, "the number does not fit in 32 bits"),
      (".slot 00 00", 1, 12, "expected eight bytes of two hexadecimal digits"),
      ("exit exit", 1, 6, "expected the end of the line"),
    ])
  func errors(text: String, line: Int, column: Int, message: String) throws {
    let assembler = Assembler(mapDescriptor: { $0 == "missing" ? nil : 0 })
    let error = #expect(throws: AssemblyError.self) { try assembler.assemble(text) }
    #expect(error?.description == "line \(line), column \(column): \(message)")
  }

  @Test("a label out of a short jump's reach is an error, and in a long one's reach")
  func distantLabel() throws {
    let filler = String(repeating: "r0 = 0\n", count: 32768)
    #expect(throws: AssemblyError(line: 1, column: 6, reason: .labelTooFar("end"))) {
      try Assembler().assemble("goto end\n" + filler + "end: exit")
    }
    let program = try Assembler().assemble("gotol end\n" + filler + "end: exit").instructions
    #expect(program[0] == Instruction(.jumpLong, immediate: 32768))
  }

  @Test("random text gives errors, no crash")
  func randomText() {
    var generator = SeededGenerator(state: 7)
    let pieces = [
      "r1", "w2", "r10", "r16", " ", "=", "+=", "s", "<", ">>=", "-", "0x", "12", "*", "(", ")",
      "u32", "s8", "skb", "[", "]", "map", "function", "call", "#", "goto", "if", "pc", "+", "lock",
      "atomic64_xchg", ",", "ll", "pseudo", "\n", "a:", ".slot", "ff", "be16", "\u{e9}", "\0",
      "99999999999999999999", "exit", "if r1 == 5 goto", "*(u64 *)(r10 -8)", "\t", "/",
    ]
    var errors = 0
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 1...8, using: &generator))
        .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined(separator: " ")
      if (try? Assembler().assemble(text)) == nil { errors += 1 }
    }
    #expect(errors > 10_000)
  }
}
