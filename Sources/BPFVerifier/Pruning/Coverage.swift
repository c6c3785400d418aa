import BPFInstructions

// Whether an earlier path has covered this state, so that the path can end here.
extension Explorer {
  mutating func isCovered() throws(Refusal) -> Bool {
    var index = 0
    var savesState = jumps &- jumpsAtSave >= 2 && processed &- processedAtSave >= 8
    while index < explored[slot].count {
      let saved = explored[slot][index]
      guard isComparable(saved.state) else {
        index += 1
        continue
      }
      if saved.openPaths > 0 {
        if try coversLoop(saved) { return true }
        // In a loop, states are saved less often.
        if jumps &- jumpsAtSave < 20, processed &- processedAtSave < 100 { savesState = false }
      } else if covers(saved, .precise) {
        saved.hits += 1
        adopt(saved)
        return true
      }
      saved.misses += 1
      // States that many paths passed in vain are not worth looking at again.
      let patience = isLoopPoint ? 64 : 3
      if saved.misses > saved.hits * patience + patience {
        explored[slot].remove(at: index)
      } else {
        index += 1
      }
    }
    if savesState { save() }
    return false
  }

  private func isComparable(_ saved: PathState) -> Bool {
    saved.frame.callSite == state.frame.callSite && saved.callers.count == state.callers.count
  }

  /// Comparing with a state whose paths have not all ended: the path is in a loop.
  private mutating func coversLoop(_ saved: SavedState) throws(Refusal) -> Bool {
    let goesOnInBudget =
      saved.state.mayGotoDepth != state.mayGotoDepth && isLoopPoint
    if goesOnInBudget, covers(saved, .everything) {
      // Marks of the loop's body are not known yet: everything may matter.
      demandEverything()
      return true
    }
    if saved.state.mayGotoDepth == state.mayGotoDepth,
      saved.state.frame.function == state.frame.function, !isCallbackPoint,
      maybeSame(saved.state), covers(saved, .same)
    {
      throw Refusal.invalid("infinite loop detected at insn \(slot)").at(slot)
    }
    return false
  }

  private var isLoopPoint: Bool { code.kinds[slot] == .mayGoto || isCallbackPoint }

  private var isCallbackPoint: Bool {
    guard case .callHelper = code.kinds[slot] else { return false }
    return true
  }

  /// A quick look before the full comparison.
  private func maybeSame(_ saved: PathState) -> Bool {
    let live = code.liveRegisters[slot]
    for number in 0..<10 where live & (1 &<< UInt16(number)) != 0 {
      let old = saved.frame.registers[number]
      let new = state.frame.registers[number]
      if old.kind != new.kind || old.scalar.bits != new.scalar.bits { return false }
    }
    return true
  }

  private mutating func save() {
    jumpsAtSave = jumps
    processedAtSave = processed
    // Each number gets a node of its own, so that what later paths need of it can be told from what
    // earlier states needed.
    for number in 0..<10 where state.frame.registers[number].kind == .scalar {
      let source = state.frame.registers[number].source
      state.frame.registers[number].source = provenance.node(source)
    }
    let saved = SavedState(state, parent: parent, written: written)
    explored[slot].append(saved)
    allStates.append(saved)
    peakStates = max(peakStates, allStates.count)
    statesPerInstruction = max(statesPerInstruction, explored[slot].count)
    parent = saved
    written = StackMasks()
  }

  /// A covered path needs what the covering state turned out to need.
  private mutating func adopt(_ saved: SavedState) {
    for frame in 0...state.depth {
      let bits = saved.read[frame] & ~written[frame]
      if bits != 0 { parent?.noteRead(frame: frame, bits: bits) }
      let old = saved.state[frame: frame]
      let new = state[frame: frame]
      for number in 0..<10 where old.registers[number].kind == .scalar {
        if provenance.isPrecise(old.registers[number].source) {
          needsPrecisely(new.registers[number])
        }
      }
      for (index, slot) in old.stack.enumerated() where slot.isSpilled && slot.value.isScalar {
        if provenance.isPrecise(slot.value.source), index < new.stack.count,
          new.stack[index].isSpilled
        {
          needsPrecisely(new.stack[index].value)
        }
      }
    }
  }

  /// Marks everything that the state holds as needed.
  private mutating func demandEverything() {
    for frame in 0...state.depth {
      let bits = ~written[frame]
      if bits != 0 { parent?.noteRead(frame: frame, bits: bits) }
      let current = state[frame: frame]
      for number in 0..<10 { needsPrecisely(current.registers[number]) }
      for slot in current.stack where slot.isSpilled { needsPrecisely(slot.value) }
    }
  }

  /// Gives up what an earlier round of a loop knew better, so that rounds become the same.
  mutating func widen(_ next: inout PathState) {
    guard let earlier = explored[slot].last(where: { $0.openPaths > 0 && isComparable($0.state) })
    else { return }
    for number in 0..<10 {
      let old = earlier.state.frame.registers[number]
      let new = next.frame.registers[number]
      guard old.isScalar, new.isScalar, old.scalar != new.scalar,
        !provenance.isPrecise(old.source)
      else { continue }
      next.frame.registers[number] = .unknown
    }
    for index in next.frame.stack.indices where index < earlier.state.frame.stack.count {
      let old = earlier.state.frame.stack[index]
      let new = next.frame.stack[index]
      guard old.isSpilled, new.isSpilled, old.value.isScalar, new.value.isScalar,
        old.value.scalar != new.value.scalar, !provenance.isPrecise(old.value.source)
      else { continue }
      next.frame.stack[index].scrub()
    }
  }
}
