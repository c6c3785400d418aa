import Synchronization

/// The maps and programs of a runtime by number, without keeping them alive.
final class Registry: Sendable {
  private struct State {
    var nextMap: UInt32 = 1
    var nextProgram: UInt32 = 1
    var maps: [UInt32: WeakMap] = [:]
    /// How many maps there may be before those that are gone are looked for.
    var sweepCount = 64
    var programs: [UInt32: WeakProgram] = [:]
  }

  private struct WeakMap {
    weak var map: Map?
  }

  private struct WeakProgram {
    weak var program: Program?
  }

  private let state = Mutex(State())
  private let deviceNumbers = Mutex<Set<UInt32>>([1])

  /// Numbers of the network devices that there are: see ``Runtime/devices``.
  var devices: Set<UInt32> {
    get { deviceNumbers.withLock { $0 } }
    set { deviceNumbers.withLock { $0 = newValue } }
  }

  func hasDevice(_ number: UInt32) -> Bool { deviceNumbers.withLock { $0.contains(number) } }

  func newMapID() -> UInt32 {
    state.withLock { state in
      defer { state.nextMap += 1 }
      return state.nextMap
    }
  }

  func newProgramID() -> UInt32 {
    state.withLock { state in
      defer { state.nextProgram += 1 }
      return state.nextProgram
    }
  }

  func add(_ map: Map) {
    state.withLock { state in
      if state.maps.count >= state.sweepCount {
        state.maps = state.maps.filter { $0.value.map != nil }
        state.sweepCount = max(64, state.maps.count * 2)
      }
      state.maps[map.id] = WeakMap(map: map)
    }
  }

  func add(_ program: Program) {
    state.withLock { $0.programs[program.id] = WeakProgram(program: program) }
  }

  func removeProgram(_ id: UInt32) {
    _ = state.withLock { $0.programs.removeValue(forKey: id) }
  }

  func map(_ id: UInt32) -> Map? {
    state.withLock { $0.maps[id]?.map }
  }

  /// Calls `body` with the map that has a value at an address, which lives until `body` returns;
  /// `nil` when there is none.
  func withMap<Result>(containing address: UInt64, _ body: (Map) -> Result) -> Result? {
    let maps = state.withLock { $0.maps.values.compactMap(\.map) }
    return maps.first { map in
      !map.definition.flags.contains(.writeOnlyForPrograms)
        && map.valueAddresses.contains(address) && map.valueContains(address: address, count: 1)
    }.map(body)
  }

  /// Whether a map was made in this runtime.
  func contains(_ map: Map) -> Bool { self.map(map.id) === map }

  /// The program that a subprogram's address belongs to, in the engine that executes it.
  func program(containing function: UInt64) -> Program? {
    let programs = state.withLock { $0.programs.values.compactMap(\.program) }
    return programs.first { $0.codeAddresses.contains(function) }
  }

  /// Programs that are there.
  var programCount: Int { state.withLock { $0.programs.count } }

  func program(_ id: UInt32) -> Program? {
    state.withLock { $0.programs[id]?.program }
  }
}
