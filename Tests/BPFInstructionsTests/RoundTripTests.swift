import BPFInstructions
import Testing

@Suite("What the disassembler prints, the assembler reads back")
struct RoundTripTests {
  @Test("every operation, with the ends of its operands' ranges", arguments: Operation.allCases)
  func everyOperation(operation: Operation) throws {
    let samples = samples(of: operation)
    #expect(!samples.isEmpty)
    for slots in samples { try expectRoundTrip(slots) }
  }

  @Test("random programs with a fixed seed")
  func randomPrograms() throws {
    var generator = SeededGenerator(state: 9669)
    for _ in 0..<200 {
      let program = (0..<100).flatMap { _ in
        let operation = Operation.allCases.randomElement(using: &generator) ?? .exit
        return randomSlots(of: operation, using: &generator)
      }
      try expectRoundTrip(program)
    }
  }

  @Test("random bytes, most of them no instructions")
  func randomBytes() throws {
    var generator = SeededGenerator(state: 1)
    for _ in 0..<200 {
      try expectRoundTrip(
        (0..<100).map { _ in Instruction(littleEndian: generator.next()) })
    }
  }

  private func expectRoundTrip(_ program: [Instruction]) throws {
    let lines = Disassembler().disassemble(program)
    let text = lines.map(\.text).joined(separator: "\n")
    #expect(try Assembler().assemble(text).instructions == program, "\(text)")
    let listing = lines.map(\.description).joined(separator: "\n")
    #expect(try Assembler().assemble(listing).instructions == program, "\(listing)")
  }
}
