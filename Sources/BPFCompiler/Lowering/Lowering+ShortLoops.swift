import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// Whether a block is a loop by itself, and so short that jumping back is what it waits for.
  func isShortLoop(_ block: Plan.Block, _ number: Int) -> Bool {
    guard block.taken == number || block.next == number else { return false }
    var count = 0
    for step in plan.steps[block.range] where step.form != .removed {
      if step.form == .plain || step.form == .lookup { return false }
      count += 1
    }
    return count <= Self.shortLoopStepCount
  }

  private static let shortLoopStepCount = 10

  /// Writes a short loop's steps down twice, without the comparison at the end of the second time:
  /// half the jumps back, and one addition to its counter instead of two where that is possible.
  mutating func lowerTwice(_ block: Plan.Block, _ branch: Step, _ number: Int) {
    let leavesIfTaken = block.taken != number
    let code = branch.condition.code
    let exit = labels[leavesIfTaken ? block.taken : block.next]
    let counter = counter(of: block, branch)
    lowerSteps(of: block, counter, isSecond: false)
    if let counter {
      var comparison = branch
      comparison.immediate -= counter.amount
      compare(comparison)
      // Whoever leaves here still has to be given the sum.
      let leave = out.makeLabel()
      let amount = Int32(truncatingIfNeeded: counter.amount)
      cold.append(ColdCode(leave, exit, .add(machine(counter.register), amount)))
      out.jump(if: leavesIfTaken ? code : code.inverted, leave)
    } else {
      compare(branch)
      out.jump(if: leavesIfTaken ? code : code.inverted, exit)
    }
    lowerSteps(of: block, counter, isSecond: true)
  }

  private mutating func lowerSteps(of block: Plan.Block, _ counter: Counter?, isSecond: Bool) {
    flags = nil
    for index in block.range {
      var step = plan.steps[index]
      if let counter {
        if index == counter.step {
          guard isSecond else { continue }
          step.immediate = counter.amount * 2
        } else if isSecond == (index < counter.step) {
          counter.advance(&step)
        }
      }
      lower(step)
    }
  }

  /// A register that a loop adds a number to, once.
  private struct Counter {
    var register: UInt8
    var amount: Int64
    var step: Int

    /// Makes a step's place in memory what it is one addition later.
    func advance(_ step: inout Step) {
      var distance = step.base == register ? amount : 0
      if step.index == register { distance += amount << Int64(step.scale.rawValue) }
      step.displacement += Int32(truncatingIfNeeded: distance)
    }
  }

  /// The counter that a loop ends by, if it is used in places in memory only.
  private func counter(of block: Plan.Block, _ branch: Step) -> Counter? {
    guard branch.hasImmediate, branch.condition == .equal || branch.condition == .notEqual,
      branch.size == .doubleWord
    else { return nil }
    var result: Counter?
    let bit = Step.bit(branch.left)
    for index in block.range {
      let step = plan.steps[index]
      if step.writes & bit != 0 {
        guard result == nil, step.form == .binary, step.binary == .add, !step.isProduct,
          step.hasImmediate, step.left == branch.left, step.size == .doubleWord,
          step.immediate.magnitude <= 1 << 16
        else { return nil }
        result = Counter(register: branch.left, amount: step.immediate, step: index)
      } else if step.reads & bit != 0 {
        let isPlace = step.base == branch.left || step.index == branch.left
        let isValue =
          step.left == branch.left || (!step.hasImmediate && step.right == branch.left)
        guard isPlace, !isValue, step.displacement.magnitude < 1 << 28 else { return nil }
      }
    }
    guard let counter = result, Int32(exactly: branch.immediate - counter.amount) != nil else {
      return nil
    }
    return counter
  }
}
