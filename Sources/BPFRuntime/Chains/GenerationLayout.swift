/// A generation that is laid out and only has to be published: table, slots, and what user space
/// will know of them.
struct GenerationLayout: Sendable {
  /// What an array becomes.
  struct Change: Sendable {
    let array: ProgramArray
    var programs: [UInt32: Program]
    var changedAt: [UInt32: UInt64]
    let storage: SlotStorage
    /// The owner that the array gets if it has none.
    var candidate: ArrayOwner?
  }

  /// All changes of slots and owners when it was laid out: another one makes it worthless.
  let changeCount: UInt64
  let lease: TablePool.Lease
  private(set) var arrays: [Change] = []
  private(set) var slotChanges: [SlotChange] = []
  /// What was in the slots that change.
  private(set) var before: [SlotKey: Program?] = [:]

  /// - Parameter slots: Checked, in the order of their arrays.
  init(
    _ slots: [StagedSlot], _ lease: TablePool.Lease, after state: Chains.State
  ) throws(ChainError) {
    self.lease = lease
    changeCount = state.changes
    let change = state.changes + 1
    before.reserveCapacity(slots.count)
    for slot in slots {
      if arrays.last?.array !== slot.array { arrays.append(try Self.copy(slot.array)) }
      let last = arrays.count - 1
      let old = arrays[last].programs[slot.index]
      before[SlotKey(array: slot.array.id, index: slot.index)] = .some(old)
      if let change = slot.change(from: old) { slotChanges.append(change) }
      arrays[last].programs[slot.index] = slot.program
      arrays[last].changedAt[slot.index] = change
      arrays[last].storage[slot.index] = slot.program?.entry ?? 0
      if let program = slot.program, arrays[last].candidate == nil {
        arrays[last].candidate = ArrayOwner(program)
      }
    }
    let table = lease.table
    if let current = state.current?.table {
      for number in 1..<state.used { table[number] = current[number] }
    }
    for change in arrays { table[change.array.number] = change.storage.address }
    table.generation = state.generation + 1
  }

  private static func copy(_ array: ProgramArray) throws(ChainError) -> Change {
    let change = array.withState { state -> Change? in
      guard let storage = try? SlotStorage(copying: state.storage, filled: state.programs.keys)
      else { return nil }
      return Change(
        array: array, programs: state.programs, changedAt: state.changedAt, storage: storage)
    }
    guard let change else { throw .noMemory }
    return change
  }
}

/// A transaction that was checked and laid out beforehand, so that publishing it is a matter of
/// one store and a few words.
///
/// Whoever has to change over at a certain moment prepares early. If slots change between, it is
/// checked and laid out again when it is published.
public struct PreparedTransaction: Sendable {
  let transaction: ChainTransaction
  let layout: GenerationLayout

  /// What would change.
  public var changes: [SlotChange] { layout.slotChanges }

  /// Publishes the new generation: all of it, or nothing; see ``ChainTransaction/commit()``.
  ///
  /// - Returns: The new generation.
  /// - Throws: ``ChainError``; nothing has changed then.
  @discardableResult
  public func publish() throws(ChainError) -> Generation {
    try transaction.runtime.chains.publish(self)
  }
}
