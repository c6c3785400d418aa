public import BPFObject
public import BPFRuntime

/// Who can tail-call whom, through which slot and from which source line.
///
/// ```swift
/// let graph = ChainGraph(object)
/// for site in graph.programs.flatMap(\.sites) { print(graph.targets(of: site)) }
/// print(graph.dot())
/// ```
///
/// It is made from an object, before anything exists, or from what is loaded, with the slots as
/// they are at that moment. Arrays and indexes of calls are what the verifier found on all paths;
/// where a program was not verified, what its code makes obvious.
public struct ChainGraph: Sendable {
  /// A tail call in the code.
  public struct Site: Hashable, Sendable {
    /// Slot of the call in the program.
    public var instruction: Int
    /// The function that it stands in.
    public var function: String
    /// The source line that makes the call, if the object says.
    public var line: LineInfo?
    /// The array's name; `nil` when there can be several.
    public var array: String?
    /// The constant index; `nil` when it is computed.
    public var index: UInt32?
    /// How it was used, by array and index, where somebody counted.
    public var uses: [Use] = []

    package init(
      instruction: Int, function: String, line: LineInfo?, array: String?, index: UInt32?,
      uses: [Use] = []
    ) {
      self.instruction = instruction
      self.function = function
      self.line = line
      self.array = array
      self.index = index
      self.uses = uses
    }
  }

  /// How one slot was asked for at one call.
  public struct Use: Hashable, Sendable {
    /// The array's name.
    public var array: String
    /// The index.
    public var index: UInt32
    /// The program that was reached last; `nil` when there was none.
    public var target: String?
    /// How often, by outcome.
    public var counts: TailCallCounts

    package init(array: String, index: UInt32, target: String? = nil, counts: TailCallCounts) {
      self.array = array
      self.index = index
      self.target = target
      self.counts = counts
    }
  }

  /// A program and where it stands.
  public struct Program: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Its number, when it is loaded.
    public var id: UInt32?
    /// Its type's name.
    public var type: String
    /// What else decides about sharing arrays.
    public var traits: ProgramTraits
    /// Its tail calls, in the order of the code.
    public var sites: [Site]
    /// The slots that hold it.
    public var slots: [Slot] = []
    /// Whether it is in no slot, or some program can reach it.
    public var isReachable = false
    /// Why it cannot be used.
    public var refusal: String?

