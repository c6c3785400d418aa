import BPFCompiler
import BPFInstructions
import BPFKernel
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

/// What is given to a run.
struct AgreementInput {
  private(set) var packet: [UInt8]
  /// Values of the keys 0 to 3 of the maps `data` and `hash`; the first is longer, for `one`.
  private(set) var values: [[UInt8]]

  /// - Parameter round: 0 and 1 are nothing but zeros and ones.
  init(round: Int, _ random: inout ProgramGenerator.Numbers) {
    packet = Self.bytes(15 + Int.random(in: 0...60, using: &random), round, &random)
    // Linux refuses a test run on a packet that says it is IP and is too short for it.
    if packet.count < 54, round > 1 { packet[12] = 0xff }
    values = []
    for count in [64, 16, 16, 16, 16] { values.append(Self.bytes(count, round, &random)) }
  }

  private static func bytes(
    _ count: Int, _ round: Int, _ random: inout ProgramGenerator.Numbers
  ) -> [UInt8] {
    switch round {
    case 0: return [UInt8](repeating: 0, count: count)
    case 1: return [UInt8](repeating: 0xff, count: count)
    default:
      // The ends of ranges are where errors are.
      let few: [UInt8] = [0, 1, 7, 8, 31, 32, 63, 64, 127, 128, 255]
      return (0..<count).map { _ in
        Bool.random(using: &random)
          ? few[Int.random(in: few.indices, using: &random)]
          : UInt8.random(in: 0...255, using: &random)
      }
    }
  }
}

/// What a run leaves.
struct AgreementOutcome: Equatable, CustomStringConvertible {
  var value: UInt32
  var packet: [UInt8]
  /// Keys and values of every map with values, one behind the other, in order of keys.
  var maps: [[[UInt8]]]

  var description: String { "r0 \(value), packet \(packet), maps \(maps)" }
}

/// The maps of a peer, here or in Linux.
protocol AgreementMap {
  func put(_ key: [UInt8], _ value: [UInt8]) throws
  func value(_ key: [UInt8]) throws -> [UInt8]
  func remove(_ key: [UInt8]) throws
  func allKeys() throws -> [[UInt8]]
}

extension MapHandle: AgreementMap {
  func put(_ key: [UInt8], _ value: [UInt8]) throws { try update(key, value) }
  func value(_ key: [UInt8]) throws -> [UInt8] { try lookup(key) }
  func remove(_ key: [UInt8]) throws { try delete(key) }
  func allKeys() throws -> [[UInt8]] { try keys() }
}

extension KernelMap: AgreementMap {
  func put(_ key: [UInt8], _ value: [UInt8]) throws { try update(key, value) }
  func value(_ key: [UInt8]) throws -> [UInt8] { try lookup(key) }
  func remove(_ key: [UInt8]) throws { try delete(key) }
  func allKeys() throws -> [[UInt8]] { try elements().map(\.key) }
}

/// The maps of a peer, in the order of ``RandomProgram/maps``.
struct AgreementMaps {
  let maps: [any AgreementMap]
  /// Bytes of a value per CPU, as user space passes it.
  let perCPUByteCount: Int

  private static let keys = (0..<4 as Range<UInt8>).map { [$0, 0, 0, 0] }

  func prepare(_ input: AgreementInput) throws {
    let zeros = [UInt8](repeating: 0, count: perCPUByteCount)
    try maps[0].put(Self.keys[0], input.values[0])
    for map in [2, 4] {
      for key in try maps[map].allKeys() { try maps[map].remove(key) }
    }
    for (index, key) in Self.keys.enumerated() {
      try maps[1].put(key, input.values[index + 1])
      try maps[2].put(key, input.values[index + 1])
      try maps[3].put(key, zeros)
    }
    try maps[4].put(Self.keys[1], zeros)
  }

  func contents() throws -> [[[UInt8]]] {
    var contents = [[try maps[0].value(Self.keys[0])]]
    contents.append(try Self.keys.map { try maps[1].value($0) })
    contents.append(try maps[2].allKeys().map { $0 + (try maps[2].value($0)) })
    contents.append(try Self.keys.map { Array(try maps[3].value($0).prefix(16)) })
    contents.append(try maps[4].allKeys().map { $0 + (try maps[4].value($0).prefix(16)) })
    for map in [2, 4] { contents[map].sort { $0.lexicographicallyPrecedes($1) } }
    return contents
  }
}

/// Who runs random programs: an engine of ours, or Linux.
protocol AgreementPeer: AnyObject {
  var name: String { get }
  /// Makes a program the one to be run.
  ///
  /// - Returns: Whether it was taken.
  func load(_ program: RandomProgram, _ facts: [InstructionFacts]) throws -> Bool
  func run(_ input: AgreementInput) throws -> AgreementOutcome
}

