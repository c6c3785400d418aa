import BPFInstructions
import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import TestSupport

/// A program in the form that the verifier takes and from which loaders make theirs.
struct RandomProgram {
  /// What programs refer to, by name and in this order.
  static let maps = [
    MapDefinition(name: "one", type: .array, keySize: 4, valueSize: 64, maxEntries: 1),
    MapDefinition(name: "data", type: .array, keySize: 4, valueSize: 16, maxEntries: 4),
    MapDefinition(name: "hash", type: .hash, keySize: 4, valueSize: 16, maxEntries: 64),
    MapDefinition(name: "cpus", type: .perCPUArray, keySize: 4, valueSize: 16, maxEntries: 4),
    MapDefinition(name: "percpu", type: .perCPUHash, keySize: 4, valueSize: 16, maxEntries: 64),
    MapDefinition(name: "tails", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 8),
  ]

  let text: String
  private(set) var program: VerifierProgram
  /// What Linux is told of the functions; `nil` for programs without types.
  private(set) var types: FunctionTypes?

  /// The program of a seed.
  ///
  /// - Parameter isRepeatable: Whether it does the same wherever it runs.
  /// - Parameter isAboutLoops: Whether it is one of those that are about callbacks.
  init(seed: UInt64, isRepeatable: Bool = false, isAboutLoops: Bool = false) throws {
    var generator = ProgramGenerator(
      seed: seed, isRepeatable: isRepeatable, hasTypes: isAboutLoops)
    let text = isAboutLoops ? generator.loops() : generator.program()
    let form = generator.form
    try self.init(
      text, form.isTrafficControl ? .schedCls : .xdp,
      functions: form.hasTypes ? generator.subprogramNames : [])
  }

  /// A program from its text; `functions` are those that have types.
  init(_ text: String, _ type: ProgramType, functions names: [String] = []) throws {
    self.text = text
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
    program = VerifierProgram(
      name: "random", instructions: assembled.instructions, type: type,
      maps: Self.maps.map { MapShape($0) })
    for (slot, name) in assembled.references {
      program.references[slot] = VerifierProgram.MapReference(
        map: Self.maps.firstIndex { $0.name == name } ?? -1, valueOffset: name == "one" ? 0 : nil)
    }
    guard !names.isEmpty else { return }
    for name in names {
      program.functions.append(
        VerifierProgram.Function(
          start: assembled.labels[name] ?? 0, name: name,
          prototype: FunctionPrototype(parameters: [], result: .number(byteCount: 4))))
    }
    types = FunctionTypes(
      names.map {
        VerifierCase.Function(name: $0, isGlobal: false, result: .int, parameters: [])
      }, in: assembled, context: type.number == ProgramType.xdp.number ? "xdp_md" : "__sk_buff")
  }

  /// What a runtime is given to load it, with maps in the order of ``maps``.
  func source(_ maps: [MapHandle], facts: [InstructionFacts]? = nil) -> ProgramSource {
    var source = ProgramSource(
      name: "random", type: program.type, instructions: program.instructions)
    if let facts { source.facts = facts }
    for (slot, reference) in program.references {
      source.maps[slot] = ProgramSource.MapReference(
        maps[reference.map], valueOffset: reference.valueOffset)
    }
    return source
  }

  /// Has Linux load it, with maps in the order of ``maps``, which the program only names.
  func load(_ maps: [KernelMap]) throws(KernelError) -> KernelProgram {
    var instructions = program.instructions
    for (slot, reference) in program.references {
      instructions[slot].immediate = maps[reference.map].descriptor.rawValue
    }
    var options = KernelProgram.Options(type: program.type.number)
    if let types {
      options.btf = try KernelBTF(bytes: types.bytes)
      options.functionInfo = types.records.map {
        KernelProgram.FunctionInfo(
          slot: UInt32(truncatingIfNeeded: $0.slot), typeID: $0.typeID)
      }
    }
    return try KernelProgram(instructions, options)
  }
}
