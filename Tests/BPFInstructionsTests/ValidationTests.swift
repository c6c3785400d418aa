import BPFInstructions
import Testing

@Suite("Validation of whole programs")
struct ValidationTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var text: String
    var index: Int
    var reason: InstructionError.Reason

    init(_ text: String, _ index: Int, _ reason: InstructionError.Reason) {
      self.text = text
      self.index = index
      self.reason = reason
    }

    var testDescription: String { "\(text.split(separator: "\n")): \(reason)" }
  }

  @Test(
    "the first malformed instruction is named",
    arguments: [
      Case("", 0, .empty),
      Case(".slot ff 00 00 00 00 00 00 00\nexit", 0, .unknownOpcode(0xff)),
      Case("r0 = 0\n.slot 0f 00 01 00 00 00 00 00\nexit", 1, .reservedFields(opcode: 0x0f)),
      Case(".slot b7 0b 00 00 00 00 00 00\nexit", 0, .invalidRegister(11)),
      Case(".slot bf f1 00 00 00 00 00 00\nexit", 0, .invalidRegister(15)),
      Case(".slot 61 c0 00 00 00 00 00 00\nexit", 0, .invalidRegister(12)),
      Case("r10 = 0\nexit", 0, .framePointerWritten),
      Case("w10 = 0\nexit", 0, .framePointerWritten),
      Case("r10 = -r10\nexit", 0, .framePointerWritten),
      Case("r10 = be16 r10\nexit", 0, .framePointerWritten),
      Case("r10 = (s8)r1\nexit", 0, .framePointerWritten),
      Case("r10 = *(u64 *)(r1 +0)\nexit", 0, .framePointerWritten),
      Case("r10 = 0x1 ll\nexit", 0, .framePointerWritten),
      Case("r10 = load_acquire((u8 *)(r1 +0))\nexit", 0, .framePointerWritten),
      Case("r10 = atomic64_xchg((u64 *)(r1 +0), r10)\nexit", 0, .framePointerWritten),
      Case("r0 = 0\n.slot 18 00 00 00 00 00 00 00", 1, .malformedWideImmediate),
      Case(".slot 18 00 00 00 00 00 00 00\nexit", 0, .malformedWideImmediate),
      Case("r0 = 0x1 ll pseudo 7\nexit", 0, .unknownPseudoSource(7)),
      Case("goto pc+1\nexit", 0, .targetOutOfRange(2)),
      Case("r0 = 0\ngoto pc-3\nexit", 1, .targetOutOfRange(-1)),
      Case("if r0 == 0 goto pc+32767\nexit", 0, .targetOutOfRange(32768)),
      Case("if w0 == w1 goto pc-32768\nexit", 0, .targetOutOfRange(-32767)),
      Case("gotol pc+2147483647\nexit", 0, .targetOutOfRange(2_147_483_648)),
      Case("gotol pc-2147483648\nexit", 0, .targetOutOfRange(-2_147_483_647)),
      Case("may_goto pc+1\nexit", 0, .targetOutOfRange(2)),
      Case("call pc+1\nexit", 0, .targetOutOfRange(2)),
      Case("r1 = subprog[+2]\nexit", 0, .targetOutOfRange(3)),
      Case("goto pc+1\nr0 = 0x1 ll\nexit", 0, .targetInsideWideInstruction(2)),
      Case("call pc+1\nr0 = 0x1 ll\nexit", 0, .targetInsideWideInstruction(2)),
      Case("r0 = 0x1 ll\ngoto pc-2\nexit", 2, .targetInsideWideInstruction(1)),
      Case("r1 = subprog[+0]\nexit", 0, .targetInsideWideInstruction(1)),
      Case("r0 = 0", 0, .fallsOffTheEnd),
      Case("exit\ncall #5", 1, .fallsOffTheEnd),
      Case("r0 = 0\nif r0 == 0 goto pc-2", 1, .fallsOffTheEnd),
    ])
  func malformed(_ malformed: Case) throws {
    let program = try Assembler().assemble(malformed.text).instructions
    #expect(throws: InstructionError(index: malformed.index, reason: malformed.reason)) {
      try program.validate()
    }
  }

  @Test("a wide instruction that ends the program falls off its end")
  func endsWide() throws {
    let program = try Assembler().assemble("r0 = 0x1 ll").instructions
    #expect(throws: InstructionError(index: 1, reason: .fallsOffTheEnd)) {
      try program.validate()
    }
  }

  @Test("the operation of every slot is returned; the second half of a wide one has none")
  func operations() throws {
    let text = "r0 = 0x1 ll\ncall #12\ncall #1\n*(u8 *)(r10 -1) = r0\nexit"
    let program = try Assembler().assemble(text).instructions
    #expect(
      try program.validate()
        == [.loadImmediate64, nil, .tailCall, .callHelper, .storeByteRegister, .exit])
  }

  @Test("memory may be addressed through the frame pointer, and it may be copied")
  func framePointerUses() throws {
    let text = """
      r1 = r10
      *(u64 *)(r10 -8) = r10
      lock *(u64 *)(r10 -8) += r1
      store_release((u8 *)(r10 -8), r10)
      r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r10)
      if r10 == r10 goto pc+0
      exit
      """
    #expect(throws: Never.self) { try Assembler().assemble(text).instructions.validate() }
  }

  @Test("random slots give errors or well-formed programs, no crash")
  func randomSlots() {
    var generator = SeededGenerator(state: 11)
    var wellFormed = 0
    for _ in 0..<20_000 {
      var program = (0..<4).map { _ in
        let operation = Operation.allCases.randomElement(using: &generator) ?? .exit
        var slot = Instruction(littleEndian: generator.next())
        slot.opcode = operation.encoding.opcode
        slot.offset = .random(in: -4...4, using: &generator)
        return Bool.random(using: &generator)
          ? slot : Instruction(operation, destination: .r1, source: .r2)
      }
      program.append(Instruction(.exit))
      if let operations = try? program.validate() {
        wellFormed += 1
        #expect(operations.count == program.count)
      }
    }
    #expect(wellFormed > 0)
  }
}
