import BPFInstructions
import BPFRuntime
import X86Assembler

/// Which registers are read later, and what nobody reads.
struct Liveness {
  private let instructions: [DecodedInstruction]
  /// By block, the registers whose content is read in it or behind it.
  private var before: [UInt16]

  init(_ instructions: [DecodedInstruction], _ plan: Plan) {
    self.instructions = instructions
    before = [UInt16](repeating: 0, count: plan.blocks.count)
    // Without loops every block comes before those that it leads to, so once is enough.
    let hasLoops = plan.blocks.contains { $0.isInLoop }
    var isChanged = true
    while isChanged {
      isChanged = false
      for number in plan.blocks.indices.reversed() {
        var live = after(plan.blocks[number])
        for step in plan.steps[plan.blocks[number].range].reversed() { flow(step, &live) }
        isChanged = isChanged || (hasLoops && live != before[number])
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
  private func flow(_ step: Step, _ live: inout UInt16) -> Bool {
    switch step.form {
    case .removed: return false
    case .plain:
      let instruction = instructions[Int(step.origin)]
      live &= ~RegisterUse.writes(instruction)
      live |= RegisterUse.reads(instruction)
      return true
    default:
      let writes = step.writes
      // Loads have no effect but their result.
      guard writes == 0 || live & writes != 0 else { return false }
      live = live & ~writes | step.reads
      return true
    }
  }

  /// Removes what is not needed, and loads where the only use can load by itself.
  func removeDead(from plan: inout Plan) {
    for block in plan.blocks {
      var live = after(block)
      for index in block.range.reversed() {
        let step = plan.steps[index]
        if step.form == .binary, !step.hasImmediate, step.right != step.left,
          step.left == step.destination, live & Step.bit(step.destination) != 0,
          live & Step.bit(step.right) == 0
        {
          joinLoad(at: index, block.range.lowerBound, &plan)
        }
        if step.form == .plain { plan.steps[index].liveBehind = live }
        if !flow(plan.steps[index], &live) { plan.steps[index].form = .removed }
      }
    }
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
