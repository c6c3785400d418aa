import BPFInstructions

// Whether an earlier path has covered this state, so that the path can end here.
extension Explorer {
  mutating func isCovered() throws(Refusal) -> Bool {
    // Rounds of these loops are compared with each other, so each has to be there.
    let isForced = code.kinds[slot] == .mayGoto
    var savesState = isForced || jumps &- jumpsAtSave >= 2 && processed &- processedAtSave >= 8
    var previous = SavedState.none
    var current = newest[slot]
    var count = 0
    while current != SavedState.none {
      let index = Int(current)
      let next = states[index].next
      count += 1
      guard isComparable(index) else {
        previous = current
        current = next
        continue
      }
      if states[index].openPaths > 0 {
        if try coversLoop(index) { return true }
        // In a loop, states are saved less often.
        if !isForced, jumps &- jumpsAtSave < 20, processed &- processedAtSave < 100 {
          savesState = false
        }
      } else if covers(index, .precise) {
        states[index].hits &+= 1
        adopt(index)
        return true
      }
      // States that many paths passed in vain are not worth looking at again.
      if savesState { states[index].misses &+= 1 }
      let patience: Int32 = isLoopPoint && states[index].openPaths > 0 ? 64 : 3
      if states[index].misses > states[index].hits &* patience &+ patience {
        if previous == SavedState.none {
          newest[slot] = next
        } else {
          states[Int(previous)].next = next
        }
      } else {
        previous = current
      }
      current = next
    }
    if savesState { save(count) }
    return false
  }

  @inline(__always)
  private func isComparable(_ index: Int) -> Bool {
    states[index].callSite == state.frame.callSite
      && states[index].callers.count == state.callers.count
  }

  /// Comparing with a state whose paths have not all ended: the path is in a loop.
  private mutating func coversLoop(_ index: Int) throws(Refusal) -> Bool {
    let depth = states[index].mayGotoDepth
    if depth != state.mayGotoDepth, isLoopPoint, covers(index, .everything) {
      // Marks of the loop's body are not known yet: everything may matter.
      demandEverything()
      return true
    }
    if depth == state.mayGotoDepth, states[index].function == state.frame.function,
      !isCallbackPoint, maybeSame(index), covers(index, .same)
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
  private func maybeSame(_ index: Int) -> Bool {
    let group = states[index].registers
    var next = group.first
    var rest = group.members
    while rest != 0 {
      let number = rest.trailingZeroBitCount
      if savedRegisters[next].kind != state.frame.registers[number].kind
        || savedRegisters[next].scalar.bits != state.frame.registers[number].scalar.bits
      {
        return false
      }
      next &+= 1
      rest &= rest &- 1
    }
    return true
  }

  /// Keeps the state for later paths; `count` others are kept for the same instruction.
  private mutating func save(_ count: Int) {
    jumpsAtSave = jumps
    processedAtSave = processed
    separateNumbers(code.liveRegisters[slot])
    states.append(
      SavedState(
        callers: state.callers, stack: state.frame.stack,
        registers: savedRegisters.save(state.frame.registers, code.liveRegisters[slot]),
        function: state.frame.function, callSite: state.frame.callSite,
        purpose: state.frame.purpose, callbackDepth: state.frame.callbackDepth,
        references: state.references,
        lock: state.lock, mayGotoDepth: state.mayGotoDepth, parent: parent, next: newest[slot],
        written: written))
    parent = Int32(truncatingIfNeeded: states.count &- 1)
    newest[slot] = parent
    written = StackMasks()
    statesPerInstruction = max(statesPerInstruction, count + 1)
  }

  /// Each number gets a node of its own, so that what later paths need of it can be told from what
  /// earlier states needed.
  private mutating func separateNumbers(_ live: UInt16) {
    for number in 0..<10
    where live & (1 &<< UInt16(number)) != 0 && state.frame.registers[number].kind == .scalar {
      state.frame.registers[number].source = provenance.node(state.frame.registers[number].source)
    }
    for index in state.frame.stack.indices
    where state.frame.stack[index].isSpilled && state.frame.stack[index].value.isScalar {
      state.frame.stack[index].value.source =
        provenance.node(state.frame.stack[index].value.source)
    }
  }

  /// A covered path needs what the covering state turned out to need.
  private mutating func adopt(_ index: Int) {
    for frame in 0...state.depth {
      let bits = states[index].read[frame]
      if bits != 0 { noteRead(frame: frame, bits) }
      if frame < state.depth {
        let old = states[index].callers[frame]
        adopt(old.registers, state.callers[frame].registers)
        adopt(old.stack, state.callers[frame].stack)
      } else {
        adopt(states[index].registers)
        adopt(states[index].stack, state.frame.stack)
      }
    }
  }

  private mutating func adopt(_ group: SavedRegisters.Group) {
    var next = group.first
    var rest = group.members
    while rest != 0 {
      let old = savedRegisters[next]
      if old.kind == .scalar, provenance.isPrecise(old.source) {
        needsPrecisely(state.frame.registers[rest.trailingZeroBitCount])
      }
      next &+= 1
      rest &= rest &- 1
    }
  }

  private mutating func adopt(_ old: [RegisterState], _ new: [RegisterState]) {
    for number in 0..<10 where old[number].kind == .scalar {
      if provenance.isPrecise(old[number].source) { needsPrecisely(new[number]) }
    }
  }

  private mutating func adopt(_ old: [StackSlot], _ new: [StackSlot]) {
    for index in 0..<min(old.count, new.count)
    where old[index].isSpilled && old[index].value.isScalar && new[index].isSpilled {
      if provenance.isPrecise(old[index].value.source) { needsPrecisely(new[index].value) }
    }
  }

  /// Marks everything that the state holds as needed.
  private mutating func demandEverything() {
    for frame in 0...state.depth {
      noteRead(frame: frame, .max)
      let current = state[frame: frame]
      for number in 0..<10 { needsPrecisely(current.registers[number]) }
      for slot in current.stack where slot.isSpilled { needsPrecisely(slot.value) }
    }
  }

  /// Gives up what an earlier round of a loop knew better, so that rounds become the same.
  mutating func widen() {
    var earlier = newest[slot]
    // What was saved at this very step says nothing about the round before.
    if earlier == parent, earlier != SavedState.none, processedAtSave == processed {
      earlier = states[Int(earlier)].next
    }
    while earlier != SavedState.none,
      states[Int(earlier)].openPaths <= 0 || !isComparable(Int(earlier))
    {
      earlier = states[Int(earlier)].next
    }
    guard earlier != SavedState.none else { return }
    let group = states[Int(earlier)].registers
    var next = group.first
    for number in 0..<10 where group.members & (1 &<< UInt16(number)) != 0 {
      let old = savedRegisters[next]
      next &+= 1
      let new = state.frame.registers[number]
      guard old.isScalar, new.isScalar, old.scalar != new.scalar,
        !provenance.isPrecise(old.source)
      else { continue }
      state.frame.registers[number] = .unknown
    }
    let stack = states[Int(earlier)].stack
    for index in 0..<min(stack.count, state.frame.stack.count) {
      let old = stack[index]
      let new = state.frame.stack[index]
      guard old.isSpilled, new.isSpilled, old.value.isScalar, new.value.isScalar,
        old.value.scalar != new.value.scalar, !provenance.isPrecise(old.value.source)
      else { continue }
      state.frame.stack[index].scrub()
    }
  }
}
