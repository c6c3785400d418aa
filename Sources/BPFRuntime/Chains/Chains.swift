import Synchronization

/// The chains of a runtime: which generation runs start with, and what it replaced.
///
/// Two ways to change a slot live side by side. A plain update (``rewire(_:)``) writes into the
/// slots of the current generation and is seen at once, by running programs too. A transaction
/// gives the arrays that it changes new slots, enters them in a new table, and publishes that with
/// one store: a run keeps the table that it started with. So a plain update is not seen by runs
/// that started before a transaction on the same array: they belong to a generation that is over.
final class Chains: Sendable {
  /// What only its holder may look at: whoever changes slots, owners or history has this lock.
  struct State: Sendable {
    /// The table that runs start with; `nil` as long as there is no array.
    var current: TablePool.Lease?
    /// Words in use in every table.
    var used = 1
    /// Counts changes of slots and owners: by it transactions see what happened meanwhile.
    var changes: UInt64 = 0
    var history = ChainHistory()
  }

  private struct Numbers {
    var next = 1
    var free: [Int] = []
  }

  private let state = Mutex(State())
  private let numbers = Mutex(Numbers())
  let pool = TablePool()
  let epochs: Epochs
  let registry: Registry

  init(epochs: Epochs, registry: Registry) {
    self.epochs = epochs
    self.registry = registry
  }

  /// Calls `body` with nobody else changing slots, owners or history.
  ///
  /// What `body` removes it has to hand out, or to let go without effects: the lock is not
  /// reentrant.
  func rewire<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var result: Swift.Result<Result, Failure>?
    state.withLock { state in
      do throws(Failure) {
        result = .success(try body(&state))
      } catch {
        result = .failure(error)
      }
    }
    guard let result else { preconditionFailure("the body has run") }
    return try result.get()
  }

  // MARK: Arrays

  /// The word of an array in all tables.
  final class Place: Sendable {
    let number: Int
    private let chains: Chains

    fileprivate init(_ number: Int, _ chains: Chains) {
      self.number = number
      self.chains = chains
    }

    /// Offset of the word in a table.
    var offset: UInt64 { UInt64(number) &* 8 }

    // The words keep the old address: no program that could read them exists any more.
    deinit { chains.numbers.withLock { $0.free.append(number) } }
  }

  /// Gives a new array its word in every table that a run can hold.
  ///
  /// - Throws: ENOMEM, also when there are too many arrays of programs.
  func place(_ storage: SlotStorage) throws(LinuxError) -> Place {
    let number = numbers.withLock { numbers -> Int? in
      if let number = numbers.free.popLast() { return number }
      guard numbers.next < GenerationTable.capacity else { return nil }
      defer { numbers.next += 1 }
      return numbers.next
    }
    guard let number else { throw .noMemory }
    let place = Place(number, self)
    try rewire { state throws(LinuxError) in
      if state.current == nil {
        let lease = try pool.take()
        lease.table.generation = 1
        state.current = lease
        epochs.publish(lease.table)
      }
      state.used = max(state.used, number + 1)
      pool.enter(storage.address, at: number)
    }
    return place
  }

  // MARK: Generations

  /// Forgets what could be rolled back to. The runtime does it in the end, because kept programs
  /// refer to arrays, and those to this object.
  func forgetHistory() {
    let forgotten = state.withLock { state in
      defer { state.history.forgetAll() }
      return state.history
    }
    withExtendedLifetime(forgotten) {}
  }
}

extension Chains.State {
  /// The number of the current generation, from 1.
  var generation: UInt64 { current?.table.generation ?? 1 }
}
