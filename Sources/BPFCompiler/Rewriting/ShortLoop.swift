import BPFInstructions
import X86Assembler

/// A loop of one block, so short that jumping back is what it waits for: it is written down
/// several times.
///
/// Where the number of its rounds is known and a multiple of the copies, it is compared once per
/// copies, and what it only adds up is added up in several registers, because one addition waits
/// for the other. Elsewhere it is compared after every copy.
struct ShortLoop {
  /// How often it is written down.
  var copies: Int
  /// Whether the number of its rounds is a multiple of the copies.
  var isCounted: Bool
  /// What is added to once per round and can be put off to the last copy.
  var counter: Counter?
  /// What the rounds add up.
  var sums: [Sum] = []

  /// A register that a loop adds a number to, once.
  struct Counter {
    var register: UInt8
    var amount: Int64
    var step: Int
    /// A step that copies it for the comparison at the end, and for nothing else.
    var copy: Int?

    /// Makes a step's place in memory what it is some additions later.
    func advance(_ step: inout Step, by additions: Int) {
      let sum = amount * Int64(additions)
      var distance = step.base == register ? sum : 0
      if step.index == register { distance += sum << Int64(step.scale.rawValue) }
      step.displacement += Int32(truncatingIfNeeded: distance)
    }
  }

  /// A register that something is added to in one step, and that nothing else in the loop uses.
  struct Sum {
    var register: UInt8
    var size: OperandSize
    var step: Int
    /// Registers that copies may add to instead; they start as 0 and are added in the end.
    var parts: [UInt8]
  }

  /// Steps in one copy, and in all of them together.
  private static let stepLimit = 10
  private static let unrolledStepLimit = 40
  private static let copyLimit = 8
  /// Rounds that are counted one by one to find their number.
  private static let roundLimit = 4096
  /// Fewer rounds are not worth several sums.
  private static let fewestRoundsOfSums = 16

  /// `nil` for blocks that are no such loops.
  ///
  /// - Parameter sources: The other blocks that lead to this one.
  init?(_ number: Int, _ plan: Plan, sources: [Int]) {
    let block = plan.blocks[number]
    guard let branch = block.branch, (block.taken == number) != (block.next == number) else {
      return nil
    }
    var indices: [Int] = []
    for index in block.range {
      switch plan.steps[index].form {
      case .removed: continue
      case .plain, .lookup: return nil
      default: indices.append(index)
      }
    }
    guard indices.count <= Self.stepLimit else { return nil }
    let body = Body(steps: plan.steps, indices: indices, branch: branch)
    let rounds = Self.rounds(number, plan, sources: sources).flatMap { known in
      body.rounds(startingFrom: known, isBackIfTaken: block.taken == number, Self.roundLimit)
    }
    let most = min(Self.copyLimit, Self.unrolledStepLimit / max(indices.count, 1))
    if let rounds, let copies = (2...max(most, 2)).last(where: { rounds.isMultiple(of: $0) }),
      copies <= most
    {
      self.copies = copies
      isCounted = true
      counter = body.counter(isCounted: true)
      if rounds >= Self.fewestRoundsOfSums { sums = body.sums() }
    } else {
      copies = 2
      isCounted = false
      counter = body.counter(isCounted: false)
    }
  }

  /// What is known when the loop starts, if it is still entered from where that was found out.
  private static func rounds(_ number: Int, _ plan: Plan, sources: [Int]) -> KnownValues? {
    guard let start = plan.loopStarts[number], sources.allSatisfy(start.sources.contains) else {
      return nil
    }
    return start.known
  }
}

/// The steps of a loop that is one block.
private struct Body {
  var steps: [Step]
  var indices: [Int]
  var branch: Step

  /// `register += number`, if nothing else writes the register.
  private func addition(to register: UInt8) -> Int? {
    let writers = indices.filter { steps[$0].writes & Step.bit(register) != 0 }
    guard writers.count == 1, let index = writers.first else { return nil }
    let step = steps[index]
    guard step.form == .binary, step.binary == .add, !step.isProduct, step.hasImmediate,
      step.left == register
    else { return nil }
    return index
  }

