import BPFInstructions

// Whether an earlier path has covered this state, so that the path can end here.
extension Explorer {
  mutating func isCovered() throws(Refusal) -> Bool {
    // Rounds of these loops are compared with each other, so each has to be there.
    let isForced = code.isLoopPoint[slot]
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
      } else if coversEnded(index) {
        states[index].hits &+= 1
        return true
      }
      // States that many paths passed in vain are not worth looking at again.
      if savesState { states[index].misses &+= 1 }
      let patience: Int32 = isForced && states[index].openPaths > 0 ? 64 : 3
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
  func isComparable(_ index: Int) -> Bool {
    states[index].callSite == state.frame.callSite
      && states[index].callers.count == state.callers.count
  }

  /// Comparing with a state whose paths have not all ended: the path is in a loop.
  private mutating func coversLoop(_ index: Int) throws(Refusal) -> Bool {
    let depth = states[index].mayGotoDepth
    if depth != state.mayGotoDepth, code.isLoopPoint[slot], covers(index, .everything) {
      adopt(index, mayNeedMore: true)
      noteLoop(to: Int32(truncatingIfNeeded: index))
      return true
    }
    if depth == state.mayGotoDepth, states[index].function == state.frame.function,
      !isCallbackPoint, maybeSame(index), covers(index, .same)
    {
      throw Refusal.invalid("infinite loop detected at insn \(slot)").at(slot)
    }
    return false
  }

  private var isCallbackPoint: Bool { code.isLoopPoint[slot] && code.kinds[slot] != .mayGoto }

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
}
