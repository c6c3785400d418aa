import BPFRuntime
import X86Assembler

extension Lowering {
  /// Writes a short loop down as often as it was found to pay; the block ends behind it.
  mutating func lower(
    _ loop: ShortLoop, _ block: Plan.Block, _ branch: Step, _ number: Int, followedBy next: Int
  ) {
    let leavesIfTaken = block.taken != number
    let exit = leavesIfTaken ? block.taken : block.next
    let code = branch.condition.code
    let head = loop.sums.isEmpty ? labels[number] : startSums(loop)
    for copy in 0..<loop.copies {
      lowerSteps(of: block, loop, copy)
      note(branch.origin)
      guard copy < loop.copies - 1 else { break }
      if !loop.isCounted {
        leaveEarly(loop, branch, leavesIfTaken ? code : code.inverted, to: labels[exit])
      }
    }
    compare(branch)
    let isShort =
      usesShortJumps && out.position(of: head).map { out.count - $0 <= 126 - 12 } ?? false
    out.jump(if: leavesIfTaken ? code.inverted : code, head, isShort: isShort)
    for sum in loop.sums {
      for part in sum.parts { out.binary(.add, sum.size, machine(sum.register), machine(part)) }
    }
    if exit != next { jump(to: exit, from: number) }
  }

  /// Where the rounds are not known, every copy may be the last one.
  private mutating func leaveEarly(
    _ loop: ShortLoop, _ branch: Step, _ code: ConditionCode, to exit: Encoder.Label
  ) {
    guard let counter = loop.counter else {
      compare(branch)
      return out.jump(if: code, exit)
    }
    var comparison = branch
    comparison.immediate -= counter.amount
    compare(comparison)
    // Whoever leaves here still has to be given the sum.
    let leave = out.makeLabel()
    let amount = Int32(truncatingIfNeeded: counter.amount)
    cold.append(ColdCode(leave, exit, .add(machine(counter.register), amount)))
    out.jump(if: code, leave)
  }

  /// What is added up starts as 0 in the registers that are not the loop's own; returns where the
  /// loop begins.
  private mutating func startSums(_ loop: ShortLoop) -> Encoder.Label {
    for sum in loop.sums {
      for part in sum.parts { loadConstant(machine(part), 0) }
    }
    alignLoop()
    let head = out.makeLabel()
    out.bind(head)
    return head
  }

  private mutating func lowerSteps(of block: Plan.Block, _ loop: ShortLoop, _ copy: Int) {
    flags = nil
    let isLast = copy == loop.copies - 1
    for index in block.range {
      var step = plan.steps[index]
      if let counter = loop.counter {
        if index == counter.step {
          guard isLast else { continue }
          step.immediate = counter.amount * Int64(loop.copies)
        } else if index == counter.copy {
          guard isLast else { continue }
          put(counter, into: &step, by: index < counter.step ? copy : 0)
        } else if index < counter.step {
          counter.advance(&step, by: copy)
        } else if !isLast {
          counter.advance(&step, by: copy + 1)
        }
      }
      if let sum = loop.sums.first(where: { $0.step == index }) {
        let register = ([sum.register] + sum.parts)[copy % (sum.parts.count + 1)]
        step.destination = register
        if step.form == .binary { step.left = register }
      }
      if step.form != .removed { note(step.origin) }
      lower(step)
    }
  }

  /// Makes a copy of the counter what it is some additions later.
  private func put(_ counter: ShortLoop.Counter, into step: inout Step, by additions: Int) {
    guard additions > 0 else { return }
    step.form = .address
    step.base = step.left
    step.left = Step.none
    step.displacement = Int32(truncatingIfNeeded: counter.amount * Int64(additions))
  }
}
