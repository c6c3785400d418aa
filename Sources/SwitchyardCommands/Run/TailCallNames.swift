import Switchyard

/// A tail call with names in place of numbers.
struct TailCallPlace {
  var program: String
  /// Slot of the call in the program.
  var instruction: Int
  var line: LineInfo?
  var array: String
  var index: UInt32
  var outcome: TailCallOutcome
  /// The program that was reached; `nil` for a miss.
  var target: String?
  /// Hops made in the run, this one included.
  var hop: UInt32
  /// The generation of the chains that the run belongs to.
  var generation: UInt64

  /// `layers[3]`.
  var slot: String { "\(array)[\(index)]" }

  /// `parser.bpf.c:12`, or nothing.
  var source: String { line?.place ?? "" }
}

extension TailCallOutcome {
  /// The name in JSON.
  var key: String {
    switch self {
    case .taken: "taken"
    case .empty: "empty"
    case .outOfRange: "out_of_range"
    case .limit: "limit"
    }
  }

  /// In words.
  var reason: String {
    switch self {
    case .taken: "taken"
    case .empty: "the slot is empty"
    case .outOfRange: "the array has no such slot"
    case .limit: "the 33 hops are used up"
    }
  }
}

/// Gives the numbers in the records of tail calls their names.
struct TailCallNames {
  private let programs: [UInt32: Collection.LoadedProgram]
  private let arrays: [UInt32: String]

  init(_ collection: Collection) {
    programs = Dictionary(
      collection.programs.map { ($0.program.id, $0) }, uniquingKeysWith: { first, _ in first })
    arrays = Dictionary(
      collection.maps.map { ($0.handle.id, $0.spec.displayName) },
      uniquingKeysWith: { first, _ in first })
  }

  func array(_ id: UInt32) -> String { arrays[id] ?? "array \(id)" }

  func place(of record: TailCallRecord) -> TailCallPlace {
    let caller = programs[record.programID]
    let sites = caller?.program.tailCallSites ?? []
    let site = Int(record.site)
    let instruction = sites.indices.contains(site) ? sites[site] : 0
    return TailCallPlace(
      program: caller?.spec.name ?? "program \(record.programID)", instruction: instruction,
      line: caller?.spec.ownLine(at: instruction), array: array(record.arrayID),
      index: record.index,
      outcome: record.outcome, target: programs[record.targetID]?.spec.name, hop: record.hop,
      generation: record.generation)
  }
}
