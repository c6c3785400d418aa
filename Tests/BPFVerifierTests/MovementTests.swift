import BPFCompiler
import BPFInstructions
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

/// By how much addresses are moved: what the verifier leaves of it, and what hardened code makes of
/// that.
@Suite("Numbers that addresses are moved by")
struct MovementTests {
  /// A program, its instruction in question, and what is known of that.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var text: String
    var instruction: String
    var movement: InstructionFacts.Movement
    /// What hardened code has in it, and plain code has not.
    var guardInstruction: String?
  }

  /// A number that nobody knows is in r0, the value of 64 bytes behind r6.
  private static let start = """
    r6 = map[one][0]+0
    call get_prandom_u32

    """
  private static let end = "\nr0 = *(u8 *)(r6 +8)\nexit"

  static let cases = [
    Case(
      testDescription: "by the source register", text: start + "r0 &= 31\nr6 += r0" + end,
      instruction: "r6 += r0", movement: .bySource(0...31), guardInstruction: "sbb"),
    Case(
      testDescription: "by the destination register",
      text: start + "r0 &= 31\nr0 += r6\nr0 = *(u8 *)(r0 +32)\nexit",
      instruction: "r0 += r6", movement: .byDestination(0...31), guardInstruction: "sbb"),
    Case(
      testDescription: "by a number that is not 0 at least",
      text: start + "r0 &= 31\nr0 += 5\nr6 += r0" + end,
      instruction: "r6 += r0", movement: .bySource(5...36), guardInstruction: "sbb"),
    Case(
      testDescription: "backward, by a negative number",
      text: start + "r0 &= 15\nr7 = r0\nr7 += 16\nr6 += r7\nr0 -= 16\nr6 += r0" + end,
      instruction: "r6 += r0", movement: .bySource(-16 ... -1), guardInstruction: "sbb"),
    Case(
      testDescription: "backward, by a subtraction",
      text: start + "r0 &= 15\nr7 = r0\nr7 += 16\nr6 += r7\nr6 -= r0" + end,
      instruction: "r6 -= r0", movement: .bySource(0...15), guardInstruction: "sbb"),
    Case(
      testDescription: "farther on one path than on the other",
      text: start + "r0 &= 31\nif r0 > 7 goto far\nr0 &= 3\nfar: r6 += r0" + end,
      instruction: "r6 += r0", movement: .bySource(0...31), guardInstruction: "sbb"),
    Case(
      testDescription: "on one path, and a number on the other",
      text: start + """
        r0 &= 31
        r7 = r6
        if r0 > 7 goto sum
        r7 = 5
        sum: r7 += r0
        """ + end,
      instruction: "r7 += r0", movement: .varies, guardInstruction: "lfence"),
    Case(
      testDescription: "only a number is added to", text: start + "r7 = r0\nr7 += r0" + end,
      instruction: "r7 += r0", movement: .none, guardInstruction: nil),
  ]

  private static let definition = MapDefinition(
    name: "one", type: .array, keySize: 4, valueSize: 64, maxEntries: 1)

  /// What is proved of a program, and its instructions.
  private static func facts(
    of text: String
  ) throws -> (facts: [InstructionFacts], assembled: AssembledProgram) {
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
    var program = VerifierProgram(
      name: "moves", instructions: assembled.instructions, type: .xdp,
      maps: [MapShape(definition)])
    for slot in assembled.references.keys {
      program.references[slot] = VerifierProgram.MapReference(map: 0, valueOffset: 0)
    }
    return (try Verifier(program).verify().facts, assembled)
  }

  @Test("The verifier tells how an address is moved on all paths together", arguments: cases)
  func facts(_ subject: Case) throws {
    let (facts, assembled) = try Self.facts(of: subject.text)
    let disassembler = Disassembler()
    let slot = try #require(
      assembled.instructions.indices.first {
        (try? disassembler.text(of: assembled.instructions, at: $0)) == subject.instruction
      })
    #expect(facts[slot].movement == subject.movement)
  }

  @Test(
    "Hardened code keeps such numbers in their limits and does the same",
    .enabled(if: ProgramCompiler.x86() != nil, "needs x86-64 Linux"), arguments: cases)
  func code(_ subject: Case) throws {
    let (facts, assembled) = try Self.facts(of: subject.text)
    for isHardened in [false, true] {
      let runtime = Runtime(compiler: .x86(isHardened: isHardened))
      let map = try runtime.makeMap(Self.definition)
      try map.update([0, 0, 0, 0], (0..<64).map { UInt8($0) })
      var source = ProgramSource(
        name: "moves", type: .xdp, instructions: assembled.instructions)
      source.facts = facts
      for slot in assembled.references.keys {
        source.maps[slot] = ProgramSource.MapReference(map, valueOffset: 0)
      }
      let program = try runtime.load(source, engine: .compiled)
      let interpreted = try runtime.load(source, engine: .interpreter)
      let context = try PacketContext(type: .xdp)
      try context.load([UInt8](repeating: 0, count: 64))
      let cpus = try (0..<2).map { _ in try runtime.makeCPU() }
      for seed: UInt64 in 1...64 {
        for cpu in cpus { cpu.seed = seed }
        let value = try cpus[0].run(program, in: context).returnValue
        #expect(try cpus[1].run(interpreted, in: context).returnValue == value)
      }
      guard Disassembly.isAvailable else { continue }
      let code = try Disassembly.texts(of: program.machineCode)
      for name in ["sbb", "lfence"] {
        let isExpected = isHardened && name == subject.guardInstruction
        #expect(code.contains { $0.hasPrefix(name) } == isExpected, "\(code)")
      }
    }
  }
}
