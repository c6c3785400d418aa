public import BPFObject
public import BPFRuntime
public import BPFVerifier

/// The maps and programs of one object, created and loaded in a runtime.
///
/// ```swift
/// let object = try ObjectFile(bytes: bytes, name: "parser")
/// let collection = try Collection(loading: object, into: runtime)
/// let entry = try collection.program("entry")
/// ```
///
/// Every program is verified before it is loaded. What the verifier accepts is compiled, if the
/// runtime has a compiler.
///
/// The collection holds a handle on every map, so its chains stay as they are while it lives
/// (tail-calls.md R4.18).
public final class Collection: Sendable {
  /// What to do where an object leaves something open.
  public struct Options: Sendable {
    /// The type of programs whose section name says nothing.
    public var defaultKind: ProgramKind?
    /// Types by Linux's number, in place of Linux's own: for embedders and for the conformance
    /// plugin.
    public var types: [UInt32: ProgramType]
    /// What executes the programs; `nil` for the runtime's preferred engine.
    public var engine: Runtime.Engine?
    /// How strict the verifier is.
    public var verifier: VerifierOptions
    /// What becomes of programs that the verifier rejects.
    public var rejectedPrograms: RejectedPrograms
    /// Maps that exist already, by the names of those that they stand for: they keep their
    /// contents, and the object fills no slots of theirs. Global data are always the object's own.
    public var keptMaps: [String: MapHandle] = [:]
    /// Loads programs as they are, unverified: for programs that are known to be safe.
    package var trustsPrograms = false

    /// Makes options.
    public init(
      defaultKind: ProgramKind? = nil, types: [UInt32: ProgramType] = [:],
      engine: Runtime.Engine? = nil, verifier: VerifierOptions = VerifierOptions(),
      rejectedPrograms: RejectedPrograms = .refused
    ) {
      self.defaultKind = defaultKind
      self.types = types
      self.engine = engine
      self.verifier = verifier
      self.rejectedPrograms = rejectedPrograms
    }

    /// What executes the programs in a runtime. Programs of two engines cannot share an array of
    /// programs, so it is one for all of them.
    func engine(in runtime: Runtime) -> Runtime.Engine {
      engine ?? (rejectedPrograms == .interpreted ? .interpreter : runtime.preferredEngine)
    }
  }

  /// What becomes of programs that the verifier rejects.
  public enum RejectedPrograms: Hashable, Sendable {
    /// They are not loaded.
    case refused
    /// They are interpreted, which tests every access; so then is the whole object, unless an
    /// engine is given. With the compiler they are refused all the same.
    case interpreted
  }

  /// A program that was loaded, with what the object says about it.
  public struct LoadedProgram: Sendable {
    /// The object's description, source lines included.
    public let spec: ProgramSpec
    /// The program.
    public let program: Program
    /// What the verifier has against it, where such programs are loaded too.
    public let rejection: VerifierError?
    /// What the verifier found out about its instructions; empty when it found nothing.
    package let facts: [InstructionFacts]
  }

  /// A map that was created, with what the object says about it.
  public struct LoadedMap: Sendable {
    /// The object's description.
    public let spec: MapSpec
    /// The user's handle.
    public let handle: MapHandle
  }

  /// The runtime that everything was loaded into.
  public let runtime: Runtime
  /// The object.
  public let object: ObjectFile
  /// The maps, in the object's order; those that could not be created are missing.
  public let maps: [LoadedMap]
  /// The entry programs, in the object's order; those that could not be loaded are missing.
  public let programs: [LoadedProgram]
  /// Why programs are missing, by name.
  public let refused: [String: CollectionError]

  /// Creates the maps, loads the programs and fills the slots that the object fills.
  ///
  /// A program that cannot be loaded does not stop the others: ``refused`` says why, and
  /// ``program(_:)`` throws that. It does when a slot needs it.
  ///
  /// - Throws: ``CollectionError`` when a map of a known kind cannot be created or a slot not be
  ///   filled.
  public init(
    loading object: ObjectFile, into runtime: Runtime, options: Options = Options()
  ) throws(CollectionError) {
    self.object = object
    self.runtime = runtime
    var loader = CollectionLoader(object: object, runtime: runtime, options: options)
    try loader.createMaps()
    loader.loadPrograms()
    try loader.fillSlots()
    maps = loader.loadedMaps
    programs = loader.programs
    refused = loader.refused
  }

  /// The program with a name.
  ///
  /// - Throws: ``CollectionError``: why it could not be loaded, or that there is none.
  public func program(_ name: String) throws(CollectionError) -> LoadedProgram {
    if let found = programs.first(where: { $0.spec.name == name }) { return found }
    if let error = refused[name] { throw error }
    let names = programs.map(\.spec.name) + refused.keys.sorted()
    throw CollectionError(code: .noSuchProgram, subject: name, reason: "has \(list(names))")
  }

  /// The map with a name: the object's, or the one that Linux shows under libbpf.
  ///
  /// - Throws: ``CollectionError`` when there is none.
  public func map(_ name: String) throws(CollectionError) -> LoadedMap {
    if let found = maps.first(where: { $0.spec.name == name || $0.spec.kernelName == name }) {
      return found
    }
    throw CollectionError(
      code: .noSuchMap, subject: name, reason: "has \(list(maps.map(\.spec.name)))")
  }

  private func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.joined(separator: ", ")
  }
}
