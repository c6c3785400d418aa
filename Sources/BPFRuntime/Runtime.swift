/// Maps, programs and CPUs that belong together.
///
/// ```swift
/// let runtime = Runtime()
/// let counts = try runtime.makeMap(
///   MapDefinition(name: "counts", type: .array, keySize: 4, valueSize: 8, maxEntries: 4))
/// let program = try runtime.load(source)
/// let result = try runtime.makeCPU().run(program, in: context)
/// ```
public final class Runtime: Sendable {
  /// How many CPUs there can be: per-CPU maps have that many values per key.
  public let possibleCPUs: Int

  let registry: Registry
  let epochs: Epochs
  let chains: Chains
  let timers = Timers()
  /// Of SYN cookies, unless the environment has one.
  let cookieKey = SYNCookies.Key.random()
  let misses = MissObservers()
  let compiler: ProgramCompiler?

  /// What executes a program. Programs of two engines never share an array of programs
  /// (tail-calls.md R3.3, R6.2).
  public enum Engine: String, Hashable, Sendable, CaseIterable {
    /// A loop over decoded instructions; can test every access.
    case interpreter
    /// Machine code; tests nothing, so only for programs that are known to be safe.
    case compiled
  }

  /// The engine for programs that were verified: compiled code if there is a compiler.
  public var preferredEngine: Engine { compiler == nil ? .interpreter : .compiled }

  /// Makes an empty runtime.
  ///
  /// - Parameters:
  ///   - possibleCPUs: How many CPUs there can be.
  ///   - compiler: What makes compiled programs; without one all programs are interpreted.
  public init(possibleCPUs: Int = 1, compiler: ProgramCompiler? = nil) {
    precondition((1...4096).contains(possibleCPUs), "1 to 4096 CPUs")
    self.possibleCPUs = possibleCPUs
    self.compiler = compiler
    registry = Registry()
    epochs = Epochs()
    chains = Chains(epochs: epochs, registry: registry)
  }

  deinit {
    chains.forgetHistory()
  }

  /// Numbers of the network devices that maps of devices may name and packets be cloned to; others
  /// are refused with EINVAL. The loopback device, 1, unless it is set.
  public var devices: Set<UInt32> {
    get { registry.devices }
    set { registry.devices = newValue }
  }

  /// Creates a map.
  ///
  /// - Parameters:
  ///   - definition: What it shall be like.
  ///   - template: For maps of maps, a map that the inner ones have to be like; it need not live
  ///     longer than the call.
  /// - Throws: EINVAL for sizes or flags that the kind does not take, E2BIG and ENOMEM for sizes
  ///   out of reach, EBADF for a map of maps without a template, ENOTSUPP for kinds that do not
  ///   exist here yet.
  public func makeMap(
    _ definition: MapDefinition, template: MapHandle? = nil
  ) throws(LinuxError) -> MapHandle {
    let map = try MapFactory(
      definition: definition, id: registry.newMapID(), possibleCPUs: possibleCPUs,
      epochs: epochs, chains: chains, registry: registry, template: template?.map
    ).make()
    registry.add(map)
    return MapHandle(map)
  }

  /// A new handle on a map, by number; `nil` when it no longer exists.
  public func map(id: UInt32) -> MapHandle? {
    registry.map(id).map { MapHandle($0) }
  }

  /// A program, by number; `nil` when it no longer exists (R4.22).
  public func program(id: UInt32) -> Program? {
    registry.program(id)
  }

  /// Loads a program: checks its form, resolves its helpers and maps, and makes it the owner of
  /// the arrays of programs that it refers to (tail-calls.md R3.1).
  ///
  /// - Parameters:
  ///   - source: The program.
  ///   - engine: What executes it. Compiled code tests nothing, so a program is only compiled with
  ///     the facts that a verifier found.
  /// - Throws: ``LoadError``. A failed load changes nothing, ownership included.
  public func load(
    _ source: ProgramSource, engine: Engine = .interpreter
  ) throws(LoadError) -> Program {
    guard engine == .interpreter || compiler != nil else { throw .noCompiler }
    guard source.isVerified || (engine == .interpreter && source.facts.isEmpty) else {
      throw .notVerified
    }
    return try load(checked: source, engine)
  }

  func load(
    checked source: ProgramSource, _ engine: Engine
  ) throws(LoadError) -> Program {
    guard source.instructions.count <= Limits.instructions else {
      throw .tooManyInstructions(source.instructions.count)
    }
    let decoded = try DecodedProgram(source)
    var maps: [Map] = []
    var seen: Set<UInt32> = []
    for (_, reference) in source.maps.sorted(by: { $0.key < $1.key }) {
      let map = reference.map.map
      // Its values are for other CPUs, and its programs live by other epochs.
      guard registry.contains(map) else { throw .foreignMap(map.definition.name) }
      if seen.insert(map.id).inserted { maps.append(map) }
    }
    guard maps.count <= Limits.mapsPerProgram else { throw .tooManyMaps(maps.count) }
    let id = registry.newProgramID()
    let image = try image(of: decoded, source, maps, id, engine)
    let code =
      engine == .compiled
      ? try compiler?.compile(
        CompilationUnit(
          decoded, source, maps: maps, programID: id, header: image.header)) : nil
    try claimArrays(among: maps, for: source, engine)
    let program = Program(
      id: id, source: source, maps: maps, image: image, code: code, compiler: compiler,
      registry: registry)
    registry.add(program)
    return program
  }

  private func image(
    of decoded: DecodedProgram, _ source: ProgramSource, _ maps: [Map], _ id: UInt32,
    _ engine: Engine
  ) throws(LoadError) -> ProgramImage {
    do throws(LinuxError) {
      return try ProgramImage(
        decoded, type: source.type, maps: maps, programID: id, cpuCount: possibleCPUs,
        isInterpreted: engine == .interpreter)
    } catch {
      throw .noMemory
    }
  }

  private func claimArrays(
    among maps: [Map], for source: ProgramSource, _ engine: Engine
  ) throws(LoadError) {
    let owner = ArrayOwner(
      type: source.type, traits: source.traits, isCompiled: engine == .compiled, maps: maps,
      overridesReturn: source.overridesReturn)
    let arrays = maps.compactMap { $0 as? ProgramArray }
    // All arrays are checked before one is claimed, so that a load that fails leaves nothing behind
    // (a deviation from tail-calls.md R3.10, on purpose).
    let refused = chains.rewire { state -> ProgramArray? in
      if let refused = arrays.first(where: { !$0.admits(owner) }) { return refused }
      // What was laid out for an array without an owner has to be checked again.
      if !arrays.isEmpty { state.changes += 1 }
      return arrays.first { !$0.claim(owner) }
    }
    if let refused { throw .incompatibleArray(refused.definition.name) }
  }

  /// Makes a CPU that programs run on.
  ///
  /// - Parameter index: Which of the possible CPUs it is. Two CPUs with the same index must not
  ///   run at the same time.
  /// - Throws: EINVAL when there is no such CPU, ENOMEM.
  public func makeCPU(index: Int = 0) throws(LinuxError) -> CPU {
    guard (0..<possibleCPUs).contains(index) else { throw .invalid }
    return try CPU(runtime: self, index: index)
  }
}
