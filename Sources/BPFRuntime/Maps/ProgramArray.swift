// UNSAFE. Slots of entry addresses, read by running programs and replaced by user space.
//
// Invariant: a slot holds 0 or the entry of a program that `State.programs` keeps alive; a program
// that leaves a slot goes to the epochs, which keep it until no run can be inside it.

import Synchronization

/// PROG_ARRAY: the table that tail calls jump through (tail-calls.md section 4).
package final class ProgramArray: Map, @unchecked Sendable {
  // Sendable: slots are atomics, everything else is behind the Mutex.

  private struct State {
    var programs: [UInt32: Program] = [:]
    var owner: ArrayOwner?
  }

  private let slots: StableMemory
  private let state = Mutex(State())
  private let epochs: Epochs
  private let registry: Registry

  init(definition: MapDefinition, id: UInt32, epochs: Epochs, registry: Registry)
    throws(LinuxError)
  {
    let accepted: MapFlags = [.numaNode, .readOnly, .writeOnly]
    guard definition.keySize == 4, definition.valueSize == 4, definition.maxEntries > 0,
      definition.flags.isSubset(of: accepted), definition.extra == 0
    else { throw .invalid }
    slots = try StableMemory(byteCount: Int(definition.maxEntries) * 8)
    self.epochs = epochs
    self.registry = registry
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.base = slots.address
    unsafe header.words.pointee.count = definition.maxEntries
  }

  /// Where the slots are, for compiled code.
  var slotTable: CompilationUnit.SlotTable {
    CompilationUnit.SlotTable(base: slots.address, count: definition.maxEntries)
  }

  // MARK: Ownership

  /// The type of the programs that the array belongs to, once it has an owner (R3.11).
  package var ownerType: UInt32? { state.withLock { $0.owner?.type } }

  /// Whether a program like `candidate` may use the array (R3.4).
  func admits(_ candidate: ArrayOwner) -> Bool {
    state.withLock { $0.owner?.admits(candidate) ?? true }
  }

  /// Makes `candidate` the owner if there is none yet (R3.1); `false` if another one does not
  /// admit it.
  func claim(_ candidate: ArrayOwner) -> Bool {
    state.withLock { state in
      if let owner = state.owner { return owner.admits(candidate) }
      state.owner = candidate
      return true
    }
  }

  // MARK: Slots

  /// Stores a program in a slot (R4.4, R4.5); later runs see it (R4.7).
  package func set(_ program: Program, at index: UInt32) -> LinuxError? {
    guard index < definition.maxEntries else { return .tooBig }
    // An EXT program can never be stored (R2.15), and one of another runtime would be freed under
    // runs that this one's epochs know nothing of.
    guard program.type.number != 28, program.registry === registry, claim(ArrayOwner(program))
    else { return .invalid }
    let old = state.withLock { state in
      let old = state.programs.updateValue(program, forKey: index)
      publish(program.entry, at: index)
      return old
    }
    if let old, old !== program { epochs.retire(old) }
    return nil
  }

  /// The program in a slot.
  package func program(at index: UInt32) -> Program? {
    state.withLock { $0.programs[index] }
  }

  /// All filled slots, in order.
  package var programs: [(index: UInt32, program: Program)] {
    state.withLock { $0.programs }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func publish(_ entry: UInt64, at index: UInt32) {
    let slot = unsafe GuestMemory.doubleWord(slots.address &+ UInt64(index) &* 8)
    unsafe slot.pointee.store(entry, ordering: .releasing)
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
    let old = state.withLock { state in
      publish(0, at: index)
      return state.programs.removeValue(forKey: index)
    }
    guard let old else { return .noEntry }
    epochs.retire(old)
    return nil
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    unsafe nextIndex(after: key, into: next)
  }

  /// Empties every slot (R4.18), which also breaks cycles of programs and arrays (R4.21).
  package override func lastUserReferenceGone() {
    let old = state.withLock { state in
      for index in state.programs.keys { publish(0, at: index) }
      defer { state.programs = [:] }
      return state.programs
    }
    for program in old.values { epochs.retire(program) }
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
