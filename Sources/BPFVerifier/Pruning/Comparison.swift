/// How much of two states has to agree.
enum Agreement {
  /// What is known to matter.
  case precise
  /// All of it, but the new state may be narrower.
  case everything
  /// All of it, and exactly.
  case same
}

/// Which number of the new state stands for which of the old one.
struct IDMap {
  private var pairs: [(old: UInt32, new: UInt32)] = []
  private var invented: UInt32 = .max

  /// Whether an identity of the old state can be this one in the new state.
  mutating func admits(_ old: UInt32, _ new: UInt32) -> Bool {
    guard (old == 0) == (new == 0) else { return false }
    return old == 0 || pair(old, new)
  }

  /// The same for numbers, whose identity only matters if two of the old state share it.
  mutating func admitsScalar(_ old: UInt32, _ new: UInt32) -> Bool {
    if old == 0 { return true }
    if new == 0 {
      invented &-= 1
      return pair(old, invented)
    }
    return pair(old, new)
  }

  private mutating func pair(_ old: UInt32, _ new: UInt32) -> Bool {
    for index in pairs.indices where pairs[index].old == old { return pairs[index].new == new }
    pairs.append((old, new))
    return true
  }

  mutating func reset() { pairs.removeAll(keepingCapacity: true) }
}

// Comparing states: everything that is possible in the new one is possible in the old one.
extension Explorer {
  mutating func covers(_ index: Int, _ agreement: Agreement) -> Bool {
    guard states[index].references.count == state.references.count,
      (states[index].lock == 0) == (state.lock == 0),
      states[index].purpose == state.frame.purpose,
      states[index].callbackDepth <= state.frame.callbackDepth
    else { return false }
    // Taken out for the time of the comparison, which then only reads the rest.
    var ids = IDMap()
    swap(&ids, &self.ids)
    ids.reset()
    let isCovered = covers(index, agreement, &ids)
    swap(&ids, &self.ids)
    return isCovered
  }

  private func covers(_ index: Int, _ agreement: Agreement, _ ids: inout IDMap) -> Bool {
    for position in state.references.indices {
      guard ids.admits(states[index].references[position].id, state.references[position].id) else {
        return false
      }
    }
    guard covers(states[index].registers, agreement, &ids) else { return false }
    for frame in 0..<state.depth {
      let site =
        frame + 1 == state.depth ? state.frame.callSite : state.callers[frame + 1].callSite
      let old = states[index].callers[frame]
      let new = state.callers[frame]
      guard old.callSite == new.callSite, old.purpose == new.purpose,
        old.callbackDepth <= new.callbackDepth,
        covers(old.registers, new.registers, live: code.liveRegisters[site], agreement, &ids),
        covers(old.stack, new.stack, states[index].read[frame], agreement, &ids)
      else { return false }
    }
    return covers(
      states[index].stack, state.frame.stack, states[index].read[state.depth], agreement, &ids)
  }

  private func covers(
    _ group: SavedRegisters.Group, _ agreement: Agreement, _ ids: inout IDMap
  ) -> Bool {
    var next = group.first
    var rest = group.members
    while rest != 0 {
      guard
        covers(
          savedRegisters[next], state.frame.registers[rest.trailingZeroBitCount], agreement, &ids)
      else { return false }
      next &+= 1
      rest &= rest &- 1
    }
    return true
  }

  private func covers(
    _ old: [RegisterState], _ new: [RegisterState], live: UInt16, _ agreement: Agreement,
    _ ids: inout IDMap
  ) -> Bool {
    for number in 0..<10 where live & (1 &<< UInt16(number)) != 0 {
      guard covers(old[number], new[number], agreement, &ids) else { return false }
    }
    return true
  }

