import BPFInstructions
import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import TestSupport

/// Checks random programs by their seeds: what the verifier accepts must run without a fault, and
/// Linux must say the same of it.
struct SoundnessRun {
  /// What became of one program.
  struct Outcome {
    var isAccepted: Bool
    /// Whether it ran: some helpers can be verified but not run yet.
    var hasRun = false
    /// Linux's verdict, where it was asked.
    var linux: LinuxVerdict?
    /// What is wrong, with the program's text; empty when all is well.
    var complaint = ""
  }

  enum LinuxVerdict {
    case accepts, refuses
  }

  /// What programs of one type run with.
  private struct World {
    let type: ProgramType
    let runtime: Runtime
    let maps: [MapHandle]
    let cpu: CPU
    let context: PacketContext
    var kernelMaps: [KernelMap] = []

    init(_ type: ProgramType, asksLinux: Bool) throws {
      self.type = type
      runtime = Runtime()
      let runtime = runtime
      maps = try RandomProgram.maps.map { try runtime.makeMap($0) }
      cpu = try runtime.makeCPU()
      cpu.instructionLimit = 1_000_000
      context = try PacketContext(type: type)
      guard asksLinux else { return }
      kernelMaps = try RandomProgram.maps.map {
        try KernelMap(
          KernelMap.Shape(
            type: $0.type.rawValue, keySize: $0.keySize, valueSize: $0.valueSize,
            maxEntries: $0.maxEntries))
      }
    }
  }

  private let asksLinux: Bool
  private let isAboutLoops: Bool
  private let worlds: [World]

  init(asksLinux: Bool, isAboutLoops: Bool = false) throws {
    self.asksLinux = asksLinux
    self.isAboutLoops = isAboutLoops
    worlds = try [ProgramType.xdp, .schedCls].map { try World($0, asksLinux: asksLinux) }
  }

  /// Makes the program of a seed, verifies it, runs it if it is accepted, and asks Linux: always,
  /// or only about accepted programs.
  func check(_ seed: UInt64, asksLinuxAboutRefused: Bool = true) throws -> Outcome {
    let candidate = try RandomProgram(seed: seed, isAboutLoops: isAboutLoops)
    let world = worlds[candidate.program.type.number == ProgramType.xdp.number ? 0 : 1]
    var refusal: VerifierError?
    do throws(VerifierError) {
      _ = try Verifier(candidate.program).verify()
    } catch {
      refusal = error
    }
    var outcome = Outcome(isAccepted: refusal == nil)
    if refusal == nil { try run(candidate, world, seed, &outcome) }
    guard asksLinux, refusal == nil || asksLinuxAboutRefused else { return outcome }
    let log = refusalByLinux(candidate, world)
    outcome.linux = log == nil ? .accepts : .refuses
    if (log == nil) != (refusal == nil) {
      outcome.complaint += """
        seed \(seed): \(refusal.map { "\($0)" } ?? "accepted here"), \
        Linux: \(log.map { String($0.suffix(500)) } ?? "accepted")
        \(candidate.text)

        """
    }
    return outcome
  }

  private func refusalByLinux(_ candidate: RandomProgram, _ world: World) -> String? {
    do throws(KernelError) {
      _ = try candidate.load(world.kernelMaps)
    } catch {
      return "\(error.errno) \(error.log)"
    }
    return nil
  }

  private func run(
    _ candidate: RandomProgram, _ world: World, _ seed: UInt64, _ outcome: inout Outcome
  ) throws {
    let program: Program
    do throws(LoadError) {
      program = try world.runtime.load(candidate.source(world.maps))
    } catch {
      // A helper that does not exist here yet.
      return
    }
    outcome.hasRun = true
    var random = ProgramGenerator.Numbers(state: seed)
    for round in 0..<4 {
      try world.maps[0].update([0, 0, 0, 0], Self.bytes(64, round, &random))
      for key in 0..<4 as Range<UInt8> {
        try world.maps[1].update([key, 0, 0, 0], Self.bytes(16, round, &random))
        // Full of what programs put there, it takes no more.
        let value = Self.bytes(16, round, &random)
        if round != 1 { try? world.maps[2].update([key, 0, 0, 0], value) }
      }
      let length = 14 + Int.random(in: 0...60, using: &random)
      try world.context.load(Self.bytes(length, round, &random))
      do throws(Fault) {
        _ = try world.cpu.run(program, in: world.context)
      } catch {
        // `bpf_loop` and `may_goto` may go eight million rounds, far more than a run is given here.
        let mayTakeLong =
          candidate.text.contains("call loop") || candidate.text.contains("may_goto")
        guard error.kind != .instructionLimit || !mayTakeLong else { continue }
        outcome.complaint += "seed \(seed): FAULT \(error)\n\(candidate.text)\n"
      }
    }
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
}
