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

    /// Calls something with every block that it leads to.
    @inline(__always)
    func forEachTarget(_ body: (Int) -> Void) {
      if taken >= 0 { body(taken) }
      if next >= 0 { body(next) }
    }
  }

  /// A number that a register holds throughout a function.
  struct HeldConstant {
    var register: UInt8
    var value: UInt64
  }

  /// What a loop starts from.
  struct LoopStart {
    /// The blocks that lead into it from outside.
    var sources: [Int]
    /// What is known on all ways from there.
    var known: KnownValues
  }

  var steps: [Step]
  var blocks: [Block]
  /// By function.
  var held: [[HeldConstant]]
  /// What is known at tail calls; their steps' immediates are indices into this.
  var snapshots: [KnownValues]
  /// By first block, of loops that only one path leads back into.
  var loopStarts: [Int: LoopStart]
  /// Whether any path leads back.
  var hasLoops: Bool

  /// How many ways lead to each block.
  func sourceCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: blocks.count)
    for block in blocks { block.forEachTarget { counts[$0] += 1 } }
    return counts
  }

  /// Loops without a branch but the last one become one block.
  mutating func joinLoops() {
    guard !loopStarts.isEmpty else { return }
    let sources = sourceCounts()
    for head in loopStarts.keys.sorted() {
      var members = [head]
      while let last = members.last, blocks[last].branch == nil, blocks[last].taken < 0,
        blocks[last].next >= 0, members.count < 8
      {
        let next = blocks[last].next
        guard next != head, sources[next] == 1, !blocks[next].isEntry else { break }
        members.append(next)
      }
      guard members.count > 1, let last = members.last, let branch = blocks[last].branch,
        blocks[last].taken == head || blocks[last].next == head
      else { continue }
      // At the end, where a range may have its place: ranges need not be in order.
      let start = steps.count
      for member in members { steps += steps[blocks[member].range] }
      blocks[head].range = start..<steps.count
      blocks[head].branch = branch
      blocks[head].taken = blocks[last].taken
      blocks[head].next = blocks[last].next
      for other in loopStarts.keys {
        loopStarts[other]?.sources.replace([last], with: [head])
      }
    }
  }
}
