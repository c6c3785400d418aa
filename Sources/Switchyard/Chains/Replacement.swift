public import BPFObject
public import BPFRuntime

/// A new build of an object that is loaded beside the old one and can take its place.
///
/// ```swift
/// let replacement = try old.replacement(by: newObject, entryPoints: [ingress])
/// try replacement.commit()
/// try await runtime.waitForRuns()
/// // ... and if the new one misbehaves:
/// try replacement.rollBack()
/// ```
///
/// Maps are kept by their names, arrays of programs among them; global data are the new build's
/// own. Slots and entry points that hold a program of the old build get the one of the same name,
/// all in one transaction. Both collections stay as long as somebody refers to them.
public final class Replacement: Sendable {
  /// The build that is replaced.
  public let old: Collection
  /// The build that takes its place.
  public let new: Collection
  private let staged: ChainTransaction

  init(_ old: Collection, _ new: Collection, _ staged: ChainTransaction) {
    self.old = old
    self.new = new
    self.staged = staged
  }

  /// What the chains would become: slots, entry points and whatever is staged besides. Change a
  /// copy and commit that, to add to it.
  public var transaction: ChainTransaction { staged }

  /// Puts the new build into its place, in one transaction.
  ///
  /// - Returns: The new generation.
  /// - Throws: ``ChainError``; nothing has changed then.
  @discardableResult
  public func commit() throws(ChainError) -> Generation { try staged.commit() }

  /// Puts the old build back, with the slots that it had when the transaction began.
  ///
  /// - Returns: The new generation.
  /// - Throws: ``ChainError``, as when the generation is not kept any more.
  @discardableResult
  public func rollBack() throws(ChainError) -> Generation {
    try old.runtime.rollBack(to: staged.base, note: "back from \(new.object.name)")
  }
}

extension Collection {
  /// Copies what a new map shall have of an old one.
  public typealias Migration = (_ old: MapHandle, _ new: MapHandle) throws(LinuxError) -> Void

  /// Loads a new build of the object beside this one, without changing the chains yet.
  ///
  /// - Parameters:
  ///   - object: The new build.
  ///   - options: How it is loaded; the engine has to be the old one's where arrays are kept.
  ///   - fresh: Maps that are made anew although there is one of the same name.
  ///   - migrations: By name, maps that are made anew and filled from the old ones.
  ///   - entryPoints: Entry points that hold programs of this collection.
  /// - Throws: ``CollectionError``: as when loading; or a map of the same name has another layout,
  ///   and the error names the difference.
  public func replacement(
    by object: ObjectFile, options: Options = Options(), fresh: Set<String> = [],
    migrations: [String: Migration] = [:], entryPoints: [EntryPoint] = []
  ) throws(CollectionError) -> Replacement {
    var options = options
    for map in maps where map.spec.initialValue == nil && !fresh.contains(map.spec.name) {
      guard migrations[map.spec.name] == nil else { continue }
      options.keptMaps[map.spec.name] = map.handle
    }
    let new = try Collection(loading: object, into: runtime, options: options)
    for (name, migrate) in migrations.sorted(by: { $0.key < $1.key }) {
      let (from, to) = (try map(name).handle, try new.map(name).handle)
      do throws(LinuxError) {
        try migrate(from, to)
      } catch {
        throw CollectionError(code: .map, subject: name, reason: "cannot be migrated: \(error)")
      }
    }
    return Replacement(self, new, try transaction(to: new, options.keptMaps, entryPoints))
  }

  private func transaction(
    to new: Collection, _ kept: [String: MapHandle], _ entryPoints: [EntryPoint]
  ) throws(CollectionError) -> ChainTransaction {
    var change = runtime.beginTransaction(note: "replace \(object.name) by \(new.object.name)")
    let mine = Set(programs.map(\.program.id))
    let successors = Dictionary(
      new.programs.map { ($0.spec.name, $0.program) }, uniquingKeysWith: { first, _ in first })
    do throws(ChainError) {
      for map in new.maps where map.spec.isProgramArray && kept[map.spec.name] != nil {
        var wanted = new.object.initialPrograms(of: map.spec)
        for (index, program) in map.handle.programs {
          let initial = wanted.removeValue(forKey: index)
          guard mine.contains(program.id) else { continue }
          if let next = successors[program.name] ?? initial.flatMap({ successors[$0] }) {
            try change.set(next, in: map.handle, at: index)
          } else {
            try change.clear(map.handle, at: index)
          }
        }
        // What somebody emptied by hand stays empty; what the old build did not have is filled.
        let before = maps.first { $0.spec.name == map.spec.name }
        let had = before.map { object.initialPrograms(of: $0.spec) } ?? [:]
        for (index, name) in wanted where had[index] == nil {
          if let program = successors[name] { try change.set(program, in: map.handle, at: index) }
        }
      }
      for entryPoint in entryPoints {
        guard let program = entryPoint.program, mine.contains(program.id) else { continue }
        try change.enter(entryPoint, with: successors[program.name])
      }
      return change
    } catch {
      throw CollectionError(code: .slot, subject: new.object.name, reason: "\(error)")
    }
  }
}

extension ObjectFile {
  /// The names of the programs that an array begins with, by slot.
  func initialPrograms(of map: MapSpec) -> [UInt32: String] {
    var names = map.initialSlots.compactMapValues { value -> String? in
      guard case .program(let name) = value else { return nil }
      return name
    }
    for program in programs {
      for tail in program.tailSlots where tail.array == map.name {
        names[tail.slot] = program.name
      }
    }
    return names
  }
}

extension MapDefinition {
  /// How a map that is kept differs from the one that a new build describes; `nil` when they agree.
  func difference(from new: MapDefinition) -> String? {
    if type != new.type { return "it is of type \(type), the new build's of type \(new.type)" }
    let sizes: [(String, UInt32, UInt32)] = [
      ("key", keySize, new.keySize), ("value", valueSize, new.valueSize),
    ]
    for (what, mine, theirs) in sizes where mine != theirs {
      return "its \(what)s have \(mine) bytes, the new build's have \(theirs)"
    }
    if maxEntries != new.maxEntries {
      return "it has room for \(maxEntries) entries, the new build's for \(new.maxEntries)"
    }
    if lockOffset != new.lockOffset { return "its values have their lock in another place" }
    if timerOffset != new.timerOffset { return "its values have their timer in another place" }
    return flags == new.flags
      ? nil : "its flags are \(flags.rawValue), the new build's are \(new.flags.rawValue)"
  }
}
