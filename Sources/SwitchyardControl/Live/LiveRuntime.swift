public import Switchyard
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A runtime that others may look into and change while packets go through it: what a control
/// server serves.
///
/// Every change of the chain, be it one slot or all of them, is a transaction that makes a new
/// generation. With a state directory each generation is on the disk before it is published, so
/// that the next start finds the old chain or the new one.
public final class LiveRuntime: Sendable {
  /// What to do where the object leaves something open.
  public struct Options: Sendable {
    /// The directory that generations, objects and pins are kept in; `nil` keeps nothing.
    public var statePath: String?
    /// How objects are loaded.
    public var collection: Collection.Options
    /// The type of programs whose section names none, as it was given.
    public var typeName: String?
    /// How many generations can be gone back to.
    public var generationLimit: Int

    /// Makes options.
    public init(
      statePath: String? = nil, collection: Collection.Options = Collection.Options(),
      typeName: String? = nil, generationLimit: Int = 16
    ) {
      self.statePath = statePath
      self.collection = collection
      self.typeName = typeName
      self.generationLimit = generationLimit
    }
  }

  /// The maps and programs.
  public let runtime: Runtime
  /// Where packets enter.
  public let entryPoint: EntryPoint

  let samples: MissSamples
  let options: Options
  let store: StateStore?
  let state: Mutex<State>

  /// What only the holder of the lock may look at.
  struct State: Sendable {
    var objects: [UInt32: LoadedObject] = [:]
    var lastObject: UInt32 = 0
    var current: StoredGeneration
    /// What can be gone back to, oldest first.
    var earlier: [StoredGeneration] = []
    /// The runtime's numbers of generations that were made here.
    var runtimeNumbers: [UInt64: UInt64] = [:]
    var pins: [String: StoredPin] = [:]
    /// What the start found.
    var found: [String] = []
    /// Misses of programs that are gone.
    var goneMisses = TailCallCounts()
  }

  /// An object that is loaded.
  struct LoadedObject: Sendable {
    var name: String
    var collection: Collection
  }

  /// Loads an object and makes one of its programs the entry; with a state directory that holds a
  /// chain already, goes on with that.
  ///
  /// - Parameters:
  ///   - runtime: An empty runtime.
  ///   - object: The object's bytes, and what to call it. Not needed if there is a state to go on
  ///     with.
  ///   - program: The program that packets enter through.
  public init(
    runtime: Runtime, object: (bytes: [UInt8], name: String)?, program: String?,
    options: Options = Options()
  ) throws(ControlError) {
    self.runtime = runtime
    self.options = options
    store = if let path = options.statePath { try StateStore(path: path) } else { nil }
    let recovered = try store?.recover()
    var starter = Starter(runtime: runtime, options: options, store: store)
    if let recovered, let current = recovered.current {
      try starter.goOn(with: recovered, current: current)
    } else {
      guard let object else {
        throw ControlError(.usage, "no object is given, and there is no state to go on with")
      }
      try starter.begin(with: object.bytes, named: object.name, program: program)
      starter.state.found = recovered?.remarks ?? []
    }
    guard let entryPoint = starter.entryPoint else {
      throw ControlError(.unavailable, "the chain has no entry")
    }
    self.entryPoint = entryPoint
    samples = MissSamples(runtime)
    state = Mutex(starter.state)
  }

  /// Calls `body` while nobody else changes anything.
  func locked<Result>(
    _ body: (inout State) throws(ControlError) -> Result
  ) throws(ControlError) -> Result {
    var result: Swift.Result<Result, ControlError>?
    state.withLock { state in
      do throws(ControlError) {
        result = .success(try body(&state))
      } catch {
        result = .failure(error)
      }
    }
    guard let result else { preconditionFailure("the body has run") }
    return try result.get()
  }

  /// Seconds since 1970.
  static var now: Int { time(nil) }
}

extension LiveRuntime.State {
  /// A program of an object.
  func program(_ stored: StoredProgram) throws(ControlError) -> Program {
    let programs = objects[stored.object]?.collection.programs ?? []
    guard let found = programs.first(where: { $0.spec.name == stored.name }) else {
      throw ControlError(.notFound, "object \(stored.object) has no program \(stored.name)")
    }
    return found.program
  }

  /// What a program is called for good.
  func stored(_ program: Program) throws(ControlError) -> StoredProgram {
    for (number, object) in objects {
      for loaded in object.collection.programs where loaded.program === program {
        return StoredProgram(object: number, name: loaded.spec.name)
      }
    }
    throw ControlError(.notFound, "program \(program.name) belongs to no object")
  }

  /// All maps, each once, by number.
  var maps: [MapHandle] {
    var seen: Set<UInt32> = []
    return objects.sorted { $0.key < $1.key }.flatMap { $0.value.collection.maps.map(\.handle) }
      .filter { seen.insert($0.id).inserted }
      .sorted { $0.id < $1.id }
  }

  /// The arrays of programs.
  var arrays: [MapHandle] { maps.filter { $0.definition.type == .programArray } }

  /// The array with a name.
  func array(_ name: String) throws(ControlError) -> MapHandle {
    let found = arrays.filter { $0.definition.name == name }
    guard let array = found.first else {
      let names = arrays.map(\.definition.name).joined(separator: ", ")
      throw ControlError(.notFound, "there is no array of programs \(name); there are: \(names)")
    }
    return array
  }

  /// The map with a name.
  func map(named name: String) throws(ControlError) -> MapHandle {
    let found = maps.filter { $0.definition.name == name }
    guard let map = found.first else {
      let names = maps.map(\.definition.name).joined(separator: ", ")
      throw ControlError(.notFound, "there is no map \(name); there are: \(names)")
    }
    guard found.count == 1 else {
      let ids = found.map { "\($0.id)" }.joined(separator: ", ")
      throw ControlError(.usage, "several maps are called \(name); name one by id: \(ids)")
    }
    return map
  }

  /// The map that a selector names.
  func map(_ selector: ObjectSelector) throws(ControlError) -> MapHandle {
    switch selector {
    case .id(let id):
      guard let map = maps.first(where: { $0.id == id }) else {
        throw ControlError(.notFound, "there is no map with id \(id)")
      }
      return map
    case .name(let name): return try map(named: name)
    case .pinned(let path):
      guard case .map(let name) = try pin(path).target else {
        throw ControlError(.usage, "pin \(path) is no map")
      }
      return try map(named: name)
    }
  }

  /// The program that a selector names.
  func program(_ selector: ObjectSelector) throws(ControlError) -> Program {
    let all = objects.sorted { $0.key < $1.key }.flatMap(\.value.collection.programs)
    switch selector {
    case .id(let id):
      guard let found = all.first(where: { $0.program.id == id }) else {
        throw ControlError(.notFound, "there is no program with id \(id)")
      }
      return found.program
    case .name(let name):
      let found = all.filter { $0.spec.name == name }
      guard let first = found.first else {
        throw ControlError(.notFound, "there is no program \(name)")
      }
      guard found.count == 1 else {
        let ids = found.map { "\($0.program.id)" }.joined(separator: ", ")
        throw ControlError(.usage, "several programs are called \(name); name one by id: \(ids)")
      }
      return first.program
    case .pinned(let path):
      guard case .program(let stored) = try pin(path).target else {
        throw ControlError(.usage, "pin \(path) is no program")
      }
      return try program(stored)
    }
  }

  func pin(_ path: String) throws(ControlError) -> StoredPin {
    guard let pin = pins[path] else {
      throw ControlError(.notFound, "nothing is pinned as \(path)")
    }
    return pin
  }
}
