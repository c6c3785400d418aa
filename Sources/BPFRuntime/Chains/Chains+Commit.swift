extension Chains {
  /// What a generation leaves behind: the epochs keep it until no run can be in it.
  private final class Remains: Sendable {
    private let lease: TablePool.Lease?
    private let arrays: [ProgramArray.State]
    // Only the history may have kept these, and they must not go inside the lock.
    private let history: ChainHistory
    private let layout: GenerationLayout

    init(
      _ lease: TablePool.Lease?, _ arrays: [ProgramArray.State], _ history: ChainHistory,
      _ layout: GenerationLayout
    ) {
      self.lease = lease
      self.arrays = arrays
      self.history = history
      self.layout = layout
    }
  }

  func prepare(_ transaction: ChainTransaction) throws(ChainError) -> PreparedTransaction {
    try rewire { state throws(ChainError) in
      PreparedTransaction(
        transaction: transaction, layout: try layout(of: transaction, after: &state))
    }
  }

  func publish(_ prepared: PreparedTransaction) throws(ChainError) -> Generation {
    let transaction = prepared.transaction
    let (generation, remains) = try rewire { state throws(ChainError) in
      var layout = prepared.layout
      if layout.changeCount != state.changes || layout.arrays.contains(where: \.array.isFrozen) {
        layout = try self.layout(of: transaction, after: &state)
      }
      return try publish(layout, transaction.values, note: transaction.note, &state)
    }
    epochs.retire(remains)
    return generation
  }

  func rollBack(to number: UInt64, note: String) throws(ChainError) -> Generation {
    let (generation, remains) = try rewire { state throws(ChainError) in
      guard let way = state.history.way(backTo: number) else {
        throw ChainError.noSuchGeneration(
          number, kept: state.history.steps.map(\.generation.number))
      }
      // Arrays and maps that are gone need no rolling back.
      let slots = way.slots.compactMap { key, program in
        (registry.map(key.array) as? ProgramArray).map {
          StagedSlot(handle: nil, array: $0, index: key.index, program: program)
        }
      }.sorted { ($0.array.id, $0.index) < ($1.array.id, $1.index) }
      let values = way.values.compactMap { key, value in
        registry.map(key.map).map { StagedValue(map: MapHandle($0), key: key.key, value: value) }
      }
      var owners: [UInt32: ArrayOwner] = [:]
      for slot in slots { try slot.check(&owners) }
      let layout = try GenerationLayout(slots, lease(), after: state)
      return try publish(layout, values, note: note, &state)
    }
    epochs.retire(remains)
    return generation
  }

  private func layout(
    of transaction: ChainTransaction, after state: inout State
  ) throws(ChainError) -> GenerationLayout {
    let slots = try transaction.checkedSlots(state)
    return try GenerationLayout(slots, lease(), after: state)
  }

  private func lease() throws(ChainError) -> TablePool.Lease {
    do throws(LinuxError) {
      return try pool.take()
    } catch {
      throw .noMemory
    }
  }

  /// Makes the new generation current; what can fail comes before what can be seen.
  private func publish(
    _ layout: GenerationLayout, _ values: [StagedValue], note: String, _ state: inout State
  ) throws(ChainError) -> (Generation, Remains) {
    let before = try write(values)
    let (history, lease) = (state.history, state.current)
    state.current = layout.lease
    epochs.publish(layout.lease.table)
    state.changes += 1
    let arrays = layout.arrays.map { $0.array.adopt($0) }
    var step = ChainHistory.Step(generation: state.history.current, slots: layout.before)
    for value in before {
      let key = ValueKey(map: value.map.id, key: value.key)
      if step.values[key] == nil { step.values[key] = .some(value.value) }
    }
    let generation = Generation(
      number: state.generation, note: note, changes: layout.slotChanges)
    state.history.replace(with: generation, step)
    return (generation, Remains(lease, arrays, history, layout))
  }

  /// Writes values; all of them, or none.
  private func write(_ values: [StagedValue]) throws(ChainError) -> [StagedValue] {
    var before: [StagedValue] = []
    for value in values {
      do throws(ChainError) {
        before.append(try value.write())
      } catch {
        for value in before.reversed() { value.restore() }
        throw error
      }
    }
    return before
  }
}

extension ProgramArray {
  /// Takes over the slots of a generation that was just published; `Chains.rewire` is held.
  ///
  /// - Returns: What it had before.
  func adopt(_ change: GenerationLayout.Change) -> State {
    withState { state in
      let before = state
      state.programs = change.programs
      state.changedAt = change.changedAt
      state.storage = change.storage
      if state.owner == nil { state.owner = change.candidate }
      return before
    }
  }
}
