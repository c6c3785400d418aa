import BPFInstructions
import BPFKernel
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

/// A large program, for both verifiers.
struct DatapathProgram {
  static let definitions = [
    MapDefinition(name: "flows", type: .hash, keySize: 16, valueSize: 32, maxEntries: 1024),
    MapDefinition(name: "counters", type: .array, keySize: 4, valueSize: 8, maxEntries: 256),
    MapDefinition(name: "state", type: .array, keySize: 4, valueSize: 64, maxEntries: 4),
  ]

  let program: VerifierProgram

  init(_ style: DatapathGenerator.Style, instructionCount: Int, seed: UInt64 = 1) throws {
    let text = DatapathGenerator.program(style, instructionCount: instructionCount, seed: seed)
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
    var program = VerifierProgram(
      name: "datapath", instructions: assembled.instructions, type: .xdp,
      maps: Self.definitions.map { MapShape($0) })
    for (slot, name) in assembled.references {
      let map = Self.definitions.firstIndex { $0.name == name } ?? -1
      program.references[slot] = VerifierProgram.MapReference(map: map)
    }
    self.program = program
  }

  static func kernelMaps() throws -> [KernelMap] {
    try definitions.map {
      try KernelMap(
        KernelMap.Shape(
          type: $0.type.rawValue, keySize: $0.keySize, valueSize: $0.valueSize,
          maxEntries: $0.maxEntries))
    }
  }

  /// The instructions with descriptors of maps.
  func linked(_ maps: [KernelMap]) -> [Instruction] {
    var instructions = program.instructions
    for (slot, reference) in program.references {
      instructions[slot].immediate = maps[reference.map].descriptor.rawValue
    }
    return instructions
  }
}

@Suite("Large programs in the style of datapaths")
struct DatapathTests {
  @Test("They are verified without walking every path", arguments: DatapathGenerator.Style.allCases)
  func verifies(style: DatapathGenerator.Style) throws {
    let program = try DatapathProgram(style, instructionCount: 1500).program
    let statistics = try Verifier(program).verify().statistics
    #expect(statistics.processedInstructions < 100 * program.instructions.count)
  }

  @Test(
    "Linux accepts them too, with not much less work", .requiresKernel,
    arguments: DatapathGenerator.Style.allCases)
  func likeLinux(style: DatapathGenerator.Style) throws {
    let datapath = try DatapathProgram(style, instructionCount: 1500)
    let maps = try DatapathProgram.kernelMaps()
    defer { withExtendedLifetime(maps) {} }
    let loaded = try KernelProgram(datapath.linked(maps), KernelProgram.Options(type: 6))
    let theirs = Int(try loaded.facts.verifiedInstructionCount)
    let ours = try Verifier(datapath.program).verify().statistics.processedInstructions
    // Which states are kept is chance to a degree; spilled values cost most.
    #expect(ours <= theirs * 3, "\(ours) instructions here, \(theirs) in Linux")
  }
}
