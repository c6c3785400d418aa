import BPFCompiler
import BPFInstructions
import BPFKernel
import BPFRuntime
import BPFVerifier
import Glibc
import TestSupport
import Testing

/// Random verified programs do the same everywhere: in the checked interpreter, compiled with and
/// without what the verifier proved, for processors with and without extensions, hardened, and in
/// Linux.
///
/// More by hand: `SWITCHYARD_AGREEMENT=1000000 swift test --filter CompiledAgreementTests`;
/// `SWITCHYARD_AGREEMENT_SEED` says where to start.
@Suite(
  "Compiled code does what the interpreter does",
  .enabled(if: ProgramCompiler.x86() != nil, "needs x86-64 Linux"))
struct CompiledAgreementTests {
  private static func number(_ name: String) -> Int? {
    getenv(name).flatMap { Int(String(cString: $0)) }
  }

  private static let definitions = [
    MapDefinition(name: "one", type: .array, keySize: 4, valueSize: 64, maxEntries: 1),
    MapDefinition(name: "data", type: .array, keySize: 4, valueSize: 16, maxEntries: 4),
  ]

  /// What a run leaves.
  private struct Outcome: Equatable, CustomStringConvertible {
    var value: UInt32
    var packet: [UInt8]
    var maps: [[UInt8]]

    var description: String { "r0 \(value), packet \(packet), maps \(maps)" }
  }

  /// A program in the form that verifier and loaders take.
  private struct Candidate {
    var text: String
    var assembled: AssembledProgram
    var facts: [InstructionFacts]

    /// `nil` if the verifier refuses it.
    init?(seed: UInt64) throws {
      var generator = ProgramGenerator(seed: seed)
      // What was on the stack before is nobody's business.
      let cleared = (1...8).map { "*(u64 *)(r10 \(-8 * $0)) = 0" }.joined(separator: "\n")
      text = cleared + "\n" + generator.program()
      assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
      var program = VerifierProgram(
        name: "random", instructions: assembled.instructions, type: .xdp,
        maps: definitions.map { MapShape($0) })
      for (slot, name) in assembled.references {
        program.references[slot] = VerifierProgram.MapReference(
          map: name == "one" ? 0 : 1, valueOffset: name == "one" ? 0 : nil)
      }
      guard let verified = try? Verifier(program).verify() else { return nil }
      facts = verified.facts
    }
  }

  /// Everything that is needed to run programs here.
  private final class Bench {
    let runtimes: [Runtime]
    private let maps: [[MapHandle]]
    private let cpus: [CPU]
    private let context: PacketContext

    init() throws {
      let plain = try #require(CodeRegion())
      runtimes = [
        Runtime(compiler: .x86()),
        Runtime(compiler: ProgramCompiler(region: plain, processor: .none)),
        Runtime(compiler: .x86(isHardened: true)),
      ]
      maps = try runtimes.map { runtime in
        try CompiledAgreementTests.definitions.map { try runtime.makeMap($0) }
      }
      cpus = try runtimes.map { try $0.makeCPU() }
      for cpu in cpus { cpu.clock = .fixed(1_000_000_007) }
      context = try PacketContext(type: .xdp)
    }

    func program(
      _ candidate: Candidate, _ runtime: Int, _ engine: Runtime.Engine, usesFacts: Bool
    ) throws -> Program {
      var source = ProgramSource(
        name: "random", type: .xdp, instructions: candidate.assembled.instructions)
      if usesFacts { source.facts = candidate.facts }
      for (slot, name) in candidate.assembled.references {
        source.maps[slot] = ProgramSource.MapReference(
          maps[runtime][name == "one" ? 0 : 1], valueOffset: name == "one" ? 0 : nil)
      }
      return usesFacts || engine == .interpreter
        ? try runtimes[runtime].load(source, engine: engine)
        : try unsafe runtimes[runtime].loadUnverified(source, engine: engine)
    }

    func outcome(of program: Program, _ runtime: Int, on input: Input) throws -> Outcome {
      try maps[runtime][0].update([0, 0, 0, 0], input.value)
      for key: UInt8 in 0..<4 {
        try maps[runtime][1].update([key, 0, 0, 0], [UInt8](repeating: key, count: 16))
      }
      try context.load(input.packet)
      cpus[runtime].seed = 1
      let result = try cpus[runtime].run(program, in: context)
      let values =
        [try maps[runtime][0].lookup([0, 0, 0, 0])]
        + (try (0..<4).map { try maps[runtime][1].lookup([$0, 0, 0, 0]) })
      return Outcome(
        value: UInt32(truncatingIfNeeded: result.returnValue), packet: context.packet,
        maps: values)
    }
  }

