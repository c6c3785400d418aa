/// Changes to the chains of a runtime that happen together or not at all.
///
/// ```swift
/// var change = runtime.beginTransaction(note: "strict parsers")
/// try change.set(strictTCP, in: layers, at: 6)
/// try change.set(strictUDP, in: layers, at: 17)
/// try change.clear(layers, at: 1)
/// try change.write([1, 0, 0, 0], for: [0, 0, 0, 0], in: settings)
/// let generation = try change.commit()
/// ```
///
/// Staging checks what can be known at once; ``commit()`` checks the rest, and then publishes a
/// new generation with one store. A run uses the generation that it saw when it started, through
/// all its hops, so it finds either everything or nothing of the change in the slots.
///
/// Values of maps are no part of generations: they are written right before the slots are
/// published. A run that sees the new slots sees the new values; a run that still has the old
/// slots may see them too. What old runs must not see belongs into a map of its own, which only
/// the new programs know.
///
/// A transaction is a value: it can be copied, changed and committed any number of times, and
/// nothing happens when it is dropped. While it exists it refers to its maps as a user does.
public struct ChainTransaction: Sendable {
  /// What to do about slots that somebody else changed since the transaction began.
  public enum ConflictPolicy: Hashable, Sendable {
    /// Throw ``ChainError/conflict(_:)``.
    case fail
    /// The last one wins.
    case overwrite
  }

  /// Whose chains are changed.
  public let runtime: Runtime
  /// The generation that was current when the transaction began.
  public let base: UInt64
  /// What the new generation is called.
  public var note: String
  /// What to do about slots that somebody else changed meanwhile: only those that are staged count.
  public var conflicts: ConflictPolicy

  /// Changes of all slots before the transaction began.
  let baseChange: UInt64
  private(set) var slots: [SlotKey: StagedSlot] = [:]
  private(set) var values: [StagedValue] = []

  init(_ runtime: Runtime, note: String, conflicts: ConflictPolicy) {
    self.runtime = runtime
    self.note = note
    self.conflicts = conflicts
    (base, baseChange) = runtime.chains.rewire { ($0.generation, $0.changes) }
  }

  /// Whether nothing is staged.
  public var isEmpty: Bool { slots.isEmpty && values.isEmpty }

  // MARK: Staging

  /// Stages a program for a slot.
  ///
  /// - Throws: ``ChainError``: no array, no such slot, of another runtime, or a program that no
  ///   array takes.
  public mutating func set(
    _ program: Program, in array: MapHandle, at index: UInt32
  ) throws(ChainError) {
    try stage(program, in: array, at: index)
  }

  /// Stages a slot to be empty; one that is empty already stays so.
  ///
  /// - Throws: ``ChainError``: no array, no such slot, of another runtime.
  public mutating func clear(_ array: MapHandle, at index: UInt32) throws(ChainError) {
    try stage(nil, in: array, at: index)
  }

  /// Stages the program that runs of an entry point start with; `nil` for none.
  ///
  /// - Throws: ``ChainError``: of another runtime.
  public mutating func enter(
    _ entryPoint: EntryPoint, with program: Program?
  ) throws(ChainError) {
    try stage(program, in: entryPoint.slots, at: 0)
  }

  /// Stages a value of a map. Staged values are written in the order of staging.
  ///
  /// - Throws: ``ChainError``: an array of programs, of another runtime, or wrong sizes.
  public mutating func write(
    _ value: [UInt8], for key: [UInt8], in map: MapHandle
  ) throws(ChainError) {
    guard value.count == map.valueByteCount else {
      throw .value(map: map.definition.name, error: .invalid)
    }
    try stage(value, for: key, in: map)
  }

  /// Stages the removal of an element; one that does not exist stays so.
  ///
  /// - Throws: ``ChainError``: an array of programs, of another runtime, or a wrong size.
  public mutating func remove(_ key: [UInt8], from map: MapHandle) throws(ChainError) {
    try stage(nil, for: key, in: map)
  }

