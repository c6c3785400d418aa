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
    if let known = pairs.first(where: { $0.old == old }) { return known.new == new }
    pairs.append((old, new))
    return true
  }

  mutating func reset() { pairs.removeAll(keepingCapacity: true) }
}

// Comparing states: everything that is possible in the new one is possible in the old one.
extension Explorer {
  func covers(_ saved: SavedState, _ agreement: Agreement) -> Bool {
    let old = saved.state
    guard old.references.count == state.references.count, (old.lock == 0) == (state.lock == 0)
    else {
      return false
    }
    var ids = IDMap()
    for (mine, theirs) in zip(old.references, state.references) {
      guard ids.admits(mine.id, theirs.id) else { return false }
    }
    for index in 0...state.depth {
      let live: UInt16
      if index == state.depth {
        live = code.liveRegisters[slot]
        guard
          covers(old.frame, state.frame, live: live, saved.read[index], agreement, &ids)
        else { return false }
      } else {
        let site =
          index + 1 == state.depth ? state.frame.callSite : state.callers[index + 1].callSite
        live = code.liveRegisters[site] | 0b11_1100_0000
        guard
          covers(
            old.callers[index], state.callers[index], live: live, saved.read[index], agreement,
            &ids)
        else { return false }
      }
    }
    return true
  }

  private func covers(
    _ old: Frame, _ new: Frame, live: UInt16, _ read: UInt64, _ agreement: Agreement,
    _ ids: inout IDMap
  ) -> Bool {
    guard old.callSite == new.callSite, old.purpose == new.purpose else { return false }
    for number in 0..<10 {
      guard live & (1 &<< UInt16(number)) != 0 else { continue }
      guard covers(old.registers[number], new.registers[number], agreement, &ids) else {
        return false
      }
    }
    let count = max(old.stack.count, new.stack.count)
    for index in 0..<count {
      if agreement == .precise, read & (1 &<< UInt64(index)) == 0 { continue }
      let before = index < old.stack.count ? old.stack[index] : StackSlot()
      let after = index < new.stack.count ? new.stack[index] : StackSlot()
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
