import BPFInstructions
import Foundation
import SwitchyardCommands
import TestSupport
import Testing

/// The plugin that conformance suites drive.
@Suite("Conformance plugin")
struct ConformanceTests {
  private func run(_ arguments: [String], _ input: String) -> ConformancePlugin.Outcome {
    ConformancePlugin.run(arguments: arguments, input: Array(input.utf8))
  }

  private let returns42 = "b7 00 00 00 2a 00 00 00\n\t95 00000000000000\r\n"

  @Test("A program comes in hexadecimal with any white space, and r0 goes out without prefix")
  func result() {
    let outcome = run([], returns42)
    #expect(outcome.status == 0)
    #expect(outcome.output == "2a\n")
    #expect(outcome.error == "")
  }

  @Test(
    "The memory is the first argument",
    arguments: ["0badcafe", "0b ad ca fe", " 0b ad\nca fe "])
  func memory(_ memory: String) {
    // r0 = *(u8 *)(r1 +1); r0 <<= 8; r0 += r2; exit
    let program = "7110010000000000 6700000008000000 0f20000000000000 9500000000000000"
    #expect(run([memory], program).output == "ad04\n")
    #expect(run(["--interpret", memory], program).output == "ad04\n")
    #expect(run([memory, "--interpret"], program).output == "ad04\n")
  }

  @Test("Without memory r1 and r2 are 0", arguments: [[], [""]])
  func noMemory(_ arguments: [String]) {
    #expect(run(arguments, "bf10000000000000 4f20000000000000 9500000000000000").output == "0\n")
  }

  @Test("Helper 5 returns its first argument, called by number or through a register")
  func helper() {
    let call = "b701000007000000 8500000005000000 9500000000000000"
    #expect(run([], call).output == "7\n")
    let indirect = "b701000007000000 b702000005000000 8d02000000000000 9500000000000000"
    #expect(run([], indirect).output == "7\n")
  }

  @Test(
    "What cannot be run is an error and a status",
    arguments: [
      (["--jit"], "7910000000000000 9500000000000000", "not the program's memory"),
      (["--fly"], "95", "unknown option --fly"),
      (["00", "00"], "95", "more than one argument"), (["0"], "95", "the memory"),
      ([], "9", "standard input"), ([], "zz", "standard input"),
      ([], "95", "the program ends after 1 of 8 bytes"),
      ([], "", "no instruction"), ([], "ff00000000000000", "opcode"),
      (["--elf"], "7f454c46", "past the end of the file"), (["--elf"], "95", "ELF"),
      ([], "7910000000000000 9500000000000000", "not the program's memory"),
    ])
  func failures(_ arguments: [String], _ input: String, _ message: String) {
    let outcome = run(arguments, input)
    #expect(outcome.status != 0)
    #expect(outcome.output == "")
    #expect(outcome.error.hasPrefix("error: "))
    #expect(outcome.error.contains(message), "\(outcome.error)")
  }

  @Test("--elf runs the program of an object, whatever its section and type")
  func object() throws {
    func run(_ object: String, _ memory: String) throws -> ConformancePlugin.Outcome {
      let bytes = try [UInt8](Data(contentsOf: URL(filePath: object)))
      return self.run(["--elf", memory], Packets.hex(bytes))
    }
    // Code in .text only: `entry` adds one to the number in its memory.
    let text = try run(Fixtures.path("objects/text_only.o"), "05 00 00 00")
    #expect(text.error == "")
    #expect(text.output == "6\n")
    // `mark`, the first program: packet pointers are what the memory says, so they are equal.
    #expect(try run(Objects.steps, "00 00 00 00 00 00 00 00").output == "0\n")
    // An invalid address in place of the packet's.
    let careless = try run(Objects.careless, "01 00 00 00")
    #expect(careless.status != 0)
    #expect(careless.error.contains("not the program's memory"))
  }

  @Test("Every instruction test runs through the plugin", arguments: [[], ["--jit"]])
  func instructions(_ engine: [String]) throws {
    let cases = try InstructionCase.all
    #expect(cases.count > 100)
    for item in cases {
      let assembled = Result { try Assembler().assemble(item.assembly) }
      let program = assembled.map { Packets.hex($0.instructions.littleEndianBytes) }
      switch (program, item.expectation) {
      case (.failure(let error), .error(let message)):
        #expect("\(error)".contains(message), "\(item)")
      case (.failure(let error), .result): Issue.record("\(item): \(error)")
      case (.success(let program), let expectation):
        let outcome = run(engine + (item.memory.map { [Packets.hex($0)] } ?? []), program)
        // The compiler bounds calls by the program's text, so it takes no recursion.
        if !engine.isEmpty, outcome.error.contains("recursive: ENOTSUPP") { continue }
        switch expectation {
        case .result(let value):
          #expect(outcome.output == String(value, radix: 16) + "\n", "\(item): \(outcome.error)")
        case .error(let message):
          #expect(outcome.status != 0, "\(item)")
          #expect(outcome.error.contains(message), "\(item): \(outcome.error)")
        }
      }
    }
  }
}
