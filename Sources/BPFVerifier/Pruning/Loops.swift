// Loops whose rounds are only counted when the program runs: callbacks and `may_goto`. A round that
// comes back in a state that an earlier round covers ends there, although it is not known yet what
// the loop's body needs.
extension Explorer {
  /// Comparing with a state from which all paths have ended.
  mutating func coversEnded(_ index: Int) -> Bool {
    let loop = openLoop(around: index)
    guard loop != SavedState.none else {
      guard covers(index, .precise) else { return false }
      adopt(index, mayNeedMore: false)
      return true
    }
    guard covers(index, .everything) else { return false }
    adopt(index, mayNeedMore: true)
    noteLoop(to: loop)
    return true
  }

  /// The path came back to a state from which paths are still followed, or to one that waits for
  /// such a state: what the states on the way need is known when that one's paths have all ended.
  mutating func noteLoop(to loop: Int32) {
    var current = parent
    while current > loop {
      let known = states[Int(current)].loop
      // Those before it know of that loop too.
      if known != SavedState.none, known <= loop { return }
      states[Int(current)].loop = loop
      current = states[Int(current)].parent
    }
  }

  /// The state for whose paths a state has to wait, before all that it needs is known; none if
  /// nothing more can turn out.
  private mutating func openLoop(around index: Int) -> Int32 {
    var loop = states[index].loop
    while loop != SavedState.none, states[Int(loop)].openPaths <= 0 {
      loop = states[Int(loop)].loop
    }
    states[index].loop = loop
    return loop
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
    let old = states[Int(earlier)]
    var next = old.registers.first
    for number in 0..<10 where old.registers.members & (1 &<< UInt16(number)) != 0 {
      if differs(savedRegisters[next], state.frame.registers[number]) {
        state.frame.registers[number] = .unknown
      }
      next &+= 1
    }
    widen(&state.frame.stack, old.stack)
    for (index, frame) in old.callers.enumerated() {
      for number in 0..<10
      where differs(frame.registers[number], state.callers[index].registers[number]) {
        state.callers[index].registers[number] = .unknown
      }
      widen(&state.callers[index].stack, frame.stack)
    }
  }

  private func widen(_ stack: inout [StackSlot], _ earlier: [StackSlot]) {
    for index in 0..<min(stack.count, earlier.count)
    where earlier[index].isSpilled && stack[index].isSpilled {
      if differs(earlier[index].value, stack[index].value) { stack[index].scrub() }
    }
  }

  /// Whether a number changed whose exact bounds decided nothing so far.
  private func differs(_ old: RegisterState, _ new: RegisterState) -> Bool {
    old.isScalar && new.isScalar && old.scalar != new.scalar && !provenance.isPrecise(old.source)
  }
}
