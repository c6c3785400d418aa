import BPFCompiler
import BPFKernel
import BPFRuntime
import BPFVerifier
import CPlatform
import Glibc
import TestSupport
import Testing

/// Random verified programs do the same everywhere: in the checked interpreter, compiled with and
/// without what the verifier proved, for processors with and without extensions, hardened, and in
/// Linux. Compared are all registers, the packet and all maps.
///
/// More by hand: `SWITCHYARD_AGREEMENT=1000000 swift test --filter CompiledAgreementTests`;
/// `SWITCHYARD_AGREEMENT_SEED` says where to start.
@Suite(
  "Compiled code does what the interpreter does",
  .enabled(if: ProgramCompiler.x86() != nil, "needs x86-64 Linux"))
struct CompiledAgreementTests {
  /// What became of the seeds so far.
  private struct Tally {
    var accepted = 0
    var inLinux = 0
    var isDifferent = false
  }

  private static func number(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  private static func seeds(_ count: UInt64) -> Range<UInt64> {
    let first = number("SWITCHYARD_AGREEMENT_SEED") ?? 0
    return first..<first + (number("SWITCHYARD_AGREEMENT") ?? count)
  }

  private static let types = [ProgramType.xdp, .schedCls]

  /// The first is the one that the others are compared with.
  private static func engines(_ type: ProgramType) throws -> [any AgreementPeer] {
    let plain = ProgramCompiler(region: try #require(CodeRegion()), processor: .none)
    return [
      try EnginePeer("interpreter", type, .interpreter),
      try EnginePeer("compiled", type, .compiled),
      try EnginePeer("compiled without facts", type, .compiled, usesFacts: false),
      try EnginePeer("compiled for any processor", type, .compiled, compiler: plain),
      try EnginePeer("hardened", type, .compiled, compiler: .x86(isHardened: true)),
    ]
  }

  /// Runs the program of a seed in all `peers` and complains of the first difference.
  private func compare(
    _ seed: UInt64, _ peers: [[any AgreementPeer]], _ tally: inout Tally
  ) throws {
    let program = try RandomProgram(seed: seed, isRepeatable: true)
    guard let verified = try? Verifier(program.program).verify() else { return }
    tally.accepted += 1
    let type = Self.types.firstIndex { $0.number == program.program.type.number } ?? 0
    let peers = try peers[type].filter { try $0.load(program, verified.facts) }
    if peers.contains(where: { $0 is LinuxPeer }) { tally.inLinux += 1 }
    var random = ProgramGenerator.Numbers(state: seed)
    for round in 0..<4 {
      let input = AgreementInput(round: round, &random)
      let expected = try peers[0].run(input)
      for peer in peers.dropFirst() {
        let outcome = try peer.run(input)
        guard outcome != expected else { continue }
        tally.isDifferent = true
        Issue.record(
          """
          seed \(seed), round \(round), \(peer.name): \(outcome)
          \(peers[0].name): \(expected)
          \(program.text)
          """)
        return
      }
    }
  }

  private func compare(_ seeds: Range<UInt64>, _ peers: [[any AgreementPeer]]) throws -> Tally {
    var tally = Tally()
    for seed in seeds where !tally.isDifferent { try compare(seed, peers, &tally) }
    #expect(tally.accepted > seeds.count / 4, "the generator has to make programs that pass")
    return tally
  }

  @Test("Random verified programs give the same in the interpreter and compiled")
  func engines() throws {
    let seeds = Self.seeds(600)
    let tally = try compare(seeds, Self.types.map { try Self.engines($0) })
    print("agreement: \(tally.accepted) of \(seeds.count) random programs were compared")
  }

  @Test("Linux gives the same", .requiresKernel)
  func linux() throws {
    let affinity = switchyard_affinity()
    #expect(switchyard_set_affinity(1) == 0)
    defer { _ = switchyard_set_affinity(affinity) }
    let seeds = Self.seeds(300)
    let tally = try compare(
      seeds, Self.types.map { try Self.engines($0) + [LinuxPeer($0)] })
    print(
      "agreement: \(tally.accepted) of \(seeds.count) random programs were compared,",
      "\(tally.inLinux) of them in Linux, too")
    #expect(tally.inLinux > tally.accepted / 2, "Linux has to take most of them")
  }
}