/// What is in the slots of the map `tails` of all peers.
enum AgreementTails {
  static func programs(_ type: ProgramType) throws -> [(slot: UInt32, program: RandomProgram)] {
    let isPacket = type.number == ProgramType.xdp.number
    let (data, end) = isPacket ? (0, 4) : (76, 80)
    let texts: [(UInt32, String)] = [
      (0, "r0 = 100\nexit"),
      // Calls itself until the hops are used up.
      (
        2,
        """
        r6 = r1
        r1 = map[one][0]+0
        r2 = *(u64 *)(r1 +8)
        r2 += 1
        *(u64 *)(r1 +8) = r2
        r1 = r6
        r2 = map[tails]
        r3 = 2
        call tail_call
        r0 = 102
        exit
        """
      ),
      (
        5,
        """
        r2 = *(u32 *)(r1 +\(data))
        r3 = *(u32 *)(r1 +\(end))
        r0 = r2
        r0 += 4
        if r0 > r3 goto out
        *(u32 *)(r2 +0) = 0x5a5a
        out: r0 = 105
        exit
        """
      ),
      // Goes where the map says.
      (
        7,
        """
        r2 = map[one][0]+0
        r3 = *(u32 *)(r2 +0)
        r3 &= 15
        r2 = map[tails]
        call tail_call
        r0 = 107
        exit
        """
      ),
    ]
    return try texts.map { ($0.0, try RandomProgram($0.1, type)) }
  }
}

/// One engine of ours.
final class EnginePeer: AgreementPeer {
  let name: String
  private let engine: Runtime.Engine
  private let usesFacts: Bool
  private let runtime: Runtime
  private let handles: [MapHandle]
  private let maps: AgreementMaps
  private let cpu: CPU
  private let context: PacketContext
  private var program: Program?

  init(
    _ name: String, _ type: ProgramType, _ engine: Runtime.Engine,
    compiler: ProgramCompiler? = .x86(), usesFacts: Bool = true
  ) throws {
    self.name = name
    self.engine = engine
    self.usesFacts = usesFacts
    let runtime = Runtime(compiler: compiler)
    self.runtime = runtime
    handles = try RandomProgram.maps.map { try runtime.makeMap($0) }
    cpu = try runtime.makeCPU()
    context = try PacketContext(type: type)
    maps = AgreementMaps(maps: handles, perCPUByteCount: try handles[3].lookup([0, 0, 0, 0]).count)
    for (slot, program) in try AgreementTails.programs(type) {
      let facts = try Verifier(program.program).verify().facts
      try handles[5].setProgram(try make(program, facts), at: slot)
    }
  }

  private func make(_ program: RandomProgram, _ facts: [InstructionFacts]) throws -> Program {
    let source = program.source(handles, facts: usesFacts ? facts : nil)
    return usesFacts || engine == .interpreter
      ? try runtime.load(source, engine: engine)
      : try unsafe runtime.loadUnverified(source, engine: engine)
  }

  func load(_ program: RandomProgram, _ facts: [InstructionFacts]) throws -> Bool {
    self.program = try make(program, facts)
    return true
  }

  func run(_ input: AgreementInput) throws -> AgreementOutcome {
    try maps.prepare(input)
    try context.load(input.packet)
    let result = try cpu.run(try #require(program), in: context)
    return AgreementOutcome(
      value: UInt32(truncatingIfNeeded: result.returnValue), packet: context.packet,
      maps: try maps.contents())
  }
}

/// Linux. Per-CPU values are those of the first CPU, to which the thread has to be kept.
final class LinuxPeer: AgreementPeer {
  let name = "Linux"
  private let kernelMaps: [KernelMap]
  private let maps: AgreementMaps
  private var tails: [KernelProgram] = []
  private var program: KernelProgram?

  init(_ type: ProgramType) throws {
    kernelMaps = try RandomProgram.maps.map {
      try KernelMap(
        KernelMap.Shape(
          type: $0.type.rawValue, keySize: $0.keySize, valueSize: $0.valueSize,
          maxEntries: $0.maxEntries))
    }
    maps = AgreementMaps(
      maps: kernelMaps, perCPUByteCount: try kernelMaps[3].lookup([0, 0, 0, 0]).count)
    for (slot, program) in try AgreementTails.programs(type) {
      let program = try program.load(kernelMaps)
      try kernelMaps[5].update(KernelBytes.word(slot), program.slotValue)
      tails.append(program)
    }
  }

  func load(_ program: RandomProgram, _ facts: [InstructionFacts]) throws -> Bool {
    // What only one of the two verifiers takes is a matter of other tests.
    self.program = try? program.load(kernelMaps)
    return self.program != nil
  }

  func run(_ input: AgreementInput) throws -> AgreementOutcome {
    try maps.prepare(input)
    let run = try #require(program).testRun(data: input.packet)
    return AgreementOutcome(
      value: run.returnValue, packet: run.data, maps: try maps.contents())
  }
}
