import BPFInstructions
import BPFKernel
import BPFRuntime
import BPFVerifier
import Glibc
import TestSupport
import Testing

/// More by hand: `SWITCHYARD_SOUNDNESS=1000000 swift test --filter SoundnessTests`.
@Suite("What the verifier accepts is safe")
struct SoundnessTests {
  private static let count = getenv("SWITCHYARD_SOUNDNESS").flatMap { Int(String(cString: $0)) }

  private static let definitions = [
    MapDefinition(name: "one", type: .array, keySize: 4, valueSize: 64, maxEntries: 1),
    MapDefinition(name: "data", type: .array, keySize: 4, valueSize: 16, maxEntries: 4),
  ]

  private struct Candidate {
    var text: String
    var program: VerifierProgram
  }

  private func candidate(_ seed: UInt64) throws -> Candidate {
    var generator = ProgramGenerator(seed: seed)
    let text = generator.program()
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
    var program = VerifierProgram(
      name: "random", instructions: assembled.instructions, type: .xdp,
      maps: Self.definitions.map { MapShape($0) })
    for (slot, name) in assembled.references {
      program.references[slot] = VerifierProgram.MapReference(
        map: name == "one" ? 0 : 1, valueOffset: name == "one" ? 0 : nil)
    }
    return Candidate(text: text, program: program)
  }

  @Test("Accepted random programs run without a fault and end")
  func acceptedProgramsRun() throws {
    let runtime = Runtime()
    let maps = try Self.definitions.map { try runtime.makeMap($0) }
    let cpu = try runtime.makeCPU()
    cpu.instructionLimit = 1_000_000
    let context = try PacketContext(type: .xdp)
    var accepted = 0
    let total = Self.count ?? 1500
    for seed in 0..<UInt64(total) {
      let candidate = try candidate(seed)
      guard (try? Verifier(candidate.program).verify()) != nil else { continue }
      accepted += 1
      var source = ProgramSource(
        name: "random", type: .xdp, instructions: candidate.program.instructions)
      for (slot, reference) in candidate.program.references {
        source.maps[slot] = ProgramSource.MapReference(
          maps[reference.map], valueOffset: reference.valueOffset)
      }
      let program = try runtime.load(source)
      var random = ProgramGenerator.Numbers(state: seed)
      for round in 0..<4 {
        try maps[0].update([0, 0, 0, 0], Self.bytes(64, round, &random))
        try context.load(Self.bytes(14 + Int.random(in: 0...60, using: &random), round, &random))
        do throws(Fault) {
          _ = try cpu.run(program, in: context)
        } catch {
          Issue.record("seed \(seed): \(error)\n\(candidate.text)")
        }
      }
    }
    print("soundness: \(accepted) of \(total) random programs were accepted")
    #expect(accepted > total / 5, "the generator has to make programs that pass")
  }

  /// Random bytes, or all of one kind: the ends of ranges are where bounds are wrong.
  private static func bytes(
    _ count: Int, _ round: Int, _ random: inout ProgramGenerator.Numbers
  ) -> [UInt8] {
    switch round {
    case 0: [UInt8](repeating: 0, count: count)
    case 1: [UInt8](repeating: 0xff, count: count)
    default:
      (0..<count).map { _ in
        [0, 1, 7, 8, 31, 32, 63, 64, 127, 128, 255, UInt8.random(in: 0...255, using: &random)]
          .randomElement(using: &random) ?? 0
      }
    }
  }

  @Test("Linux says the same of random programs", .requiresKernel)
  func agreesWithLinux() throws {
    let maps = try Self.definitions.map {
      try KernelMap(
        KernelMap.Shape(
          type: $0.type.rawValue, keySize: $0.keySize, valueSize: $0.valueSize,
          maxEntries: $0.maxEntries))
    }
    // Programs only name the descriptors.
    defer { withExtendedLifetime(maps) {} }
    var differences = 0
    let total = Self.count.map { min($0, 100_000) } ?? 600
    for seed in 0..<UInt64(total) {
      let candidate = try candidate(seed)
      var instructions = candidate.program.instructions
      for (slot, reference) in candidate.program.references {
        instructions[slot].immediate = maps[reference.map].descriptor.rawValue
      }
      var linux: String?
      do throws(KernelError) {
        _ = try KernelProgram(instructions, KernelProgram.Options(type: 6))
      } catch {
        linux = error.log
      }
      var ours: VerifierError?
      do throws(VerifierError) {
        _ = try Verifier(candidate.program).verify()
      } catch {
        ours = error
      }
      guard (linux == nil) != (ours == nil) else { continue }
      differences += 1
      Issue.record(
        """
        seed \(seed): \(ours.map { "\($0)" } ?? "accepted here"), \
        Linux: \(linux.map { String($0.suffix(400)) } ?? "accepted")
        \(candidate.text)
        """)
    }
    print("agreement: \(differences) differences in \(total) random programs")
  }
}
