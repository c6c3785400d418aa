import Switchyard

/// How the slots of a collection's arrays were used: adds up what CPUs write down.
struct ChainUse {
  /// One slot.
  struct Slot: Hashable {
    var array: UInt32
    var index: UInt32
  }

  /// A tail call that fell through.
  struct Miss {
    var place: TailCallPlace
    var packet: Int
  }

  private(set) var slots: [Slot: TailCallCounts] = [:]
  /// The first few that differ, in order.
  private(set) var firstMisses: [Miss] = []
  private let names: TailCallNames

  /// Misses that are kept with their place.
  static let keptMisses = 5

  init(_ names: TailCallNames) {
    self.names = names
  }

  mutating func add(_ records: [TailCallRecord], packet: Int) {
    for record in records {
      slots[Slot(array: record.arrayID, index: record.index), default: TailCallCounts()]
        .add(record.outcome)
      if record.outcome != .taken, firstMisses.count < Self.keptMisses {
        let place = names.place(of: record)
        guard !firstMisses.contains(where: { $0.place.isSameMiss(as: place) }) else { continue }
        firstMisses.append(Miss(place: place, packet: packet))
      }
    }
  }
}

extension TailCallPlace {
  /// Whether the same call missed the same slot for the same reason.
  fileprivate func isSameMiss(as other: TailCallPlace) -> Bool {
    program == other.program && instruction == other.instruction && slot == other.slot
      && outcome == other.outcome
  }
}

extension TailCallCounts {
  mutating func add(_ outcome: TailCallOutcome) {
    switch outcome {
    case .taken: taken &+= 1
    case .empty: empty &+= 1
    case .outOfRange: outOfRange &+= 1
    case .limit: limit &+= 1
    }
  }
}

extension ChainUse {
  /// Every filled slot, used or not, and every slot that was asked for.
  func slotUses(of collection: Collection, _ names: TailCallNames) -> [RunReport.SlotUse] {
    var programs: [Slot: String] = [:]
    for map in collection.maps {
      for (index, program) in map.handle.programs {
        programs[Slot(array: map.handle.id, index: index)] = program.name
      }
    }
    return Set(programs.keys).union(slots.keys)
      .sorted { ($0.array, $0.index) < ($1.array, $1.index) }
      .map { slot in
        RunReport.SlotUse(
          array: names.array(slot.array), index: slot.index, program: programs[slot],
          counts: slots[slot] ?? TailCallCounts())
      }
  }
}
