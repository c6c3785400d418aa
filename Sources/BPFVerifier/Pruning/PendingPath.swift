/// A side of a fork that has not been followed yet: the state before the fork, and what the fork
/// shows on this side.
struct PendingPath {
  var slot: Int
  var parent: Int32
  var trail: PathTrail.Mark
  var written: StackMasks
  var callers: [Frame]
  var stack: [StackSlot]
  var registers: SavedRegisters.Group
  var function: Int
  var callSite: Int
  var purpose: Frame.Purpose
  var callbackDepth: UInt32
  var hasDynptrs: Bool
  var references: [PathState.Reference]
  var lock: UInt32
  var mayGotoDepth: UInt32
  var conclusion: Conclusion

  /// What the way that a jump went shows. It is applied when the path is followed, so that a fork
  /// copies nothing but registers.
  enum Conclusion {
    case none
    /// Bounds of the compared registers; the values follow the path's saved registers.
    case numbers(left: Int, right: Int?)
    /// Whether a value is 0; it follows the path's saved registers.
    case nullness(isNull: Bool)
    /// How far the packet reaches at least, behind a value that follows the saved registers.
    case packet(range: UInt32)
  }
}

extension Explorer {
  /// Leaves a side of a fork for later; `first` and `second` are what the conclusion is about.
  mutating func fork(
    to target: Int, _ conclusion: PendingPath.Conclusion = .none, _ first: RegisterState? = nil,
    _ second: RegisterState? = nil
  ) throws(Refusal) {
    let members = log.level > 0 ? .max : code.liveRegisters[target]
    let registers = pendingRegisters.save(state.frame.registers, members)
    if let first { pendingRegisters.append(first) }
    if let second { pendingRegisters.append(second) }
    pending.append(
      PendingPath(
        slot: target, parent: parent, trail: trail.mark, written: written,
        callers: state.callers, stack: state.frame.stack, registers: registers,
        function: state.frame.function, callSite: state.frame.callSite,
        purpose: state.frame.purpose, callbackDepth: state.frame.callbackDepth,
        hasDynptrs: state.hasDynptrs, references: state.references, lock: state.lock,
        mayGotoDepth: state.mayGotoDepth, conclusion: conclusion))
    if parent != SavedState.none { states[Int(parent)].openPaths &+= 1 }
    peakPending = max(peakPending, pending.count)
    let limit = 8192
    guard pending.count <= limit else {
      throw Refusal(
        errno: 14, message: "The sequence of \(pending.count) jumps is too complex.")
    }
  }

  /// Goes back to the last fork with a side that was not followed; `false` if there is none.
  mutating func nextPath() -> Bool {
    pathEnded(parent)
    guard let path = pending.popLast() else { return false }
    slot = path.slot
    parent = path.parent
    written = path.written
    trail.restore(path.trail)
    state.callers = path.callers
    state.references = path.references
    state.lock = path.lock
    state.mayGotoDepth = path.mayGotoDepth
    state.frame.stack = path.stack
    state.frame.function = path.function
    state.frame.callSite = path.callSite
    state.frame.purpose = path.purpose
    state.frame.callbackDepth = path.callbackDepth
    state.hasDynptrs = path.hasDynptrs
    state.frame.registers[10] = .stackPointer(frame: path.callers.count)
    pendingRegisters.restore(path.registers, to: &state.frame.registers)
    let next = path.registers.first + path.registers.members.nonzeroBitCount
    switch path.conclusion {
    case .none: break
    case .numbers(let left, let right):
      conclude(left, pendingRegisters[next], right, right.map { _ in pendingRegisters[next + 1] })
    case .nullness(let isNull): settle(pendingRegisters[next], isNull: isNull)
    case .packet(let range): extend(pendingRegisters[next], to: range)
    }
    pendingRegisters.remove(from: path.registers)
    log.note(resumedAt: slot)
    return true
  }
}
