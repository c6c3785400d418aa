import BPFInstructions
import BPFRuntime
import X86Assembler

/// Which registers are read later, and what nobody reads.
struct Liveness {
  fileprivate let effects: [InstructionEffect]
  /// By block, the registers whose content is read in it or behind it.
  fileprivate var before: [UInt16]

  /// Removes what is not needed, and loads where the only use can load by itself.
  static func removeDead(from plan: inout Plan, _ effects: [InstructionEffect]) {
    var liveness = Liveness(
      effects: effects, before: [UInt16](repeating: 0, count: plan.blocks.count))
    // Without loops every block comes before those that it leads to, so what is read behind a block
    // is known when its turn comes.
    if plan.hasLoops { liveness.findOut(plan) }
    for number in plan.blocks.indices.reversed() { liveness.removeDead(number, &plan) }
  }

  private mutating func findOut(_ plan: Plan) {
    var isChanged = true
    while isChanged {
      isChanged = false
      for number in plan.blocks.indices.reversed() {
        var live = after(plan.blocks[number])
        for step in plan.steps[plan.blocks[number].range].reversed() { flow(step, &live) }
        isChanged = isChanged || live != before[number]
        before[number] = live
      }
    }
  }

  /// What is read behind the last step of a block.
  private func after(_ block: Plan.Block) -> UInt16 {
    var live: UInt16 = block.branch?.reads ?? 0
    if block.taken >= 0 { live |= before[block.taken] }
    if block.next >= 0 { live |= before[block.next] }
    return live
  }

  /// Goes over a step backwards; `false` if it is not needed.
  @discardableResult
  @inline(__always)
  private func flow(_ step: Step, _ live: inout UInt16) -> Bool {
    switch step.form {
    case .removed: return false
    case .plain:
      let effect = effects[Int(step.origin)]
      live = live & ~effect.writes | effect.reads
      return true
    default:
      let writes = step.writes
      // Loads have no effect but their result.
      guard writes == 0 || live & writes != 0 else { return false }
      live = live & ~writes | step.reads
      return true
    }
  }

  private mutating func removeDead(_ number: Int, _ plan: inout Plan) {
    let range = plan.blocks[number].range
    var live = after(plan.blocks[number])
    for index in range.reversed() {
      let step = plan.steps[index]
      if step.form == .binary, !step.hasImmediate, step.right != step.left,
        step.left == step.destination, live & Step.bit(step.destination) != 0,
        live & Step.bit(step.right) == 0
      {
        joinLoad(at: index, range.lowerBound, &plan)
        flow(plan.steps[index], &live)
        continue
      }
      if step.form == .plain { plan.steps[index].liveBehind = live }
      if !flow(step, &live) { plan.steps[index].form = .removed }
    }
    before[number] = live
  }

  /// `r = [m]; x += r` is `x += [m]` if r is not needed any more.
  private func joinLoad(at index: Int, _ start: Int, _ plan: inout Plan) {
    let step = plan.steps[index]
    let isWide = step.size == .doubleWord
    var candidate = index - 1
    // Nothing in between may write memory, what the address is made of, or read r.
    var written: UInt16 = 0
    while candidate >= max(start, index - 6) {
      let load = plan.steps[candidate]
      if load.form == .load, load.destination == step.right {
        guard load.accessSize == (isWide ? .doubleWord : .word), !load.isSigned,
          written & load.reads == 0
        else { return }
        plan.steps[index].form = .binaryLoad
        plan.steps[index].base = load.base
        plan.steps[index].index = load.index
        plan.steps[index].scale = load.scale
        plan.steps[index].displacement = load.displacement
        // What its address is made of may be what it would have overwritten.
        plan.steps[candidate].form = .removed
        return
      }
      guard load.form != .plain, load.form != .store,
        (load.reads | load.writes) & Step.bit(step.right) == 0
      else { return }
      written |= load.writes
      candidate -= 1
    }
  }
}
