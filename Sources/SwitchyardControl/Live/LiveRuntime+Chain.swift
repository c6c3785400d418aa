import Switchyard
import Synchronization

extension LiveRuntime {
  // MARK: Looking

  /// The chain as it is.
  public func chain() throws(ControlError) -> ChainDocument {
    try locked { state throws(ControlError) in
      var arrays: [ChainDocument.Array] = []
      for array in state.arrays {
        var slots: [ChainDocument.Slot] = []
        for slot in array.programs {
          slots.append(.init(index: slot.index, program: try state.named(slot.program)))
        }
        arrays.append(
          .init(
            name: array.definition.name, id: array.id, size: array.definition.maxEntries,
            slots: slots))
      }
      let entry = try state.program(state.current.entry)
      return ChainDocument(
        generation: state.current.number, entry: try state.named(entry), arrays: arrays)
    }
  }

  /// The generations that can be gone back to.
  public func history() -> HistoryDocument {
    state.withLock { state in
      HistoryDocument(
        current: state.current.number,
        generations: (state.earlier + [state.current]).reversed().map { generation in
          .init(
            generation: generation.number, time: generation.time, note: generation.note,
            slots: generation.slotCount)
        })
    }
  }

  // MARK: Changing

  /// What changes would do.
  public func plan(_ changes: ChangesDocument) throws(ControlError) -> PlanDocument {
    try locked { state throws(ControlError) in
      let staged = try stage(changes, in: state)
      do throws(ChainError) {
        _ = try staged.transaction.check()
      } catch {
        throw ControlError(error)
      }
      return PlanDocument(base: state.current.number, generation: nil, steps: staged.steps)
    }
  }

  /// Makes changes: all of them or none.
  public func apply(_ changes: ChangesDocument) throws(ControlError) -> PlanDocument {
    try locked { state throws(ControlError) in
      let base = state.current.number
      let staged = try stage(changes, in: state)
      guard !staged.steps.isEmpty else {
        return PlanDocument(base: base, generation: base, steps: [])
      }
      try publish(staged, in: &state)
      return PlanDocument(base: base, generation: state.current.number, steps: staged.steps)
    }
  }

  /// Makes the chain what it was in a generation.
  ///
  /// - Parameter number: The generation; `nil` for the one before the current.
  public func rollBack(to number: UInt64?) throws(ControlError) -> PlanDocument {
    try locked { state throws(ControlError) in
      let base = state.current.number
      let target =
        number.map { number in state.earlier.first { $0.number == number } }
        ?? state.earlier.last
      guard let target else {
        let kept = state.earlier.map { "\($0.number)" }.joined(separator: ", ")
        throw ControlError(
          .notFound,
          kept.isEmpty
            ? "there is no generation to go back to"
            : "generation \(number ?? 0) is not kept; kept: \(kept)")
      }
      let staged = try stage(wayBack(to: target, in: state), in: state)
      if let runtimeNumber = state.runtimeNumbers[target.number] {
        try publish(staged, in: &state) { [runtime] () throws(ChainError) in
          try runtime.rollBack(to: runtimeNumber)
        }
      } else {
        try publish(staged, in: &state)
      }
      return PlanDocument(base: base, generation: state.current.number, steps: staged.steps)
    }
  }

  private func wayBack(
    to target: StoredGeneration, in state: State
  ) throws(ControlError) -> ChangesDocument {
    var changes = ChangesDocument(note: "back to generation \(target.number)")
    changes.entry = .id(try state.program(target.entry).id)
    for array in state.arrays {
      let name = array.definition.name
      let wanted = Dictionary(
        (target.arrays[name] ?? []).map { ($0.index, $0.program) },
        uniquingKeysWith: { first, _ in first })
      for slot in array.programs where wanted[slot.index] == nil {
        changes.slots.append(.init(array: name, index: slot.index, program: nil))
      }
      for (index, stored) in wanted.sorted(by: { $0.key < $1.key }) {
        let program = try state.program(stored)
        changes.slots.append(.init(array: name, index: index, program: .id(program.id)))
      }
    }
    return changes
  }

  // MARK: Staging

  /// Changes that were looked up and checked one by one.
  private struct Staged {
    var transaction: ChainTransaction
    var steps: [PlanDocument.Step] = []
    var next: StoredGeneration
  }

  private func stage(
    _ changes: ChangesDocument, in state: State
  ) throws(ControlError) -> Staged {
    var next = state.current
    next.number += 1
    next.time = Self.now
    next.note = changes.note ?? ""
    var staged = Staged(
      transaction: runtime.beginTransaction(note: next.note, conflicts: .overwrite), next: next)
    let base = try baseGeneration(changes, in: state)
    for element in changes.elements { try stage(element, in: state, &staged) }
    for slot in changes.slots { try stage(slot, base: base, in: state, &staged) }
    if let entry = changes.entry { try stage(entry: entry, base: base, in: state, &staged) }
    return staged
  }

  private func baseGeneration(
    _ changes: ChangesDocument, in state: State
  ) throws(ControlError) -> StoredGeneration? {
    guard let base = changes.base, base != state.current.number else { return nil }
    guard let found = state.earlier.first(where: { $0.number == base }) else {
      throw ControlError(
        .conflict,
        "the changes are for generation \(base), which is not kept; current is"
          + " \(state.current.number)")
    }
    return found
  }

