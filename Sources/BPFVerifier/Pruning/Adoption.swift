// A path that ends because an earlier state covers it needs what that state turned out to need: of
// the stack, and of numbers. If paths from that state are still followed, or wait for a state of
// which that is true, more may turn out later: then the covered path follows the state.
extension Explorer {
  /// A path that has been covered, for what the covering state will turn out to read.
  struct Follower {
    /// The saved state that the path passed last.
    let parent: Int32
    /// Stack slots that the path wrote whole since then.
    let written: StackMasks
    /// The next one that follows the same state: its index in ``followers``.
    let next: Int32
  }

  /// The path that ends here needs what the state is known to need and, if more may turn out, what
  /// that will be.
  mutating func adopt(_ index: Int, mayNeedMore: Bool) {
    for frame in 0...state.depth {
      let bits = states[index].read[frame]
      if bits != 0 { noteRead(frame: frame, bits) }
      if frame < state.depth {
        let old = states[index].callers[frame]
        for number in 0..<10 {
          adopt(old.registers[number], state.callers[frame].registers[number], mayNeedMore)
        }
        adopt(old.stack, state.callers[frame].stack, mayNeedMore)
      } else {
        adopt(states[index].registers, mayNeedMore)
        adopt(states[index].stack, state.frame.stack, mayNeedMore)
      }
    }
    guard mayNeedMore else { return }
    followers.append(
      Follower(parent: parent, written: written, next: states[index].firstFollower))
    states[index].firstFollower = Int32(truncatingIfNeeded: followers.count &- 1)
  }

  private mutating func adopt(_ group: SavedRegisters.Group, _ mayNeedMore: Bool) {
    var next = group.first
    var rest = group.members
    while rest != 0 {
      adopt(savedRegisters[next], state.frame.registers[rest.trailingZeroBitCount], mayNeedMore)
      next &+= 1
      rest &= rest &- 1
    }
  }

  private mutating func adopt(_ old: [StackSlot], _ new: [StackSlot], _ mayNeedMore: Bool) {
    for index in 0..<min(old.count, new.count) where old[index].isSpilled && new[index].isSpilled {
      adopt(old[index].value, new[index].value, mayNeedMore)
    }
  }

  private mutating func adopt(_ old: RegisterState, _ new: RegisterState, _ mayNeedMore: Bool) {
    guard old.isScalar, new.isScalar else { return }
    if provenance.isPrecise(old.source) {
      provenance.markPrecise(new.source)
    } else if mayNeedMore {
      // Nobody can tell later what is needed of a number without a node. Of one that may be
      // anything, no bounds can be.
      if old.source != Provenance.nowhere {
        provenance.link(old.source, to: new.source)
      } else if !old.scalar.isAnything {
        provenance.markPrecise(new.source)
      }
    }
  }

  /// Notes that stack slots were read, in the last saved state and in every one before it up to
  /// the write, and in the paths that follow these states.
  mutating func noteRead(frame: Int, _ slots: UInt64) {
    noteRead(frame, slots & ~written[frame], from: parent)
    while let later = pendingReads.popLast() { noteRead(frame, later.slots, from: later.state) }
  }

  private mutating func noteRead(_ frame: Int, _ slots: UInt64, from last: Int32) {
    var bits = slots
    var current = last
    while bits != 0, current != SavedState.none {
      bits &= ~states[Int(current)].read[frame]
      guard bits != 0 else { return }
      states[Int(current)].read[frame] |= bits
      var follower = states[Int(current)].firstFollower
      while follower != SavedState.none {
        let path = followers[Int(follower)]
        pendingReads.append((path.parent, bits & ~path.written[frame]))
        follower = path.next
      }
      bits &= ~states[Int(current)].written[frame]
      current = states[Int(current)].parent
    }
  }
}
