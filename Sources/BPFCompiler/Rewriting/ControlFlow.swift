import BPFInstructions
import BPFRuntime

/// The blocks of a program: instructions that are executed one after the other, with jumps only
/// to the first and from the last.
struct ControlFlow {
  struct Block {
    /// Its instructions.
    var range: Range<Int>
    /// The function it belongs to, by number.
    var function = 0
    /// Where its last instruction jumps to; -1 when it does not.
    var taken = -1
    /// Where it goes on; -1 when it does not.
    var next = -1
    /// Whether the last instruction is only a way to go: a branch that was decided, or a jump.
    var endsInJump = false
    /// The condition of the last instruction decides between `taken` and `next`.
    var endsInBranch = false
    /// Whether any path leads here.
    var isReached = false
    /// Whether it is where a function starts.
    var isEntry = false
    /// The last block that a path leads back from, into this one or into one in between; -1 when
    /// there is none.
    var loopEnd = -1
    /// The blocks of the outermost loop around it, with what lies between them; empty when it is
    /// in none.
    var loop = 0..<0
    /// Whether a path leads from it to itself, as far as can be told from the order of blocks.
    var isInLoop = false
    /// Registers that it writes.
    var written: UInt16 = 0
    /// Registers that it reads or writes.
    var used: UInt16 = 0
    /// Those that it does not leave with an upper half of zeros.
    var writtenWide: UInt16 = 0

    /// Calls something with every block that it leads to.
    @inline(__always)
    func forEachTarget(_ body: (Int) -> Void) {
      if taken >= 0 { body(taken) }
      if next >= 0 { body(next) }
    }
  }

  private(set) var blocks: [Block] = []
  /// For first instructions of blocks, the block.
  private(set) var blockAt: [Int32]
  /// The blocks that lead to a block, as a chain through ``Edge/next``.
  private var firstEdge: [Int32] = []
  private var edges: [(source: Int32, next: Int32)] = []
  /// Whether any path leads back.
  private(set) var hasLoops = false

  init(_ unit: CompilationUnit, _ shape: ProgramShape) {
    blockAt = [Int32](repeating: -1, count: unit.instructions.count + 1)
    findBlocks(unit, shape)
    findWays(unit)
    reach()
    findLoops()
  }

  private mutating func findBlocks(_ unit: CompilationUnit, _ shape: ProgramShape) {
    blocks.reserveCapacity(shape.blockLimit)
    for (number, function) in shape.functions.enumerated() {
      var start = function.range.lowerBound
      var written: UInt16 = 0
      var used: UInt16 = 0
      var writtenWide: UInt16 = 0
      for index in function.range {
        let effect = shape.effects[index]
        written |= effect.writes
        used |= effect.used
        if !effect.clearsUpperHalf { writtenWide |= effect.writes }
        guard
          effect.isTransfer || index + 1 == function.range.upperBound || shape.isTarget[index + 1]
        else { continue }
        var block = Block(range: start..<index + 1)
        block.function = number
        block.isEntry = start == function.range.lowerBound
        block.written = written
        block.used = used
        block.writtenWide = writtenWide
        blockAt[start] = Int32(truncatingIfNeeded: blocks.count)
        blocks.append(block)
        start = index + 1
        written = 0
        used = 0
        writtenWide = 0
      }
    }
  }

  private mutating func findWays(_ unit: CompilationUnit) {
    for number in blocks.indices {
      let last = blocks[number].range.upperBound - 1
      let instruction = unit.instructions[last]
      let target = ProgramShape.target(of: instruction, at: last).map { Int(blockAt[$0]) } ?? -1
      switch instruction.operation.kind {
      case .jump:
        blocks[number].next = target
        blocks[number].endsInJump = true
      case .branch: findWays(ofBranch: number, last, target, unit)
      case .mayGoto:
        blocks[number].taken = target
        blocks[number].next = number + 1
      default:
        if !instruction.operation.endsBlock { blocks[number].next = number + 1 }
      }
    }
  }

  /// Of the two ways of a branch only those that a verifier has seen taken.
  private mutating func findWays(
    ofBranch number: Int, _ last: Int, _ target: Int, _ unit: CompilationUnit
  ) {
    let facts = unit.facts.isEmpty ? nil : unit.facts[Int(unit.slots[last])]
    if target == number + 1 {
      blocks[number].next = target
      blocks[number].endsInJump = true
    } else if let facts, facts.isReached, facts.isTaken != facts.isFallenThrough {
      blocks[number].next = facts.isTaken ? target : number + 1
      blocks[number].endsInJump = true
    } else {
      blocks[number].taken = target
      blocks[number].next = number + 1
      blocks[number].endsInBranch = true
    }
  }

  private mutating func reach() {
    firstEdge = [Int32](repeating: -1, count: blocks.count)
    edges.reserveCapacity(blocks.count * 2)
    var waiting = blocks.indices.filter { blocks[$0].isEntry }
    for number in waiting { blocks[number].isReached = true }
    while let number = waiting.popLast() {
      let block = blocks[number]
      block.forEachTarget { target in
        edges.append((Int32(truncatingIfNeeded: number), firstEdge[target]))
        firstEdge[target] = Int32(truncatingIfNeeded: edges.count - 1)
        guard !blocks[target].isReached else { return }
        blocks[target].isReached = true
        waiting.append(target)
      }
    }
  }

  /// Calls something with every block that leads to a block.
  @inline(__always)
  func forEachSource(of block: Int, _ body: (Int) -> Void) {
    var edge = firstEdge[block]
    while edge >= 0 {
      body(Int(edges[Int(edge)].source))
      edge = edges[Int(edge)].next
    }
  }

  /// A loop is the blocks from one that is jumped back to, to the last one that any path jumps
  /// back from into these.
  private mutating func findLoops() {
    for number in blocks.indices where blocks[number].isReached {
      let (taken, next) = (blocks[number].taken, blocks[number].next)
      if taken >= 0, taken <= number { noteLoop(from: taken, to: number) }
      if next >= 0, next <= number { noteLoop(from: next, to: number) }
    }
    guard hasLoops else { return }
    for head in blocks.indices.reversed() where blocks[head].loopEnd >= 0 {
      var inner = head + 1
      while inner <= blocks[head].loopEnd {
        blocks[head].loopEnd = max(blocks[head].loopEnd, blocks[inner].loopEnd)
        inner += 1
      }
    }
    var number = 0
    while number < blocks.count {
      let end = blocks[number].loopEnd
      if end >= 0 { markLoop(number..<end + 1) }
      number = max(number, end) + 1
    }
  }

  private mutating func noteLoop(from head: Int, to end: Int) {
    hasLoops = true
    blocks[head].loopEnd = max(blocks[head].loopEnd, end)
  }

  /// What cannot get back any more is not in the loop, even if it lies in between.
  private mutating func markLoop(_ range: Range<Int>) {
    var waiting: [Int] = []
    for number in range {
      blocks[number].loop = range
      guard blocks[number].isReached,
        (0...number).contains(blocks[number].taken) || (0...number).contains(blocks[number].next)
      else { continue }
      blocks[number].isInLoop = true
      waiting.append(number)
    }
    while let number = waiting.popLast() {
      var edge = firstEdge[number]
      while edge >= 0 {
        let source = Int(edges[Int(edge)].source)
        edge = edges[Int(edge)].next
        guard range.contains(source), !blocks[source].isInLoop else { continue }
        blocks[source].isInLoop = true
        waiting.append(source)
      }
    }
  }
}