  /// Slots that nothing reads later make no difference, unless everything has to agree.
  private func covers(
    _ old: [StackSlot], _ new: [StackSlot], _ read: UInt64, _ agreement: Agreement,
    _ ids: inout IDMap
  ) -> Bool {
    let count = max(old.count, new.count)
    var rest = agreement == .precise ? read : .max
    while rest != 0, rest.trailingZeroBitCount < count {
      let index = rest.trailingZeroBitCount
      rest &= rest &- 1
      let before = index < old.count ? old[index] : StackSlot()
      let after = index < new.count ? new[index] : StackSlot()
      guard covers(before, after, agreement, &ids) else { return false }
    }
    return true
  }

  private func covers(
    _ old: RegisterState, _ new: RegisterState, _ agreement: Agreement, _ ids: inout IDMap
  ) -> Bool {
    if old.kind == .uninitialized {
      // Nobody can have read it, so anything may be there.
      return agreement != .same || new.kind == .uninitialized
    }
    guard old.kind == new.kind else { return false }
    if agreement == .same {
      return old.scalar == new.scalar && old.offset == new.offset && old.map == new.map
        && old.frame == new.frame && old.range == new.range && old.detail == new.detail
        && ids.admits(old.id, new.id) && ids.admits(old.reference, new.reference)
    }
    if old.isScalar {
      if agreement == .precise, !provenance.isPrecise(old.source) { return true }
      return coversScalar(old, new, &ids)
    }
    guard old.map == new.map, old.offset == new.offset, old.frame == new.frame,
      old.detail == new.detail, old.scalar.contains(new.scalar),
      ids.admits(old.reference, new.reference)
    else { return false }
    switch old.kind {
    case .packet, .packetMetadata:
      return old.range <= new.range && ids.admits(old.id, new.id)
    default:
      return old.range == new.range && ids.admits(old.id, new.id)
    }
  }

  private func coversScalar(
    _ old: RegisterState, _ new: RegisterState, _ ids: inout IDMap
  ) -> Bool {
    guard old.scalar.contains(new.scalar) else { return false }
    if old.id == 0 { return true }
    guard old.isLinkedByDistance == new.isLinkedByDistance || new.id == 0,
      !old.isLinkedByDistance || old.offset == new.offset
    else { return false }
    return ids.admitsScalar(old.id, new.id)
  }

  private func covers(
    _ old: StackSlot, _ new: StackSlot, _ agreement: Agreement, _ ids: inout IDMap
  ) -> Bool {
    if agreement == .same, old.bytes != new.bytes { return false }
    if old[byte: 0] == StackByte.dynptr {
      return old.bytes == new.bytes && old.value.detail == new.value.detail
        && ids.admits(old.value.id, new.value.id)
        && ids.admits(old.value.reference, new.value.reference)
    }
    if old.isSpilled, new.isSpilled, old.spilledByteCount == new.spilledByteCount {
      guard covers(old.value, new.value, agreement, &ids) else { return false }
    } else if old.isSpilled, !holdsAnything(old, new) {
      return false
    }
    for byte in 0..<8 {
      let before = old[byte: byte]
      let after = new[byte: byte]
      guard before != after else { continue }
      switch before {
      case StackByte.invalid: continue
      case StackByte.anything:
        // A number's bytes may be anything; an address read in parts would be refused.
        if after == StackByte.spilled, !new.value.isScalar { return false }
        if after == StackByte.dynptr { return false }
        if after == StackByte.invalid, options.isStrict { return false }
      case StackByte.spilled: continue
      default: return false
      }
    }
    return true
  }

  /// Whether a spilled number of which nothing is known stands where bytes of any kind are now.
  private func holdsAnything(_ old: StackSlot, _ new: StackSlot) -> Bool {
    guard old.value.isScalar, old.value.id == 0, old.value.scalar.isAnything, !new.isSpilled else {
      return false
    }
    return (0..<old.spilledByteCount).allSatisfy {
      let content = new[byte: $0]
      return content == StackByte.anything || content == StackByte.zero
    }
  }
}
