import BPFInstructions
import BPFRuntime
import X86Assembler

/// Branches over next to nothing become selections.
///
/// A branch that depends on data is guessed wrong every other time, and a wrong guess costs as
/// much as a dozen instructions; a selection waits for its operands instead. So only branches in
/// loops are replaced, and only where the condition does not depend on what is selected: there the
/// machine would wait for one iteration after the other.
struct Selects {
  private var plan: Plan
  private let effects: [InstructionEffect]
  private var sources: [Int]
  /// New steps, by block.
  private var appended: [Int: [Step]] = [:]

  /// Registers for what is computed on both ways.
  private static let temporaries: [UInt8] = [11, 12]

  static func form(in plan: inout Plan, _ effects: [InstructionEffect]) {
    guard plan.hasLoops else { return }
    var selects = Selects(plan: plan, effects: effects, sources: plan.sourceCounts())
    for number in plan.blocks.indices where plan.blocks[number].isInLoop {
      selects.replaceBranch(of: number)
    }
    plan = selects.finished()
  }

  private init(plan: Plan, effects: [InstructionEffect], sources: [Int]) {
    self.plan = plan
    self.effects = effects
    self.sources = sources
  }

  private consuming func finished() -> Plan {
    for (number, steps) in appended {
      // At the end, where a range may have its place: ranges need not be in order.
      let start = plan.steps.count
      plan.steps += plan.steps[plan.blocks[number].range]
      plan.steps += steps
      plan.blocks[number].range = start..<plan.steps.count
    }
    return plan
  }

  private mutating func replaceBranch(of number: Int) {
    let block = plan.blocks[number]
    guard let branch = block.branch, block.taken >= 0, block.next >= 0, block.taken != block.next
    else { return }
    let taken = arm(block.taken)
    let next = arm(block.next)
    let ifTaken: [Step]
    let ifNot: [Step]
    let join: Int
    switch (taken, next) {
    case (let taken?, let next?) where taken.join == next.join:
      (ifTaken, ifNot, join) = (taken.steps, next.steps, taken.join)
    case (let taken?, _) where taken.join == block.next:
      (ifTaken, ifNot, join) = (taken.steps, [], taken.join)
    case (_, let next?) where next.join == block.taken:
      (ifTaken, ifNot, join) = ([], next.steps, next.join)
    default: return
    }
    guard ifTaken.count + ifNot.count > 0,
      !conditionDepends(branch, on: ifTaken + ifNot, at: number),
      let steps = selection(branch, ifTaken, ifNot)
    else { return }
    appended[number] = steps
    // Nothing leads to what was taken over.
    for arm in [ifTaken.isEmpty ? -1 : block.taken, ifNot.isEmpty ? -1 : block.next]
    where arm >= 0 {
      plan.blocks[arm].next = -1
    }
    plan.blocks[number].branch = nil
    plan.blocks[number].taken = -1
    plan.blocks[number].next = join
  }

  /// What a block does, if that is one step and it is reached from one place only.
  private func arm(_ number: Int) -> (steps: [Step], join: Int)? {
    let block = plan.blocks[number]
    guard sources[number] == 1, !block.isEntry, block.branch == nil, block.taken < 0,
      block.next >= 0, block.range.count <= 4, appended[number] == nil
    else { return nil }
    let steps = plan.steps[block.range].filter { $0.form != .removed }
    guard steps.count == 1 else { return nil }
    switch steps[0].form {
    case .move, .constant, .address, .zeroExtend, .signExtend: break
    case .binary: guard !steps[0].isProduct else { return nil }
    case .shift: guard steps[0].hasImmediate else { return nil }
    default: return nil
    }
    return (steps, block.next)
  }

  private func selection(_ branch: Step, _ ifTaken: [Step], _ ifNot: [Step]) -> [Step]? {
    var result: [Step] = []
    var selects: [Step] = []
    for (step, isTaken) in ifTaken.map({ ($0, true) }) + ifNot.map({ ($0, false) }) {
      var select = Step(.select, origin: Int(step.origin))
      select.destination = step.destination
      select.condition = branch.condition
      // The flag of the opposite condition is a matter of how it is written.
      select.hasImmediate = !isTaken
      let others = (ifTaken + ifNot).filter { $0.origin != step.origin }
      if step.form == .move, step.size == .doubleWord, step.left <= 10,
        others.allSatisfy({ $0.destination != step.left })
      {
        select.left = step.left
      } else {
        var temporary = step
        temporary.destination = Self.temporaries[selects.count]
        result.append(temporary)
        select.left = temporary.destination
      }
      selects.append(select)
    }
    var compare = branch
    compare.form = .compare
    return result + [compare] + selects
  }

  /// Whether what is compared is made of what is selected, somewhere in the loop.
  private func conditionDepends(_ branch: Step, on selected: [Step], at number: Int) -> Bool {
    var tainted: UInt16 = 0
    for step in selected { tainted |= step.writes }
    let loop = plan.blocks[number].loop
    // Of large loops nobody knows what takes how long.
    guard loop.count <= 64 else { return true }
    var old: UInt16 = 0
    while old != tainted {
      old = tainted
      for block in plan.blocks[loop] where block.isInLoop {
        for step in plan.steps[block.range] {
          if step.form == .plain {
            let effect = effects[Int(step.origin)]
            if effect.reads & tainted != 0 { tainted |= effect.writes }
          } else if step.form != .removed, step.reads & tainted != 0 {
            tainted |= step.writes
          }
        }
      }
    }
    return branch.reads & tainted != 0
  }
}
