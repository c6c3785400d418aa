/// A change of one slot, not made yet.
struct StagedSlot: Sendable {
  /// Keeps the array's user reference; `nil` in a rollback, which takes what it finds.
  let handle: MapHandle?
  let array: ProgramArray
  let index: UInt32
  let program: Program?

  var name: String { array.definition.name }

  /// What it changes; `nil` when nothing.
  func change(from before: Program?) -> SlotChange? {
    guard before !== program else { return nil }
    return SlotChange(
      arrayID: array.id, array: name, index: index, before: before?.name, after: program?.name)
  }

  func checkConflict(_ transaction: ChainTransaction, current: UInt64) throws(ChainError) {
    let (changedAt, found) = array.withState { ($0.changedAt[index] ?? 0, $0.programs[index]) }
    guard changedAt > transaction.baseChange else { return }
    throw .conflict(
      ChainError.Conflict(
        array: name, index: index, found: found?.name, base: transaction.base, current: current))
  }

  /// - Parameter owners: Of arrays without an owner, what earlier slots would make of them.
  func check(_ owners: inout [UInt32: ArrayOwner]) throws(ChainError) {
    guard !array.definition.flags.contains(.readOnly), !array.isFrozen else {
      throw .notWritable(map: name)
    }
    guard let program else { return }
    let candidate = ArrayOwner(program)
    let owner = array.owner ?? owners[array.id] ?? candidate
    if let reason = owner.refusal(of: candidate) {
      throw .incompatible(program: program.name, array: name, index: index, reason: reason)
    }
    owners[array.id] = owner
  }
}

/// A value to be written with a transaction; `nil` to remove the element.
struct StagedValue: Sendable {
  let map: MapHandle
  let key: [UInt8]
  let value: [UInt8]?

  /// Writes it and tells what was there.
  ///
  /// - Throws: ``ChainError/value(map:error:)``; also for a value that cannot be read, because it
  ///   could not be put back.
  func write() throws(ChainError) -> StagedValue {
    do throws(LinuxError) {
      var before: [UInt8]?
      do throws(LinuxError) {
        before = try map.lookup(key)
      } catch {
        guard error == .noEntry else { throw error }
      }
      if let value {
        try map.update(key, value)
      } else if before != nil {
        try map.delete(key)
      }
      return StagedValue(map: map, key: key, value: before)
    } catch {
      throw .value(map: map.definition.name, error: error)
    }
  }

  /// Puts back what was there; a program may have removed or added the element meanwhile.
  func restore() {
    _ = try? write()
  }
}