  /// `register = counter`, if that is all that is done with the register before the comparison.
  private func copy(in register: UInt8) -> Int? {
    let bit = Step.bit(register)
    let users = indices.filter { (steps[$0].writes | steps[$0].reads) & bit != 0 }
    guard users.count == 1, let index = users.first, steps[index].form == .move,
      steps[index].destination == register, steps[index].left != register
    else { return nil }
    return index
  }

  // MARK: Rounds

  /// How often the loop is gone through.
  func rounds(startingFrom known: KnownValues, isBackIfTaken: Bool, _ limit: Int) -> Int? {
    guard branch.hasImmediate else { return nil }
    let copy = copy(in: branch.left)
    let register = copy.map { steps[$0].left } ?? branch.left
    var known = known
    guard let addition = addition(to: register), let start = known.constant(register) else {
      return nil
    }
    let amount = UInt64(bitPattern: steps[addition].immediate)
    let counterMask = Self.mask(steps[addition].size)
    let copyMask = copy.map { Self.mask(steps[$0].size) } ?? .max
    // A copy made in front of the addition is what the counter was.
    let isAhead = copy.map { $0 < addition } ?? false
    let width: Operation.Width = branch.size == .word ? .bits32 : .bits64
    var value = start
    for round in 1...limit {
      let next = (value &+ amount) & counterMask
      let compared = (isAhead ? value : next) & copyMask
      value = next
      let holds = branch.condition.holds(width, compared, UInt64(bitPattern: branch.immediate))
      if holds != isBackIfTaken { return round }
    }
    return nil
  }

  private static func mask(_ size: OperandSize) -> UInt64 {
    size == .word ? 0xffff_ffff : .max
  }

  // MARK: Counters

  /// The counter that the loop ends by, if it is used in places in memory only.
  func counter(isCounted: Bool) -> ShortLoop.Counter? {
    let copy = isCounted ? copy(in: branch.left) : nil
    let register = copy.map { steps[$0].left } ?? branch.left
    guard branch.hasImmediate, branch.size == .doubleWord || isCounted,
      let addition = addition(to: register), steps[addition].size == .doubleWord,
      steps[addition].immediate.magnitude <= 1 << 16
    else { return nil }
    let amount = steps[addition].immediate
    if let copy, steps[copy].size != .doubleWord { return nil }
    if !isCounted {
      // The comparison after the first copy is with what the counter would be.
      guard branch.condition == .equal || branch.condition == .notEqual,
        Int32(exactly: branch.immediate - amount) != nil
      else { return nil }
    }
    for index in indices where index != addition && index != copy {
      guard isPlace(steps[index], register) else { return nil }
    }
    return ShortLoop.Counter(register: register, amount: amount, step: addition, copy: copy)
  }

  /// Whether a step uses a register only to address memory, if at all.
  private func isPlace(_ step: Step, _ register: UInt8) -> Bool {
    guard step.reads & Step.bit(register) != 0 else { return true }
    let isOperand =
      step.left == register || (!step.hasImmediate && step.right == register)
      || (step.form == .binaryLoad && step.destination == register)
    return !isOperand && step.displacement.magnitude < 1 << 28
  }

  // MARK: Sums

  func sums() -> [ShortLoop.Sum] {
    var used: UInt16 = branch.reads
    for index in indices { used |= steps[index].reads | steps[index].writes }
    // The machine's registers that no BPF register is in.
    var spare: [UInt8] = [11, 12].filter { used & Step.bit($0) == 0 }
    let found = indices.filter { isSum(at: $0) }
    guard !found.isEmpty, found.count <= spare.count else { return [] }
    let share = spare.count / found.count
    return found.map { index in
      let parts = Array(spare.prefix(share))
      spare.removeFirst(share)
      return ShortLoop.Sum(
        register: steps[index].destination, size: steps[index].size, step: index, parts: parts)
    }
  }

  private func isSum(at index: Int) -> Bool {
    let step = steps[index]
    guard step.binary == .add, !step.isProduct else { return false }
    let bit = Step.bit(step.destination)
    switch step.form {
    case .binary:
      guard step.left == step.destination, !step.hasImmediate, step.right != step.left else {
        return false
      }
    case .binaryLoad:
      guard step.base != step.destination, step.index != step.destination else { return false }
    default: return false
    }
    return branch.reads & bit == 0
      && indices.allSatisfy { $0 == index || (steps[$0].reads | steps[$0].writes) & bit == 0 }
  }
}