  private mutating func stage(
    _ program: Program?, in handle: MapHandle, at index: UInt32
  ) throws(ChainError) {
    let name = handle.definition.name
    guard let array = handle.map as? ProgramArray else { throw .notAnArray(map: name) }
    guard array.chains === runtime.chains else { throw .foreign(name: name) }
    let count = handle.definition.maxEntries
    guard index < count else { throw .noSuchSlot(array: name, index: index, count: count) }
    if let program {
      guard program.registry === runtime.registry else { throw .foreign(name: program.name) }
      guard array.accepts(program) else {
        throw .incompatible(
          program: program.name, array: name, index: index,
          reason: "programs that replace a function cannot be in an array")
      }
    }
    slots[SlotKey(array: handle.id, index: index)] = StagedSlot(
      handle: handle, array: array, index: index, program: program)
  }

  private mutating func stage(
    _ value: [UInt8]?, for key: [UInt8], in map: MapHandle
  ) throws(ChainError) {
    let name = map.definition.name
    guard runtime.registry.contains(map.map) else { throw .foreign(name: name) }
    guard !(map.map is ProgramArray) else { throw .arrayOfPrograms(map: name) }
    guard key.count == Int(map.definition.keySize) else { throw .value(map: name, error: .invalid) }
    values.append(StagedValue(map: map, key: key, value: value))
  }

  // MARK: Publishing

  /// Checks what ``commit()`` would check, and changes nothing. Values are not tried.
  ///
  /// - Returns: What would change.
  /// - Throws: ``ChainError``.
  public func check() throws(ChainError) -> [SlotChange] {
    try prepare().changes
  }

  /// Checks everything and lays the new generation out, so that publishing it takes no time.
  ///
  /// - Throws: ``ChainError``.
  public func prepare() throws(ChainError) -> PreparedTransaction {
    try runtime.chains.prepare(self)
  }

  /// Checks everything, and publishes it as a new generation: all of it, or nothing.
  ///
  /// When it returns, every run that starts later sees the new generation. Other transactions and
  /// plain updates come before or after, never in between.
  ///
  /// - Returns: The new generation.
  /// - Throws: ``ChainError``; nothing has changed then.
  @discardableResult
  public func commit() throws(ChainError) -> Generation {
    try prepare().publish()
  }

  /// The staged slots in order, if all of them can be changed.
  func checkedSlots(_ state: Chains.State) throws(ChainError) -> [StagedSlot] {
    let ordered = slots.values.sorted { ($0.array.id, $0.index) < ($1.array.id, $1.index) }
    var owners: [UInt32: ArrayOwner] = [:]
    for slot in ordered {
      if conflicts == .fail { try slot.checkConflict(self, current: state.generation) }
      try slot.check(&owners)
    }
    return ordered
  }
}

extension Runtime {
  /// Begins a change of any number of slots, entry points and values.
  ///
  /// - Parameters:
  ///   - note: What the new generation is called.
  ///   - conflicts: What to do about staged slots that somebody else changes before the commit.
  public func beginTransaction(
    note: String = "", conflicts: ChainTransaction.ConflictPolicy = .fail
  ) -> ChainTransaction {
    ChainTransaction(self, note: note, conflicts: conflicts)
  }

  /// The current generation.
  public var generation: Generation { chains.rewire { $0.history.current } }

  /// The generations that can be rolled back to, oldest first.
  public var keptGenerations: [Generation] {
    chains.rewire { $0.history.steps.map(\.generation) }
  }

  /// How many replaced generations are kept; their programs live as long.
  public var generationLimit: Int {
    get { chains.rewire { $0.history.limit } }
    set {
      let before = chains.rewire { state in
        defer { state.history.setLimit(newValue) }
        return state.history
      }
      withExtendedLifetime(before) {}
    }
  }

  /// Publishes a new generation in which slots and entry points are what they were when a kept
  /// generation was replaced, plain updates of its time included. Values that transactions have
  /// written since become what those found.
  ///
  /// - Returns: The new generation.
  /// - Throws: ``ChainError/noSuchGeneration(_:kept:)``, or as ``ChainTransaction/commit()``.
  @discardableResult
  public func rollBack(to number: UInt64, note: String? = nil) throws(ChainError) -> Generation {
    try chains.rollBack(to: number, note: note ?? "back to generation \(number)")
  }
}
