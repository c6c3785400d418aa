import BPFInstructions
import TestSupport
import Testing

@Suite("The disassembler writes the kernel's notation")
struct DisassemblerTests {
  /// Lines of the verifier's log: bytes, opcode and text.
  static var logLines: [(bytes: [UInt8], line: String)] {
    get throws {
      try Fixtures.text("notation/linux-6.18-log.txt").split(separator: "\n")
        .filter { !$0.hasPrefix("#") }
        .map { line in
          let separator = try #require(line.firstRange(of: " | "))
          let bytes = line[..<separator.lowerBound].split(separator: " ")
            .compactMap { UInt8($0, radix: 16) }
          return (bytes, String(line[separator.upperBound...]))
        }
    }
  }

  @Test("as the verifier's log has it, but for the mark of wide immediates")
  func matchesTheKernelsLog() throws {
    let disassembler = Disassembler { $0 == 12 ? "bpf_tail_call" : nil }
    var seen: Set<Operation> = []
    for (bytes, expected) in try Self.logLines {
      let program = try [Instruction](littleEndianBytes: bytes)
      let operation = try Operation(program[0], at: 0)
      seen.insert(operation)
      let mark = operation == .loadImmediate64 ? " ll" : ""
      let line = try #require(disassembler.disassemble(program).first)
      #expect(line.description == "   0: \(expected)\(mark)")
    }
    // The recorded kernel knows no `callx` and has no kernel function to call by number alone.
    #expect(Set(Operation.allCases).subtracting(seen) == [.callKernelFunction, .callRegister])
  }

  @Test(
    "what a slot refers to, by number",
    arguments: [
      (PseudoSource.immediate, UInt64(0x1_2345_6789), "r1 = 0x123456789 ll"),
      (.mapDescriptor, 5, "r1 = map[fd:5]"),
      (.mapDescriptor, 0x1_0000_0005, "r1 = 0x100000005 ll pseudo 1"),
      (.mapValueByDescriptor, 0x10_0000_0005, "r1 = map[fd:5][0]+16"),
      (.variable, 7, "r1 = 0x7 ll pseudo 3"),
      (.function, 3, "r1 = subprog[+3]"),
      (.function, 0xffff_fffe, "r1 = subprog[-2]"),
      (.mapIndex, 2, "r1 = map[idx:2]"),
      (.mapValueByIndex, 0x8_0000_0002, "r1 = map[idx:2][0]+8"),
    ])
  func pseudoSources(source: PseudoSource, value: UInt64, expected: String) throws {
    let program = Instruction.loadImmediate64(
      .r1, value, source: Register(rawValue: source.rawValue))
    #expect(try Disassembler().text(of: program, at: 0) == expected)
  }

  @Test("what a slot refers to, by name")
  func symbols() throws {
    let symbols: [Int: Disassembler.Symbol] = [
      0: .map("jmp_table"), 2: .mapValue(".rodata", offset: 16), 4: .function("callback"),
      6: .function("parse"), 7: .function("bpf_dynptr_slice"),
    ]
    let wide = Instruction.loadImmediate64(.r1, 0)
    let program =
      wide + wide + wide + [
        Instruction(.callSubprogram, immediate: 9),
        Instruction(.callKernelFunction, offset: 2, immediate: 7),
      ]
    let lines = Disassembler(symbol: { symbols[$0] }).disassemble(program)
    #expect(
      lines.map(\.description) == [
        "   0: (18) r1 = map[name:jmp_table]",
        "   2: (18) r1 = map[name:.rodata][0]+16",
        "   4: (18) r1 = function[callback]",
        "   6: (85) call pc+9#parse",
        "   7: (85) call kernel-function:bpf_dynptr_slice#7 module 2",
      ])
  }

  @Test("calls through a register, in both encodings")
  func callRegister() throws {
    let program = [
      Instruction(.callRegister, destination: .r3), Instruction(.callRegister, immediate: 3),
    ]
    #expect(Disassembler().disassemble(program).map(\.text) == ["callx r3", "callx r3 imm"])
  }

  @Test("malformed slots become lines with an error, and the rest is read on")
  func malformed() throws {
    let program = [
      Instruction(opcode: 0xff), Instruction(opcode: 0x18), Instruction(.exit),
      Instruction(opcode: 0x18),
    ]
    let lines = Disassembler().disassemble(program)
    #expect(lines.map(\.index) == [0, 1, 2, 3])
    #expect(
      lines[0].description == "   0: (ff) .slot ff 00 00 00 00 00 00 00  // unknown opcode ff")
    #expect(lines[0].error == InstructionError(index: 0, reason: .unknownOpcode(0xff)))
    #expect(lines[1].error == InstructionError(index: 1, reason: .malformedWideImmediate))
    #expect(lines[2].text == "exit")
    #expect(lines[3].error == InstructionError(index: 3, reason: .malformedWideImmediate))
    #expect(throws: InstructionError(index: 3, reason: .malformedWideImmediate)) {
      try Disassembler().text(of: program, at: 3)
    }
    #expect(throws: InstructionError.self) { try Disassembler().text(of: program, at: 4) }
    #expect(throws: InstructionError.self) { try Disassembler().text(of: program, at: -1) }
    #expect(Disassembler().disassemble([]).isEmpty)
  }
}