  private func stage(
    _ slot: ChangesDocument.Slot, base: StoredGeneration?, in state: State, _ staged: inout Staged
  ) throws(ControlError) {
    let array = try state.array(slot.array)
    let program: Program? =
      if let selector = slot.program { try state.program(selector) } else { nil }
    do throws(ChainError) {
      if let program {
        try staged.transaction.set(program, in: array, at: slot.index)
      } else {
        try staged.transaction.clear(array, at: slot.index)
      }
    } catch {
      throw ControlError(error)
    }
    let place = "\(slot.array)[\(slot.index)]"
    let old = state.current.program(in: slot.array, at: slot.index)
    if let base, base.program(in: slot.array, at: slot.index) != old {
      throw conflict(place, base, old, state)
    }
    let new = try program.map { program throws(ControlError) in try state.stored(program) }
    staged.next.set(new, in: slot.array, at: slot.index)
    if old != new {
      staged.steps.append(.init(place: place, old: old?.description, new: new?.description))
    }
  }

  private func stage(
    entry selector: ObjectSelector, base: StoredGeneration?, in state: State,
    _ staged: inout Staged
  ) throws(ControlError) {
    let program = try state.program(selector)
    do throws(ChainError) {
      try staged.transaction.enter(entryPoint, with: program)
    } catch {
      throw ControlError(error)
    }
    let old = state.current.entry
    if let base, base.entry != old { throw conflict("entry", base, old, state) }
    let new = try state.stored(program)
    staged.next.entry = new
    if old != new {
      staged.steps.append(.init(place: "entry", old: old.description, new: new.description))
    }
  }

  private func stage(
    _ element: ChangesDocument.Element, in state: State, _ staged: inout Staged
  ) throws(ControlError) {
    let map = try state.map(named: element.map)
    do throws(ChainError) {
      try staged.transaction.write(element.value, for: element.key, in: map)
    } catch {
      throw ControlError(error)
    }
    let old = try? map.lookup(element.key)
    guard old != element.value else { return }
    staged.steps.append(
      .init(
        place: "\(element.map)[\(element.key.hexadecimal)]", old: old?.hexadecimal,
        new: element.value.hexadecimal))
  }

  private func conflict(
    _ place: String, _ base: StoredGeneration, _ found: StoredProgram?, _ state: State
  ) -> ControlError {
    ControlError(
      .conflict,
      "\(place) was changed since generation \(base.number) and holds"
        + " \(found?.description ?? "nothing") now, in generation \(state.current.number)")
  }

  // MARK: Publishing

  /// Brings the new generation to the disk, publishes it, and makes the disk say so.
  private func publish(
    _ staged: Staged, in state: inout State,
    by commit: (() throws(ChainError) -> Generation)? = nil
  ) throws(ControlError) {
    let next = staged.next
    try store?.prepare(next)
    let made: Generation
    do throws(ChainError) {
      made = if let commit { try commit() } else { try staged.transaction.commit() }
    } catch {
      try? store?.discard(next.number)
      throw ControlError(error)
    }
    do throws(ControlError) {
      try store?.publish(next.number)
    } catch {
      // What the disk does not have must not go on.
      if let old = state.runtimeNumbers[state.current.number] { _ = try? runtime.rollBack(to: old) }
      throw error
    }
    state.earlier.append(state.current)
    state.current = next
    state.runtimeNumbers[next.number] = made.number
    forgetOld(&state)
  }

  /// Lets go of generations beyond the limit, and of objects that nothing refers to any more.
  private func forgetOld(_ state: inout State) {
    let excess = state.earlier.count - options.generationLimit
    guard excess > 0 else { return }
    for old in state.earlier.prefix(excess) { state.runtimeNumbers[old.number] = nil }
    state.earlier.removeFirst(excess)
    let first = state.earlier.first?.number ?? state.current.number
    // What is left on the disk too long does no harm, and the next change tries again.
    try? store?.forget(before: first, keepingObjects: Set(state.objects.keys))
  }
}

extension LiveRuntime.State {
  /// A program as documents name it.
  func named(_ program: Program) throws(ControlError) -> ProgramName {
    let stored = try stored(program)
    return ProgramName(id: program.id, name: stored.name, object: stored.object)
  }
}

extension StoredProgram: CustomStringConvertible {
  /// As in `tcp (object 2)`.
  var description: String { "\(name) (object \(object))" }
}

extension StoredGeneration {
  /// The program in a slot.
  func program(in array: String, at index: UInt32) -> StoredProgram? {
    arrays[array]?.first { $0.index == index }?.program
  }

  /// Puts a program into a slot, or empties it.
  mutating func set(_ program: StoredProgram?, in array: String, at index: UInt32) {
    var slots = (arrays[array] ?? []).filter { $0.index != index }
    if let program { slots.append(Slot(index: index, program: program)) }
    arrays[array] = slots.sorted { $0.index < $1.index }
  }
}

extension ControlError {
  init(_ error: ChainError) {
    switch error {
    case .conflict: self.init(.conflict, "\(error)")
    case .noSuchGeneration: self.init(.notFound, "\(error)")
    case .value: self.init(.refusedByMap, "\(error)")
    case .notAnArray, .arrayOfPrograms, .noSuchSlot: self.init(.usage, "\(error)")
    default: self.init(.cannotLink, "\(error)")
    }
  }
}

extension [UInt8] {
  /// As in `01 00 00 00`.
  var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
