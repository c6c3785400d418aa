import Switchyard

/// Who can tail-call whom, as far as the object alone tells.
struct ChainModel {
  /// A tail call in the code.
  struct Site {
    /// Slot of the call in the program.
    var instruction: Int
    /// The function that it stands in.
    var function: String
    var line: LineInfo?
    /// The array's name; `nil` when the code does not make it obvious.
    var array: String?
    /// The constant index; `nil` when it is computed.
    var index: UInt32?
  }

  /// A program and where it stands.
  struct Program {
    var name: String
    var type: String
    var sites: [Site]
    /// The slots that hold it from the start.
    var slots: [(array: String, index: UInt32)]
    /// Whether it is in a slot, or some program can reach it.
    var isReachable = false
    /// Why it cannot be used.
    var refusal: String?
  }

  /// An array of programs.
  struct Array {
    var name: String
    var size: UInt32
    var slots: [UInt32: String]
  }

  private(set) var programs: [Program]
  private(set) var arrays: [Array]

  init(_ object: ObjectFile) {
    var arrays = object.maps.filter(\.isProgramArray).map { map in
      Array(
        name: map.name, size: map.maxEntries,
        slots: map.initialSlots.compactMapValues { value in
          guard case .program(let name) = value else { return nil }
          return name
        })
    }
    for program in object.programs {
      for tail in program.tailSlots {
        guard let position = arrays.firstIndex(where: { $0.name == tail.array }) else { continue }
        arrays[position].slots[tail.slot] = program.name
      }
    }
    self.arrays = arrays
    programs =
      object.programs.map { spec in
        Program(
          name: spec.name, type: spec.kind?.name ?? "no type",
          sites: TailCallSites(spec, maps: object.maps).sites,
          slots: Self.slots(of: spec.name, in: arrays))
      }
      + object.refused.map { refused in
        Program(
          name: refused.name, type: refused.kind?.name ?? "no type", sites: [],
          slots: Self.slots(of: refused.name, in: arrays), refusal: "\(refused.error)")
      }
    markReachable()
  }

  private static func slots(
    of program: String, in arrays: [Array]
  ) -> [(array: String, index: UInt32)] {
    arrays.flatMap { array in
      array.slots.filter { $0.value == program }.keys.sorted().map { (array.name, $0) }
    }
  }

  // MARK: What follows

  /// The programs that a call site can lead to.
  func targets(of site: Site) -> [String] {
    let candidates = arrays.filter { site.array == nil || $0.name == site.array }
    guard let index = site.index else {
      return candidates.flatMap { $0.slots.sorted { $0.key < $1.key }.map(\.value) }
    }
    return candidates.compactMap { $0.slots[index] }
  }

  /// Slots that code refers to and that hold nothing, with the programs that do.
  var emptySlots: [(array: String, index: UInt32, callers: [String])] {
    var callers: [String: [UInt32: [String]]] = [:]
    for program in programs {
      for site in program.sites {
        guard let array = site.array, let index = site.index, targets(of: site).isEmpty else {
          continue
        }
        if callers[array]?[index]?.contains(program.name) != true {
          callers[array, default: [:]][index, default: []].append(program.name)
        }
      }
    }
    return arrays.flatMap { array in
      (callers[array.name] ?? [:]).sorted { $0.key < $1.key }.map { (array.name, $0.key, $0.value) }
    }
  }

  /// Programs that only a tail call could start, and no tail call does.
  var unreachable: [String] {
    programs.filter { !$0.isReachable }.map(\.name)
  }

  /// Whatever is in no slot is there to be started from outside.
  private mutating func markReachable() {
    var waiting = programs.filter(\.slots.isEmpty).map(\.name)
    // A chain whose every program is in a slot is entered somewhere; nobody can tell where.
    if waiting.isEmpty { waiting = programs.map(\.name) }
    var reached: Set<String> = []
    while let name = waiting.popLast() {
      guard reached.insert(name).inserted else { continue }
      for program in programs where program.name == name {
        waiting += program.sites.flatMap { targets(of: $0) }
      }
    }
    for position in programs.indices {
      programs[position].isReachable = reached.contains(programs[position].name)
    }
  }
}
