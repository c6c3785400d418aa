/// A program in steps, ready to be written down.
struct Plan {
  struct Block {
    /// Its steps.
    var range: Range<Int>
    /// The function it belongs to, by number.
    var function: Int
    /// Whether a function starts here.
    var isEntry: Bool
    /// Whether a path leads from it to itself.
    var isInLoop: Bool
    /// The blocks of the outermost loop around it, with what lies between them.
    var loop: Range<Int>
    /// What is compared at the end; without it the block goes on in `next`.
    var branch: Step?
    /// Where it goes if the comparison holds; -1 when it goes nowhere.
    var taken: Int
    /// Where it goes otherwise; -1 when it goes nowhere.
    var next: Int
  }

  /// A number that a register holds throughout a function.
  struct HeldConstant {
    var register: UInt8
    var value: UInt64
  }

  var steps: [Step]
  var blocks: [Block]
  /// By function.
  var held: [[HeldConstant]]
  /// What is known at tail calls; their steps' immediates are indices into this.
  var snapshots: [KnownValues]

  /// How many ways lead to each block.
  func sourceCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: blocks.count)
    for block in blocks {
      if block.taken >= 0 { counts[block.taken] += 1 }
      if block.next >= 0 { counts[block.next] += 1 }
    }
    return counts
  }
}
