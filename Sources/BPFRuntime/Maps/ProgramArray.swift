// UNSAFE. Arrays of programs, from user space's side.
//
// Invariant: a slot holds 0 or the entry of a program that `State.programs` keeps alive; a program
// that leaves a slot goes to the epochs, which keep it until no run can be inside it.

import Synchronization

/// PROG_ARRAY: the table that tail calls jump through (tail-calls.md section 4).
package final class ProgramArray: Map, @unchecked Sendable {
  // Sendable: slots are atomics, everything else is behind the Mutex.

  struct State: Sendable {
    var programs: [UInt32: Program] = [:]
    var owner: ArrayOwner?
    /// Where running programs find the slots of the current generation.
    var storage: SlotStorage
    /// By slot, the number of its last change among all changes of the runtime.
    var changedAt: [UInt32: UInt64] = [:]
  }

  // Changes are made inside `Chains.rewire`, this lock inside that one.
  private let state: Mutex<State>
  private let place: Chains.Place
  let chains: Chains
  private let registry: Registry

  init(definition: MapDefinition, id: UInt32, chains: Chains, registry: Registry)
    throws(LinuxError)
  {
    let accepted: MapFlags = [.numaNode, .readOnly, .writeOnly]
    guard definition.keySize == 4, definition.valueSize == 4, definition.maxEntries > 0,
      definition.flags.isSubset(of: accepted), definition.extra == 0
    else { throw .invalid }
    let storage = try SlotStorage(count: definition.maxEntries)
    state = Mutex(State(storage: storage))
    place = try chains.place(storage)
    self.chains = chains
    self.registry = registry
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.base = place.offset
    unsafe header.words.pointee.count = definition.maxEntries
  }

  /// Where the slots are, for compiled code.
  var slotTable: CompilationUnit.SlotTable {
    CompilationUnit.SlotTable(offset: Int32(place.offset), count: definition.maxEntries)
  }

  /// The word of the array in the tables of generations.
  var number: Int { place.number }

  /// Offset of that word.
  var tableOffset: UInt64 { place.offset }

  /// Calls `body` with what user space knows of the slots.
  func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
    state.withLock { body(&$0) }
  }

  // MARK: Ownership

  /// The type of the programs that the array belongs to, once it has an owner (R3.11).
  package var ownerType: UInt32? { owner?.type }

  var owner: ArrayOwner? { state.withLock { $0.owner } }

  /// Whether a program like `candidate` may use the array (R3.4).
  func admits(_ candidate: ArrayOwner) -> Bool { (owner ?? candidate).admits(candidate) }

  /// Makes `candidate` the owner if there is none yet (R3.1); `false` if another one does not
  /// admit it. `Chains.rewire` is held.
  func claim(_ candidate: ArrayOwner) -> Bool {
    state.withLock { state in
      guard (state.owner ?? candidate).admits(candidate) else { return false }
      if state.owner == nil { state.owner = candidate }
      return true
    }
  }

  // MARK: Slots

  /// Stores a program in a slot (R4.4, R4.5); later runs see it (R4.7), and so do running programs
  /// of the current generation.
  package func set(_ program: Program, at index: UInt32) -> LinuxError? {
    guard index < definition.maxEntries else { return .tooBig }
    guard accepts(program) else { return .invalid }
    let (error, old) = chains.rewire { chains -> (LinuxError?, Program?) in
      guard claim(ArrayOwner(program)) else { return (.invalid, nil) }
      return (nil, replace(index, with: program, &chains))
    }
    if let old, old !== program { chains.epochs.retire(old) }
    return error
  }

  /// Whether a program can be stored at all, whoever the owner is.
  func accepts(_ program: Program) -> Bool {
    // An EXT program can never be stored (R2.15), and one of another runtime would be freed under
    // runs that this one's epochs know nothing of.
    program.type.number != 28 && program.registry === registry
  }

  /// Changes a slot where it is; the caller retires what was there.
  private func replace(
    _ index: UInt32, with program: Program?, _ chains: inout Chains.State
  ) -> Program? {
    chains.changes += 1
    let change = chains.changes
    let old = state.withLock { state in
      let old = state.programs[index]
      state.programs[index] = program
      state.storage[index] = program?.entry ?? 0
      state.changedAt[index] = change
      return old
    }
    if old !== program {
      chains.history.noteChange(SlotKey(array: id, index: index), before: old)
    }
    return old
  }

  /// The program in a slot.
  package func program(at index: UInt32) -> Program? {
    state.withLock { $0.programs[index] }
  }

  /// All filled slots, in order.
  package var programs: [(index: UInt32, program: Program)] {
    state.withLock { $0.programs }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  // MARK: The map's operations

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard flags == .any else { return .invalid }
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    guard index < definition.maxEntries else { return .tooBig }
    guard let program = unsafe registry.program(value.loadUnaligned(as: UInt32.self)) else {
      return .badDescriptor
    }
    return set(program, at: index)
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    guard let program = program(at: index) else { return .noEntry }
    unsafe value.storeBytes(of: program.id, as: UInt32.self)
    return nil
  }

  // Only user space empties slots: helpers are refused by `delete` itself (R4.15).
  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    guard index < definition.maxEntries else { return .tooBig }
    let old = chains.rewire { chains -> Program? in
      guard program(at: index) != nil else { return nil }
      return replace(index, with: nil, &chains)
    }
    guard let old else { return .noEntry }
    chains.epochs.retire(old)
    return nil
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    unsafe nextIndex(after: key, into: next)
  }

  /// Empties every slot (R4.18), which also breaks cycles of programs and arrays (R4.21). Nothing
  /// rolls the array back afterwards.
  package override func lastUserReferenceGone() {
    let (old, history) = chains.rewire { chains in
      let history = chains.history
      chains.history.forget(array: id)
      chains.changes += 1
      let old = state.withLock { state in
        for index in state.programs.keys { state.storage[index] = 0 }
        defer { state.programs = [:] }
        return state.programs
      }
      return (old, history)
    }
    for program in old.values { chains.epochs.retire(program) }
    withExtendedLifetime(history) {}
  }
}

extension Map {
  /// The next key of a map whose keys are 0 to `maxEntries` - 1: all exist (R4.11).
  func nextIndex(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let index = unsafe key?.loadUnaligned(as: UInt32.self) ?? .max
    let following = index < definition.maxEntries ? index + 1 : 0
    guard following < definition.maxEntries else { return .noEntry }
    unsafe next.storeBytes(of: following, as: UInt32.self)
    return nil
  }
}
