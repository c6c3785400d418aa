import BPFObject
import BPFRuntime

// Which helpers take which kinds of map.
extension Explorer {
  func checkMapUse(
    _ number: Int32, _ signature: HelperSignature, _ facts: CallFacts
  ) throws(Refusal) {
    guard let index = facts.map else { return }
    let map = program.maps[index]
    let type = map.type.rawValue
    let isReadOnly =
      map.definition.flags.contains(.readOnlyForPrograms) || Self.isReadOnlyByNature(type)
    if [2, 3, 87, 88].contains(number), isReadOnly { throw .access("write into map forbidden") }
    if number == 12, type != MapType.programArray.rawValue {
      throw .invalid("expected prog array map for tail call")
    }
    if !Self.mapAdmits(type, number) && !mayChangeSockets(type, number)
      || !Self.helperAdmits(number, type)
    {
      // Linux has an error number of its own for what callbacks cannot walk.
      if number == 164 {
        throw Refusal(errno: 524, message: "callback function not allowed for map")
      }
      throw .invalid("cannot pass map_type \(type) into func bpf_\(signature.name)#\(number)")
    }
    if number == 164, map.definition.flags.contains(.writeOnlyForPrograms) {
      throw .access("read from map forbidden")
    }
  }

  /// Programs of these types may store sockets in maps by the plain helpers.
  private func mayChangeSockets(_ mapType: UInt32, _ helper: Int32) -> Bool {
    guard mapType == 15 || mapType == 18 else { return false }
    switch program.type.number {
    case 1, 3, 4, 6, 21, 22, 30: return helper == 2 || helper == 3
    case 13: return helper == 3
    default: return false
    }
  }

  /// Programs cannot change maps of devices.
  static func isReadOnlyByNature(_ type: UInt32) -> Bool { type == 14 || type == 25 }

  /// Kinds of map that take these helpers only.
  private static func mapAdmits(_ type: UInt32, _ helper: Int32) -> Bool {
    switch type {
    case 3: helper == 12
    case 4: [22, 25, 55, 111, 121].contains(helper)
    case 7: helper == 27
    case 8: [33, 37].contains(helper)
    case 12, 13: helper == 1
    case 14, 25: [1, 51].contains(helper)
    case 16: helper == 51
    case 17: [1, 51].contains(helper)
    case 15: [1, 52, 53, 60, 82].contains(helper)
    case 18: [1, 70, 71, 72, 82].contains(helper)
    case 19, 21: helper == 81
    case 20: helper == 82
    case 22, 23: [87, 88, 89].contains(helper)
    case 24: [107, 108].contains(helper)
    case 27: [130, 131, 134, 198].contains(helper)
    case 28: [145, 146].contains(helper)
    case 29: [156, 157].contains(helper)
    case 30: [87, 89].contains(helper)
    case 31: helper == 209
    case 32: [210, 211].contains(helper)
    default: true
    }
  }

  /// Helpers that take these kinds of map only.
  private static func helperAdmits(_ helper: Int32, _ type: UInt32) -> Bool {
    switch helper {
    case 12: type == 3
    case 22, 25, 55: type == 4
    case 27: type == 7
    case 33, 37: type == 8
    case 51: [14, 16, 17, 25].contains(type)
    case 52, 53, 60: type == 15
    case 70, 71, 72: type == 18
    case 81: [19, 21].contains(type)
    case 82: [15, 18, 20].contains(type)
    case 107, 108: type == 24
    case 156, 157: type == 29
    case 209: type == 31
    case 210, 211: type == 32
    case 87, 89: [22, 23, 30].contains(type)
    case 88: [22, 23].contains(type)
    case 130, 131, 134, 198: type == 27
    case 164: [1, 2, 5, 6, 9, 10].contains(type)
    case 195: [5, 6, 10].contains(type)
    default: true
    }
  }
}

extension VerifierProgram {
  /// Whether programs of this kind may refer to the map at all.
  func checkReferring(to map: MapShape) throws(Refusal) {
    let kinds = Set(map.specialFields.map(\.kind))
    // Events of the kernel may come while the same lock is held.
    let isEvent = [2, 5, 7, 17, 24].contains(type.number)
    if kinds.contains(.spinLock) || kinds.contains(.resilientLock), type.number == 1 || isEvent {
      let name = type.number == 1 ? "socket filter" : "tracing"
      throw .invalid("\(name) progs cannot use bpf_spin_lock yet")
    }
    for kind in [SpecialField.Kind.timer, .workQueue] where isEvent && kinds.contains(kind) {
      throw .invalid("tracing progs cannot use \(kind.name) yet")
    }
    if isEvent, kinds.contains(.listHead) || kinds.contains(.treeRoot) {
      throw .invalid("tracing progs cannot use bpf_{list_head,rb_root} yet")
    }
    let mayBeUsedAsleep: Set<UInt32> = [
      1, 2, 5, 6, 9, 10, 12, 13, 22, 23, 24, 27, 28, 29, 31, 32, 33,
    ]
    guard !isSleepable || mayBeUsedAsleep.contains(map.type.rawValue) else {
      throw .invalid("Sleepable programs can only use array, hash, ringbuf and local storage maps")
    }
  }
}
