import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

/// What BPF says in several instructions and the machine in one, what need not be done at all, and
/// that it does the same.
@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct OptimisationTests {
  struct Case: CustomTestStringConvertible {
    var name: String
    var text: String
    /// Parts of the machine code that have to be there, in this order.
    var contains: [String]
    var lacks: [String] = []

    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "two shifts are a rotation",
      text: "r0 = *(u32 *)(r1 +0); w3 = w0; w3 >>= 17; w0 <<= 15; w0 |= w3; exit",
      contains: ["rol eax,0xf"], lacks: ["shr", "shl", "or "]),
    Case(
      name: "two shifts into another register are a rotation",
      text: """
        r3 = *(u64 *)(r1 +0); r0 = r3; r0 <<= 16; r4 = r3; r4 >>= 48; r0 |= r4; r0 += r3; exit
        """,
      contains: ["rax,rdx,0x30"], lacks: ["shr", "shl", "or "]),
    Case(
      name: "shifts of different values are no rotation",
      text: """
        r0 = *(u64 *)(r1 +0); r3 = *(u64 *)(r1 +8); r3 >>= 48; r0 <<= 16; r0 |= r3; exit
        """,
      contains: ["shr rdx,0x30", "shl rax,0x10", "or rax,rdx"]),
    Case(
      name: "a shift that was read is kept",
      text: """
        r0 = *(u64 *)(r1 +0); r3 = r0; r3 >>= 48; r0 <<= 16; r4 = r0; r0 |= r3; r0 ^= r4; exit
        """,
      contains: ["shl rax,0x10"], lacks: ["rol", "rorx"]),
    Case(
      name: "copies that nobody reads are no moves",
      text: "r3 = r1; r4 = r3; r0 = *(u64 *)(r4 +8); exit",
      contains: ["mov rax,QWORD PTR [rdi+0x8]", "ret"], lacks: ["rdx", "rcx"]),
    Case(
      name: "a copy is followed until its source changes",
      text: "r3 = *(u64 *)(r1 +0); r4 = r3; r3 += 1; r0 = r4; r0 ^= r3; exit",
      contains: ["mov r", "add rdx,0x1"]),
    Case(
      name: "constants are computed and branches on them decided",
      text: """
        r0 = 5; r0 <<= 4; r0 += 3; if r0 == 83 goto yes; r0 = 0; exit
        yes: r0 = 7; exit
        """,
      contains: ["mov eax,0x7", "ret"], lacks: ["cmp", "shl", "j"]),
    Case(
      name: "scaled sums are addresses",
      text: """
        r3 = *(u64 *)(r1 +0); r3 &= 7; r3 <<= 3; r3 += r1; r0 = 0; r3 = *(u64 *)(r3 +16); r0 += r3
        exit
        """,
      contains: ["[rdi+rdx*8+0x10]"], lacks: ["lea", "shl"]),
    Case(
      name: "sums of sums are one",
      text: "r3 = r1; r3 += 8; r3 += 16; r0 = *(u8 *)(r3 +1); exit",
      contains: ["BYTE PTR [rdi+0x19]"], lacks: ["add", "lea"]),
    Case(
      name: "flags of an operation are not tested again",
      text: """
        r3 = *(u8 *)(r1 +0); r0 = 0
        again: r0 += r3; r4 = *(u64 *)(r10 -8); *(u64 *)(r10 -8) = r4; r3 += -1
        if r3 s> 0 goto again; w0 &= 255; if w0 s> 9 goto end; r0 = 1
        end: exit
        """,
      contains: ["jg"], lacks: []),
    Case(
      name: "counting down needs no comparison",
      text: """
        r3 = 5; r0 = 0
        again: r0 += r3; r0 *= 3; *(u64 *)(r10 -8) = r0; lock *(u64 *)(r10 -8) += r0
        r3 += -1; if r3 != 0 goto again; exit
        """,
      contains: ["add rdx,0xffffffffffffffff", "jne"], lacks: ["test", "cmp"]),
    Case(
      name: "a loaded operand is in memory",
      text: "r0 = *(u64 *)(r1 +0); r3 = *(u64 *)(r1 +8); r0 += r3; exit",
      contains: ["add rax,QWORD PTR [rdi+0x8]"], lacks: ["rdx"]),
    Case(
      name: "a loaded operand is loaded before what overwrites it",
      text: """
        r0 = *(u64 *)(r1 +0); r3 = *(u64 *)(r1 +8); *(u64 *)(r1 +8) = r0; r0 += r3; exit
        """,
      contains: ["mov rdx,QWORD PTR [rdi+0x8]", "add rax,rdx"]),
    Case(
      name: "an unsigned division by a power of two is a shift",
      text: "r0 = *(u64 *)(r1 +0); r3 = r0; r0 /= 16; r3 %= 16; r0 += r3; exit",
      contains: ["shr", "and"], lacks: ["div"]),
    Case(
      name: "shifts up and down extend",
      text: """
        r0 = *(u64 *)(r1 +0); r3 = r0; r4 = r0; r0 <<= 32; r0 >>= 32; r3 <<= 32; r3 s>>= 32
        r4 <<= 48; r4 >>= 48; r0 += r3; r0 ^= r4; exit
        """,
      contains: ["mov eax,eax"], lacks: ["shl", "shr", "sar"]),
    Case(
      name: "a jump over a jump is one the other way round",
      text: """
        r3 = *(u8 *)(r1 +0); r0 = 0
        again: r0 += 7; r0 *= 3; *(u64 *)(r10 -8) = r0; lock *(u64 *)(r10 -8) += r0; r3 += -1
        if r3 s<= 0 goto end; goto again
        end: exit
        """,
      contains: ["jg"], lacks: ["jmp"]),
    Case(
      name: "a choice in a loop that does not depend on itself needs no branch",
      text: """
        r0 = 0; r3 = 0
        again: r4 = r1; r4 += r3; r4 = *(u8 *)(r4 +0); r5 = 0; r4 &= 1; if r4 == 0 goto even
        r5 = r3
        even: r0 += r5; r3 += 1; if r3 != 16 goto again; exit
        """,
      contains: ["cmov"]),
    Case(
      name: "a choice in a loop is a loop of one block, and written down several times",
      text: """
        r0 = 0; r3 = 0
        again: r4 = r1; r4 += r3; r4 = *(u8 *)(r4 +0); r5 = 1; if r4 > 99 goto over; r5 = 0
        over: r0 += r5; r3 += 1; if r3 != 16 goto again; exit
        """,
      contains: ["cmov", "cmov", "jne"]),
    Case(
      name: "where the rounds are known, what is added up is added up in several registers",
      text: """
        r0 = 0; r3 = 0
        again: r4 = r1; r4 += r3; r4 = *(u8 *)(r4 +0); r0 += r4; r3 += 1; if r3 != 16 goto again
        exit
        """,
      contains: ["add rax", "add r10", "add r11", "add rax", "add rdx,0x8", "jne", "add rax,r10"]),
    Case(
      name: "a number that is read byte by byte is one load",
      text: """
        r3 = *(u8 *)(r1 +5); r4 = *(u8 *)(r1 +6); r4 <<= 8; r3 |= r4; r4 = *(u8 *)(r1 +7)
        r4 <<= 16; r3 |= r4; r0 = *(u8 *)(r1 +8); r0 <<= 24; r0 |= r3; exit
        """,
      contains: ["mov eax,DWORD PTR [rdi+0x5]", "ret"], lacks: ["shl", "or ", "movzx"]),
    Case(
      name: "a number that is read byte by byte in network order is one load",
      text: """
        r3 = *(u8 *)(r1 +5); w3 <<= 24; r4 = *(u8 *)(r1 +6); w4 <<= 16; w3 |= w4
        r4 = *(u8 *)(r1 +7); w4 <<= 8; w3 |= w4; r0 = *(u8 *)(r1 +8); w0 |= w3; exit
        """,
      contains: ["mov eax,DWORD PTR [rdi+0x5]", "bswap eax"], lacks: ["shl", "or ", "movzx"]),
    Case(
      name: "two bytes in network order are one load",
      text: """
        r0 = *(u8 *)(r1 +3); r0 <<= 8; r3 = *(u8 *)(r1 +4); r0 |= r3; exit
        """,
      contains: ["movzx eax,WORD PTR [rdi+0x3]", "rol ax,0x8"], lacks: ["shl", "or "]),
    Case(
      name: "eight bytes are one load",
      text: "r0 = *(u8 *)(r1 +0)"
        + (1..<8).map { "; r3 = *(u8 *)(r1 +\($0)); r3 <<= \($0 * 8); r0 |= r3" }.joined()
        + "; exit",
      contains: ["mov rax,QWORD PTR [rdi]"], lacks: ["shl", "or "]),
    Case(
      name: "bytes that were written meanwhile are loaded one by one",
      text: """
        r0 = *(u8 *)(r1 +0); *(u8 *)(r1 +0) = 7; r3 = *(u8 *)(r1 +1); r3 <<= 8; r0 |= r3; exit
        """,
      contains: ["shl"]),
    Case(
      name: "bytes whose place is gone, or that have a gap, are loaded one by one",
      text: """
        r0 = *(u8 *)(r1 +0); r3 = *(u8 *)(r1 +2); r3 <<= 8; r0 |= r3; r4 = *(u8 *)(r1 +4)
        r1 = *(u8 *)(r1 +5); r1 <<= 8; r4 |= r1; r0 += r4; exit
        """,
      contains: ["shl", "shl"]),
    Case(
      name: "bytes that a shift has pushed out are no part of a number",
      text: """
        r0 = *(u8 *)(r1 +0); r3 = *(u8 *)(r1 +1); w3 <<= 28; r3 >>= 20; r0 |= r3; exit
        """,
      contains: ["shl"]),
    Case(
      name: "bits are counted by the instruction for it",
      text: """
        r0 = *(u64 *)(r1 +0); r2 = 0x5555555555555555 ll; r3 = 0x3333333333333333 ll
        r4 = 0x0f0f0f0f0f0f0f0f ll; r5 = 0x0101010101010101 ll; r6 = r0; r6 >>= 1; r6 &= r2
        r0 -= r6; r6 = r0; r6 &= r3; r0 >>= 2; r0 &= r3; r6 += r0; r0 = r6; r0 >>= 4; r6 += r0
        r6 &= r4; r6 *= r5; r6 >>= 56; r0 = r6; exit
        """,
      contains: ["popcnt"], lacks: ["imul", "movabs", "and"]),
    Case(
      name: "what looks like counting bits but is not",
      text: """
        r0 = *(u64 *)(r1 +0); r2 = 0x5555555555555555 ll; r3 = 0x3333333333333333 ll
        r4 = 0x0f0f0f0f0f0f0f0f ll; r5 = 0x0101010101010101 ll; r6 = r0; r6 >>= 1; r6 &= r2
        r0 -= r6; r6 = r0; r6 &= r3; r0 >>= 2; r0 &= r3; r6 += r0; r0 = r6; r0 >>= 3; r6 += r0
        r6 &= r4; r6 *= r5; r6 >>= 56; r0 = r6; exit
        """,
      contains: ["imul"], lacks: ["popcnt"]),
  ]

  @Test("Code has the shape that it should, and does what it did", arguments: cases)
  func shapes(_ test: Case) throws {
    let text = test.text.split(separator: ";").map { String($0) }.joined(separator: "\n")
    let instructions = try Assembler().assemble(text).instructions
    let memory = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 37 + 201) }
    for compiler in try Compilers.all() {
      let runtime = Runtime(compiler: compiler)
      let expected = try runtime.outcome(of: instructions, on: memory, engine: .interpreter)
      let outcome = try runtime.outcome(of: instructions, on: memory, engine: .compiled)
      #expect(outcome.value == expected.value && outcome.memory == expected.memory)
    }
    guard Disassembly.isAvailable, ProcessorFeatures.current.hasBMI2 else { return }
    let runtime = Runtime(compiler: .x86())
    let program = try runtime.loadUnverified(
      ProgramSource(name: "test", type: .memory, instructions: instructions))
    let code = try Disassembly.texts(of: program.machineCode)
    var rest = code[...]
    for part in test.contains {
      let index = rest.firstIndex { $0.contains(part) }
      #expect(index != nil, "no \(part) in \(code)")
      rest = rest[(index ?? rest.startIndex)...].dropFirst()
    }
    for part in test.lacks {
      #expect(!code.contains { $0.contains(part) }, "\(part) in \(code)")
    }
  }

  @Test("Lookups in arrays are done in place", arguments: [MapType.array, .perCPUArray])
  func lookups(_ type: MapType) throws {
    let definition = MapDefinition(
      name: "values", type: type, keySize: 4, valueSize: 24, maxEntries: 5)
    let keys = [
      "*(u32 *)(r10 -4) = 3", "*(u32 *)(r10 -4) = 5", "*(u32 *)(r10 -4) = -1",
      "r3 = *(u32 *)(r1 +0); *(u32 *)(r10 -4) = r3",
      "r3 = *(u64 *)(r1 +8); *(u32 *)(r10 -4) = r3; r3 = 1",
      "r3 = *(u64 *)(r1 +16); *(u64 *)(r10 -8) = r3",
      "*(u32 *)(r10 -4) = 3; *(u8 *)(r10 -3) = 1",
    ]
    for key in keys {
      let lines = """
        r6 = 0; \(key); r2 = r10; r2 += -4; r1 = map[values]; call map_lookup_elem
        if r0 == 0 goto end; *(u64 *)(r0 +8) = 77; r6 = 1
        end: r0 = r6; exit
        """
      let text = lines.split(separator: ";").map { String($0) }.joined(separator: "\n")
      let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
      var outcomes: [[UInt8]] = []
      for engine in Runtime.Engine.allCases {
        let runtime = Runtime(compiler: .x86())
        let map = try runtime.makeMap(definition)
        var source = ProgramSource(
          name: "test", type: .memory, instructions: assembled.instructions)
        for slot in assembled.references.keys {
          source.maps[slot] = ProgramSource.MapReference(map, valueOffset: nil)
        }
        let program = try runtime.loadUnverified(source, engine: engine)
        var outcome: [UInt8] = []
        for index: UInt8 in [0, 4, 5, 255] {
          let memory =
            [index, 0, 0, 0, 0, 0, 0, 0, index, 0, 0, 0, 1, 0, 0, 0]
            + [9, 9, 9, 9, index, 0, 0, 0]
          let context = try MemoryContext(memory)
          let cpu = try runtime.makeCPU()
          outcome.append(UInt8(try cpu.run(program, in: context).returnValue))
        }
        for index: UInt8 in 0..<5 { outcome += try map.lookup([index, 0, 0, 0]) }
        outcomes.append(outcome)
        guard engine == .compiled, Disassembly.isAvailable else { continue }
        let code = try Disassembly.texts(of: program.machineCode)
        #expect(!code.contains { $0.hasPrefix("call") }, "\(code)")
      }
      #expect(outcomes[0] == outcomes[1], "\(key)")
    }
  }
}
