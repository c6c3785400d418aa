public import BPFInstructions

/// A loaded program: immutable, ready to run, alive while somebody or a slot refers to it.
public final class Program: Sendable {
  /// Unique among the programs of its runtime, from 1.
  public let id: UInt32
  /// Name.
  public let name: String
  /// What it gets, may call and may return.
  public let type: ProgramType
  /// What decides about sharing arrays.
  public let traits: ProgramTraits
  /// The instructions as they were loaded.
  public let instructions: [Instruction]
  /// The slots of its tail calls, in order: ``TailCallRecord/site`` is an index into this.
  public let tailCallSites: [Int]

  /// What executes it.
  public let engine: Runtime.Engine
  /// Whether a verifier has proved it safe.
  public let isVerified: Bool

  /// Whether its licence lets it call every helper.
  let isGPLCompatible: Bool
  /// Whether it calls `bpf_override_return` (tail-calls.md R3.8).
  let overridesReturn: Bool
  let maps: [Map]
  let image: ProgramImage
  /// Address of the first instruction, decoded or compiled: what a slot holds.
  let entry: UInt64
  /// Enters the machine code; `nil` for an interpreted program.
  let enter: ProgramCompiler.EnterFunction?
  /// The same for batches.
  let enterBatch: ProgramCompiler.EnterBatchFunction?
  /// The registry of its runtime, if it is compiled; an interpreted program's is no registry.
  let home: ObjectIdentifier
  /// The rights of its context, which also tell layouts apart: beside the type, because every run
  /// asks for them.
  let contextAccess: ContextAccessTable
  private let code: (any CompiledCode)?
  /// The registry of its runtime, which tells runtimes apart.
  let registry: Registry

  init(
    id: UInt32, source: ProgramSource, maps: [Map], image: consuming ProgramImage,
    code: (any CompiledCode)?, compiler: ProgramCompiler?, registry: Registry
  ) {
    self.id = id
    name = source.name
    type = source.type
    traits = source.traits
    isVerified = source.isVerified
    isGPLCompatible = source.isGPLCompatible
    instructions = source.instructions
    overridesReturn = source.overridesReturn
    tailCallSites = image.tailCallSites
    self.maps = maps
    self.code = code
    let entrance = code.flatMap { code -> ProgramCompiler.Entrance? in
      guard source.isVerified else { return compiler?.entrance }
      return code.usesPreserved ? compiler?.verifiedEntrance : compiler?.lightEntrance
    }
    enter =
      if let code, code.isBare, source.isVerified, let compiler {
        compiler.bareFunction(code.entry)
      } else {
        entrance?.enter
      }
    enterBatch = entrance?.enterBatch
    home =
      entrance == nil ? ObjectIdentifier(source.type.context.access) : ObjectIdentifier(registry)
    contextAccess = source.type.context.access
    engine = code == nil ? .interpreter : .compiled
    entry = code?.entry ?? image.entry
    self.image = image
    self.registry = registry
  }

  /// Where its instructions are, decoded or compiled.
  var codeAddresses: Range<UInt64> {
    guard let code else { return image.codeAddresses }
    return code.entry..<code.entry &+ UInt64(code.bytes.count)
  }

  /// The machine code, from its entry on; empty for an interpreted program.
  public var machineCode: [UInt8] { code?.bytes ?? [] }

  /// Which instructions the machine code comes from, by ascending offset; what is behind the last
  /// one is rarely executed.
  public var machineCodeOrigins: [CodeOrigin] { code?.origins ?? [] }

  /// The name that Linux gives compiled programs in its list of symbols.
  public var symbolName: String { "bpf_prog_\(instructions.tag)_\(name)" }

  /// The line that stands for the machine code in `/tmp/perf-PID.map`, by which `perf` names
  /// programs: start and size in hexadecimal, and the name. `nil` for an interpreted program.
  ///
  /// A file of such lines tells everybody who can read it where the code is.
  public var perfMapLine: String? {
    guard let code else { return nil }
    let size = String(code.bytes.count, radix: 16)
    return "\(String(code.entry, radix: 16)) \(size) \(symbolName)"
  }

  /// How often each tail-call site was passed, on all CPUs together: one element per site.
  ///
  /// Compiled programs count what was taken only while the CPU records tail calls: a hop that
  /// goes through does nothing but jump.
  public var tailCallCounts: [TailCallCounts] { image.counts() }

  deinit {
    registry.removeProgram(id)
  }
}

/// How often a tail-call site was passed, by outcome.
public struct TailCallCounts: Hashable, Sendable {
  /// Control went to a slot's program.
  public var taken: UInt64 = 0
  /// The slot was empty.
  public var empty: UInt64 = 0
  /// The index was too large.
  public var outOfRange: UInt64 = 0
  /// The budget was spent.
  public var limit: UInt64 = 0

  /// Tail calls that fell through.
  public var missed: UInt64 { empty &+ outOfRange &+ limit }

  /// The sum of two counts.
  public static func + (left: TailCallCounts, right: TailCallCounts) -> TailCallCounts {
    TailCallCounts(
      taken: left.taken &+ right.taken, empty: left.empty &+ right.empty,
      outOfRange: left.outOfRange &+ right.outOfRange, limit: left.limit &+ right.limit)
  }

  /// Makes counts.
  public init(
    taken: UInt64 = 0, empty: UInt64 = 0, outOfRange: UInt64 = 0, limit: UInt64 = 0
  ) {
    self.taken = taken
    self.empty = empty
    self.outOfRange = outOfRange
    self.limit = limit
  }
}

/// What a program is loaded from.
public struct ProgramSource: Sendable {
  /// A map that a wide immediate refers to.
  public struct MapReference: Sendable {
    /// The map.
    public var map: MapHandle
    /// For the address of a byte in the map's first value, which byte; `nil` for the map itself.
    public var valueOffset: UInt32?

    /// Refers to a map, or to a byte of its first value.
    public init(_ map: MapHandle, valueOffset: UInt32? = nil) {
      self.map = map
      self.valueOffset = valueOffset
    }
  }

  /// Name.
  public var name: String
  /// What the program gets, may call and may return.
  public var type: ProgramType
  /// The instructions, subprograms included; calls between them are relative.
  public var instructions: [Instruction]
  /// The maps that wide immediates refer to, by the slot of the instruction.
  public var maps: [Int: MapReference]
  /// What decides about sharing arrays.
  public var traits: ProgramTraits
  /// The licence, as Linux compares it: some helpers are for GPL-compatible programs only.
  public var license: String
  /// By slot, what a verifier proved of these very instructions with these very maps; empty when
  /// none did. Compiled code relies on it.
  public var facts: [InstructionFacts] = []

  /// Whether a verifier has left its facts.
  var isVerified: Bool { !facts.isEmpty && facts.count == instructions.count }

  /// Describes a program.
  public init(
    name: String, type: ProgramType, instructions: [Instruction],
    maps: [Int: MapReference] = [:], traits: ProgramTraits = ProgramTraits(),
    license: String = "GPL"
  ) {
    self.license = license
    self.name = name
    self.type = type
    self.instructions = instructions
    self.maps = maps
    self.traits = traits
  }

  /// Whether an instruction calls `bpf_override_return`.
  var overridesReturn: Bool {
    instructions.contains { instruction in
      instruction.opcode == Opcode.call && instruction.source == .r0 && instruction.immediate == 58
    }
  }

  /// Whether the licence is one that Linux counts as compatible with the GPL.
  var isGPLCompatible: Bool {
    [
      "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
    ].contains(license)
  }
}
