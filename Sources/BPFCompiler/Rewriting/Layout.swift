/// The order in which blocks are written down: where a block goes without condition comes behind
/// it, if that is still to be had. So loops that are entered in the middle start there, and jumps
/// to jumps go to where those lead.
struct Layout {
  /// Blocks in order; those that nothing leads to are left out.
  private(set) var order: [Int] = []

  init(_ plan: inout Plan) {
    Self.shorten(&plan)
    var isPlaced = [Bool](repeating: false, count: plan.blocks.count)
    var waiting = plan.blocks.indices.reversed().filter { plan.blocks[$0].isEntry }
    while let first = waiting.popLast() {
      var number = first
      while number >= 0, !isPlaced[number] {
        isPlaced[number] = true
        order.append(number)
        let block = plan.blocks[number]
        if block.taken >= 0, !isPlaced[block.taken] { waiting.append(block.taken) }
        number = block.next
      }
    }
  }

  /// Leads every way through blocks without steps to where they go.
  private static func shorten(_ plan: inout Plan) {
    for number in plan.blocks.indices {
      plan.blocks[number].taken = target(plan.blocks[number].taken, plan)
      plan.blocks[number].next = target(plan.blocks[number].next, plan)
      if plan.blocks[number].branch != nil,
        plan.blocks[number].taken == plan.blocks[number].next
      {
        plan.blocks[number].branch = nil
        plan.blocks[number].taken = -1
      }
    }
  }

  private static func target(_ number: Int, _ plan: Plan) -> Int {
    var number = number
    // Empty blocks may lead in a circle.
    for _ in 0..<8 {
      guard number >= 0 else { break }
      let block = plan.blocks[number]
      guard !block.isEntry, block.branch == nil, block.taken < 0, block.next >= 0,
        block.next != number,
        plan.steps[block.range].allSatisfy({ $0.form == .removed })
      else { break }
      number = block.next
    }
    return number
  }
}