  private struct Input {
    var value: [UInt8]
    var packet: [UInt8]

    init(round: Int, _ random: inout ProgramGenerator.Numbers) {
      value = Self.bytes(64, round, &random)
      packet = Self.bytes(14 + Int.random(in: 0...60, using: &random), round, &random)
    }

    private static func bytes(
      _ count: Int, _ round: Int, _ random: inout ProgramGenerator.Numbers
    ) -> [UInt8] {
      switch round {
      case 0: [UInt8](repeating: 0, count: count)
      case 1: [UInt8](repeating: 0xff, count: count)
      default: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
    }
  }

  @Test("Random verified programs give the same in the interpreter and compiled")
  func engines() throws {
    let bench = try Bench()
    var accepted = 0
    let total = Self.number("SWITCHYARD_AGREEMENT") ?? 600
    let first = UInt64(Self.number("SWITCHYARD_AGREEMENT_SEED") ?? 0)
    for seed in first..<first + UInt64(total) {
      guard let candidate = try Candidate(seed: seed) else { continue }
      accepted += 1
      var programs: [(String, Int, Program, Program)] = []
      for runtime in bench.runtimes.indices {
        let expected = try bench.program(candidate, runtime, .interpreter, usesFacts: false)
        for usesFacts in [false, true] {
          let program = try bench.program(candidate, runtime, .compiled, usesFacts: usesFacts)
          programs.append(
            ("compiler \(runtime), facts \(usesFacts)", runtime, expected, program))
        }
      }
      var random = ProgramGenerator.Numbers(state: seed)
      for round in 0..<4 {
        let input = Input(round: round, &random)
        for (name, runtime, interpreted, compiled) in programs {
          let expected = try bench.outcome(of: interpreted, runtime, on: input)
          let outcome = try bench.outcome(of: compiled, runtime, on: input)
          if outcome != expected {
            Issue.record(
              "seed \(seed), \(name): \(outcome), interpreter \(expected)\n\(candidate.text)")
            return
          }
        }
      }
    }
    print("agreement: \(accepted) of \(total) random programs were verified and compared")
    #expect(accepted > total / 5, "the generator has to make programs that pass")
  }

  @Test("Linux gives the same", .requiresKernel)
  func linux() throws {
    let bench = try Bench()
    let maps = try Self.definitions.map {
      try KernelMap(
        KernelMap.Shape(
          type: $0.type.rawValue, keySize: $0.keySize, valueSize: $0.valueSize,
          maxEntries: $0.maxEntries))
    }
    var compared = 0
    let total = Self.number("SWITCHYARD_AGREEMENT").map { $0 / 50 } ?? 60
    let first = UInt64(Self.number("SWITCHYARD_AGREEMENT_SEED") ?? 0)
    for seed in first..<first + UInt64(total) {
      guard let candidate = try Candidate(seed: seed) else { continue }
      // Of these Linux has its own.
      if ["ktime_get_ns", "get_prandom_u32", "get_smp_processor_id"].contains(where: {
        candidate.text.contains($0)
      }) {
        continue
      }
      var instructions = candidate.assembled.instructions
      for (slot, name) in candidate.assembled.references {
        instructions[slot].immediate = maps[name == "one" ? 0 : 1].descriptor.rawValue
      }
      // What only one of the two verifiers takes is a matter of other tests.
      guard let kernel = try? KernelProgram(instructions, KernelProgram.Options(type: 6)) else {
        continue
      }
      compared += 1
      let program = try bench.program(candidate, 0, .compiled, usesFacts: true)
      var random = ProgramGenerator.Numbers(state: seed)
      for round in 0..<2 {
        let input = Input(round: round, &random)
        try maps[0].update([0, 0, 0, 0], input.value)
        for key: UInt8 in 0..<4 {
          try maps[1].update([key, 0, 0, 0], [UInt8](repeating: key, count: 16))
        }
        let run = try kernel.testRun(data: input.packet)
        let expected = Outcome(
          value: run.returnValue, packet: run.data,
          maps: [try maps[0].lookup([0, 0, 0, 0])]
            + (try (0..<4).map { try maps[1].lookup([$0, 0, 0, 0]) }))
        let outcome = try bench.outcome(of: program, 0, on: input)
        if outcome != expected {
          Issue.record("seed \(seed): \(outcome), Linux \(expected)\n\(candidate.text)")
          return
        }
      }
    }
    print("agreement: \(compared) of \(total) random programs ran in Linux, too")
    #expect(compared > total / 20, "the generator has to make programs that pass")
  }
}
