import BPFInstructions
import TestSupport
import Testing

@Suite("The instruction tests in text files")
struct InstructionCaseTests {
  @Test("all assemble, and those with a result are well-formed programs")
  func assemble() throws {
    let cases = try InstructionCase.all
    #expect(cases.count > 1000)
    for instructionCase in cases {
      let program = try assembled(instructionCase)
      if case .result = instructionCase.expectation {
        #expect(throws: Never.self, "\(instructionCase)") { try program.validate() }
      }
    }
  }

  @Test("every operation that needs nothing but memory occurs in one")
  func everyOperationOccurs() throws {
    var seen: Set<Operation> = []
    for instructionCase in try InstructionCase.all {
      guard case .result = instructionCase.expectation else { continue }
      seen.formUnion(try assembled(instructionCase).validate().compactMap { $0 })
    }
    let missing = Operation.allCases.filter { operation in
      switch operation.kind {
      case .loadPacket, .tailCall, .callKernelFunction: false
      default: !seen.contains(operation)
      }
    }
    #expect(missing.isEmpty)
  }

  @Test("programs that are malformed are refused with the message they name")
  func refused() throws {
    var count = 0
    for instructionCase in try InstructionCase.all {
      guard case .error(let message) = instructionCase.expectation else { continue }
      do {
        try assembled(instructionCase).validate()
      } catch let error as InstructionError {
        count += 1
        #expect(error.description.contains(message), "\(instructionCase)")
      }
    }
    #expect(count >= 20)
  }

  @Test(
    "files that do not keep to the format are refused",
    arguments: [
      ("r0 = 1", "is in no block"),
      ("-- asm\nexit\n-- case late\n-- asm\nexit\n-- result\n0x0", "before the first case"),
      ("-- case a\n-- result\n0x1", "no block 'asm'"),
      ("-- case a\n-- asm\nexit", "needs one of"),
      ("-- case a\n-- asm\nexit\n-- result\n0x0\n-- error\nno", "needs one of"),
      ("-- case a\n-- asm\nexit\n-- result\n12", "is no result"),
      ("-- case a\n-- asm\nexit\n-- mem\n1\n-- result\n0x0", "is no byte"),
      ("-- case a\n-- code\nexit", "is unknown or there twice"),
      ("-- case a\n-- asm\nexit\n-- error\nx\n-- case a\n-- asm", "the name is there twice"),
    ])
  func formatErrors(text: String, message: String) throws {
    let error = #expect(throws: InstructionCase.FormatError.self) {
      try InstructionCase.parse(text, group: "test")
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test("a case has its program, memory and expectation")
  func fields() throws {
    let text = """
      # About this file.
      -- case first
      -- asm
      r0 = *(u8 *)(r1 +0)
      exit
      -- mem
      0a ff
      -- result
      0xa
      """
    let parsed = try #require(try InstructionCase.parse(text, group: "g").first)
    #expect(parsed.description == "g.data:2: first")
    #expect(parsed.memory == [0x0a, 0xff])
    #expect(parsed.expectation == .result(10))
    #expect(try assembled(parsed).count == 2)
  }

  private func assembled(_ instructionCase: InstructionCase) throws -> [Instruction] {
    do {
      return try Assembler().assemble(instructionCase.assembly).instructions
    } catch {
      Issue.record("\(instructionCase): \(error)")
      throw error
    }
  }
}
