import BPFInstructions
public import BPFObject
public import BPFRuntime

/// The maps and programs of one object, created and loaded in a runtime.
///
/// ```swift
/// let object = try ObjectFile(bytes: bytes, name: "parser")
/// let collection = try Collection(loading: object, into: runtime)
/// let entry = try collection.program("entry")
/// ```
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
    /// What executes the programs.
    public var engine: Runtime.Engine

    /// Makes options.
    public init(
      defaultKind: ProgramKind? = nil, types: [UInt32: ProgramType] = [:],
      engine: Runtime.Engine = .interpreter
    ) {
      self.defaultKind = defaultKind
      self.types = types
      self.engine = engine
    }
  }

  /// A program that was loaded, with what the object says about it.
  public struct LoadedProgram: Sendable {
    /// The object's description, source lines included.
    public let spec: ProgramSpec
    /// The program.
    public let program: Program
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

/// Why an object cannot be loaded into a runtime.
public struct CollectionError: Error, Hashable, Sendable {
  /// What kind of problem it is.
  public var code: Code
  /// The map or program that it is about.
  public var subject: String
  /// What is wrong, in words.
  public var reason: String
  /// The source line that it comes from, if the object says.
  public var line: LineInfo?

  /// Kinds of problems.
  public enum Code: Hashable, Sendable {
    /// The object's program cannot be linked.
    case link
    /// The map cannot be created or filled.
    case map
    /// The program was refused by the runtime.
    case load
    /// The type of the program is unknown, or cannot run outside Linux.
    case programType
    /// The slot cannot be filled.
    case slot
    /// There is no program of this name.
    case noSuchProgram
    /// There is no map of this name.
    case noSuchMap
  }

  /// Makes an error.
  public init(code: Code, subject: String, reason: String, line: LineInfo? = nil) {
    self.code = code
    self.subject = subject
    self.reason = reason
    self.line = line
  }
}

extension CollectionError: CustomStringConvertible {
  /// One line: what, why and where in the source.
  public var description: String {
    let place = line.map { " (\($0.file):\($0.line))" } ?? ""
    switch code {
    case .link: return "program \(subject) cannot be linked: \(reason)\(place)"
    case .map: return "map \(subject): \(reason)"
    case .load: return "program \(subject): \(reason)\(place)"
    case .programType: return "program \(subject): \(reason)"
    case .slot: return "\(subject): \(reason)"
    case .noSuchProgram: return "there is no program \(subject); the object \(reason)"
    case .noSuchMap: return "there is no map \(subject); the object \(reason)"
    }
  }
}