    package init(
      name: String, id: UInt32? = nil, type: String, traits: ProgramTraits = ProgramTraits(),
      sites: [Site], refusal: String? = nil
    ) {
      self.name = name
      self.id = id
      self.type = type
      self.traits = traits
      self.sites = sites
      self.refusal = refusal
    }
  }

  /// A slot of an array.
  public struct Slot: Hashable, Sendable {
    /// The array's name.
    public var array: String
    /// The index.
    public var index: UInt32
  }

  /// An array of programs.
  public struct Array: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Its number, when it exists.
    public var id: UInt32?
    /// Number of slots.
    public var size: UInt32
    /// The programs by slot.
    public var slots: [UInt32: String]

    package init(name: String, id: UInt32? = nil, size: UInt32, slots: [UInt32: String]) {
      self.name = name
      self.id = id
      self.size = size
      self.slots = slots
    }
  }

  /// The programs, in the object's order.
  public internal(set) var programs: [Program]
  /// The arrays, in the object's order.
  public let arrays: [Array]
  /// The generation that the slots are of; `nil` for an object.
  public let generation: UInt64?
  /// Programs that are started from outside: the one that is known to be, those in no slot, or all
  /// if there is no such one, because nobody can tell then.
  public let entries: [String]

  /// Puts a graph together.
  ///
  /// - Parameter entry: The program that is started from outside, where that is known.
  package init(programs: [Program], arrays: [Array], generation: UInt64?, entry: String? = nil) {
    self.programs = programs
    self.arrays = arrays
    self.generation = generation
    let filled = Set(arrays.flatMap(\.slots.values))
    let free = programs.map(\.name).filter { !filled.contains($0) }
    entries = entry.map { [$0] } ?? (free.isEmpty ? programs.map(\.name) : free)
    for position in self.programs.indices {
      let name = self.programs[position].name
      self.programs[position].slots = arrays.flatMap { array in
        array.slots.filter { $0.value == name }.keys.sorted().map {
          Slot(array: array.name, index: $0)
        }
      }
    }
    markReachable()
  }

  // MARK: What follows

  /// The programs that a call can lead to, without repetitions.
  public func targets(of site: Site) -> [String] {
    let candidates = arrays.filter { site.array == nil || $0.name == site.array }
    let names = candidates.flatMap { array -> [String] in
      if let index = site.index { return array.slots[index].map { [$0] } ?? [] }
      return array.slots.sorted { $0.key < $1.key }.map(\.value)
    }
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// A slot that code asks for by a constant and that holds nothing.
  public struct EmptySlot: Hashable, Sendable {
    /// The array's name.
    public var array: String
    /// The index; not below the array's size when there is no such slot at all.
    public var index: UInt32
    /// The programs that ask for it.
    public var callers: [String]
  }

  /// Slots that code refers to and that hold nothing, with the programs that do.
  public var emptySlots: [EmptySlot] {
    var callers: [Slot: [String]] = [:]
    for program in programs {
      for site in program.sites {
        guard let array = site.array, let index = site.index, targets(of: site).isEmpty else {
          continue
        }
        let slot = Slot(array: array, index: index)
        if callers[slot]?.contains(program.name) != true {
          callers[slot, default: []].append(program.name)
        }
      }
    }
    return arrays.flatMap { array in
      callers.filter { $0.key.array == array.name }.sorted { $0.key.index < $1.key.index }
        .map { EmptySlot(array: array.name, index: $0.key.index, callers: $0.value) }
    }
  }

  /// Programs that only a tail call could start, and no tail call does.
  public var unreachable: [String] { programs.filter { !$0.isReachable }.map(\.name) }

  /// The programs that each program can reach with one hop.
  var successors: [String: [String]] {
    Dictionary(
      programs.map { program in (program.name, program.sites.flatMap { targets(of: $0) }) },
      uniquingKeysWith: { $0 + $1 })
  }

  private mutating func markReachable() {
    let successors = successors
    var waiting = entries
    var reached: Set<String> = []
    while let name = waiting.popLast() {
      guard reached.insert(name).inserted else { continue }
      waiting += successors[name] ?? []
    }
    for position in programs.indices {
      programs[position].isReachable = reached.contains(programs[position].name)
    }
  }

  // MARK: Counts

  /// Adds what a CPU wrote down of tail calls, to edges of programs that are loaded.
  ///
  /// - Parameters:
  ///   - records: What was written down; hop and generation do not matter.
  ///   - sites: Where in the code the sites of each program are, by the program's number.
  ///   - count: How often each record stands for.
  public mutating func add(
    _ records: [TailCallRecord], sites: [UInt32: [Int]], count: UInt64 = 1
  ) {
    for record in records {
      guard let position = programs.firstIndex(where: { $0.id == record.programID }),
        let slots = sites[record.programID], slots.indices.contains(Int(record.site)),
        let site = programs[position].sites.firstIndex(where: {
          $0.instruction == slots[Int(record.site)]
        })
      else { continue }
      let array = arrays.first { $0.id == record.arrayID }?.name ?? "array \(record.arrayID)"
      let target = programs.first { $0.id == record.targetID }?.name
      programs[position].sites[site].note(
        record.outcome, array, record.index, target, count)
    }
  }
}

extension ChainGraph.Site {
  fileprivate mutating func note(
    _ outcome: TailCallOutcome, _ array: String, _ index: UInt32, _ target: String?,
    _ count: UInt64
  ) {
    let position =
      uses.firstIndex { $0.array == array && $0.index == index }
      ?? {
        uses.append(ChainGraph.Use(array: array, index: index, counts: TailCallCounts()))
        return uses.count - 1
      }()
    if let target { uses[position].target = target }
    switch outcome {
    case .taken: uses[position].counts.taken &+= count
    case .empty: uses[position].counts.empty &+= count
    case .outOfRange: uses[position].counts.outOfRange &+= count
    case .limit: uses[position].counts.limit &+= count
    }
  }

  /// The sum of its uses.
  public var counts: TailCallCounts { uses.reduce(TailCallCounts()) { $0 + $1.counts } }
}
