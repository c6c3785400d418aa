/// A named place where runs begin: which program they start with is part of the generation.
///
/// A hook that runs a ``Program`` directly decides by itself when to change over. One that runs an
/// entry point lets a transaction decide: the first program and all that it can reach change
/// together.
///
/// ```swift
/// let ingress = try runtime.makeEntryPoint(named: "ingress", type: .xdp)
/// try ingress.set(entry)
/// let result = try cpu.run(ingress, in: context)
/// ```
public final class EntryPoint: Sendable {
  /// Its name, which changes and conflicts are reported under.
  public let name: String
  /// What its programs get and may return.
  public let type: ProgramType
  /// What executes its programs.
  public let engine: Runtime.Engine
  /// The program is in the only slot of an array that no program refers to.
  let slots: MapHandle
  let tableOffset: UInt64
  let enter: ProgramCompiler.EnterFunction?
  /// The same for batches.
  let enterBatch: ProgramCompiler.EnterBatchFunction?
  /// As ``Program/home``.
  let home: ObjectIdentifier
  /// As ``Program/contextAccess``.
  let contextAccess: ContextAccessTable
  /// Tells runtimes apart.
  let registry: Registry

  init(
    name: String, type: ProgramType, engine: Runtime.Engine, array: ProgramArray,
    entrance: ProgramCompiler.Entrance?, registry: Registry
  ) {
    self.name = name
    self.type = type
    self.engine = engine
    slots = MapHandle(array)
    tableOffset = array.tableOffset
    enter = entrance?.enter
    enterBatch = entrance?.enterBatch
    contextAccess = type.context.access
    home = entrance == nil ? ObjectIdentifier(contextAccess) : ObjectIdentifier(registry)
    self.registry = registry
  }

  /// The program that later runs start with.
  public var program: Program? { slots.program(at: 0) }

  /// Makes a program the one that later runs start with, without a transaction.
  ///
  /// - Throws: ``ChainError`` when the program is of another kind or runtime.
  public func set(_ program: Program) throws(ChainError) {
    do throws(LinuxError) {
      try slots.setProgram(program, at: 0)
    } catch {
      let candidate = ArrayOwner(program)
      let owner = (slots.map as? ProgramArray)?.owner
      guard let reason = owner?.refusal(of: candidate) else { throw .foreign(name: program.name) }
      throw .incompatible(program: program.name, array: name, index: 0, reason: reason)
    }
  }

  /// Leaves later runs without a program.
  public func clear() {
    try? slots.delete([0, 0, 0, 0])
  }

  /// Where a run that holds a generation's table begins; 0 for no program.
  @inline(__always)
  func entry(inTableAt table: UInt64) -> UInt64 {
    GenerationTable.firstEntry(inTableAt: table, offset: tableOffset)
  }
}

extension Runtime {
  /// Makes an entry point without a program.
  ///
  /// - Parameters:
  ///   - name: What it is called in changes and conflicts.
  ///   - type: The type of its programs.
  ///   - traits: What else they have in common.
  ///   - engine: What executes them.
  /// - Throws: ENOMEM, or EINVAL for compiled programs without a compiler.
  public func makeEntryPoint(
    named name: String, type: ProgramType, traits: ProgramTraits = ProgramTraits(),
    engine: Engine = .interpreter
  ) throws(LinuxError) -> EntryPoint {
    let isCompiled = engine == .compiled
    guard !isCompiled || compiler != nil else { throw .invalid }
    let slots = try makeMap(
      MapDefinition(name: name, type: .programArray, keySize: 4, valueSize: 4, maxEntries: 1))
    guard let array = slots.map as? ProgramArray else { throw .invalid }
    _ = array.claim(
      ArrayOwner(type: type, traits: traits, isCompiled: isCompiled, isEntryPoint: true))
    return EntryPoint(
      name: name, type: type, engine: engine, array: array,
      entrance: isCompiled ? compiler?.entrance : nil, registry: registry)
  }
}
