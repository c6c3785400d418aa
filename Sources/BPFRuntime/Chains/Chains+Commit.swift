extension Chains {
  /// What a generation leaves behind: the epochs keep it until no run can be in it.
  private final class Remains: Sendable {
    private let lease: TablePool.Lease?
    private let storages: [SlotStorage]
    private let programs: [Program]

    init(_ lease: TablePool.Lease?, _ storages: [SlotStorage], _ programs: [Program]) {
      self.lease = lease
      self.storages = storages
      self.programs = programs
    }
  }

  /// The outcome of a publication.
  private struct Published {
    var generation: Generation
    var remains: Remains
    /// Programs that only the history kept may go with it, but not inside the lock.
    var history: ChainHistory
  }

  func commit(_ transaction: ChainTransaction) throws(ChainError) -> Generation {
    let published = try rewire { state throws(ChainError) in
      try transaction.check(&state)
      return try publish(
        transaction.orderedSlots, transaction.values, note: transaction.note, &state)
    }
    epochs.retire(published.remains)
    return published.generation
  }

  func rollBack(to number: UInt64, note: String) throws(ChainError) -> Generation {
    let published = try rewire { state throws(ChainError) in
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
      return try publish(slots, values, note: note, &state)
    }
    epochs.retire(published.remains)
    return published.generation
  }

  /// Makes the new generation; what can fail comes before what can be seen.
  private func publish(
    _ slots: [StagedSlot], _ values: [StagedValue], note: String, _ state: inout State
  ) throws(ChainError) -> Published {
    let history = state.history
    let changes = slots.compactMap(\.change)
    let storages = try newStorages(for: slots)
    let before = try write(values)
    let lease: TablePool.Lease?
    do throws(LinuxError) {
      lease = try publish(&state, storages.map { ($0.array.number, $0.storage) })
    } catch {
      for value in before.reversed() { value.restore() }
      throw .noMemory
    }
    let number = state.generation
    state.changes += 1
    var step = ChainHistory.Step(generation: state.history.current)
    var replaced: [Program] = []
    var position = slots.startIndex
    var oldStorages: [SlotStorage] = []
    for (array, storage) in storages {
      let count = slots[position...].prefix { $0.array === array }.count
      let (programs, old) = array.adopt(
        storage, slots[position..<position + count], change: state.changes)
      for (slot, program) in zip(slots[position...], programs) {
        step.slots[SlotKey(array: array.id, index: slot.index)] = .some(program)
        if let program { replaced.append(program) }
      }
      position += count
      oldStorages.append(old)
    }
    for value in before {
      let key = ValueKey(map: value.map.id, key: value.key)
      if step.values[key] == nil { step.values[key] = .some(value.value) }
    }
    let generation = Generation(number: number, note: note, changes: changes)
    state.history.replace(with: generation, step)
    return Published(
      generation: generation, remains: Remains(lease, oldStorages, replaced), history: history)
  }

  /// A copy of the slots of every array that changes, with the changes.
  private func newStorages(
    for slots: [StagedSlot]
  ) throws(ChainError) -> [(array: ProgramArray, storage: SlotStorage)] {
    var storages: [(array: ProgramArray, storage: SlotStorage)] = []
    for slot in slots {
      if storages.last?.array !== slot.array {
        guard let storage = slot.array.copiedStorage() else { throw .noMemory }
        storages.append((slot.array, storage))
      }
      storages.last?.storage[slot.index] = slot.program?.entry ?? 0
    }
    return storages
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
  /// The current slots once more; `nil` without memory.
  func copiedStorage() -> SlotStorage? {
    withState { state in try? SlotStorage(copying: state.storage, filled: state.programs.keys) }
  }

  /// Makes new slots those of the current generation; `slots` say how they differ.
  ///
  /// - Returns: The programs that were in those slots, in order, and the slots of the generation
  ///   that is over.
  func adopt(
    _ storage: SlotStorage, _ slots: ArraySlice<StagedSlot>, change: UInt64
  ) -> ([Program?], SlotStorage) {
    // Nobody else claims inside `rewire`, and `check` has seen that all programs go together.
    for case let program? in slots.map(\.program) { _ = claim(ArrayOwner(program)) }
    return withState { state in
      let programs = slots.map { slot in
        let old = state.programs[slot.index]
        state.programs[slot.index] = slot.program
        state.changedAt[slot.index] = change
        return old
      }
      defer { state.storage = storage }
      return (programs, state.storage)
    }
  }
}
