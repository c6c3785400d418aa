/// Where numbers come from, so that it can be told which of a saved state's numbers mattered.
///
/// A node stands for a number; its parents are the numbers that it was computed from. A number
/// whose exact bounds decided something (whether an access was inside, which way a branch went) is
/// *precise*, and so is everything that it came from. States are compared by their precise
/// numbers only: the others may be anything.
///
/// Marking follows each edge at most once, because a node that is precise has precise parents.
struct Provenance {
  /// The node of numbers that come from nowhere: constants, and what is read from outside.
  static let nowhere: UInt32 = 0

  private struct Node {
    var first: UInt32
    var second: UInt32
  }

  /// The highest bit of a node's first parent says that the node is precise.
  private static let mark: UInt32 = 1 &<< 31

  private var nodes: [Node] = [Node(first: 0, second: 0)]
  private var pending: [UInt32] = []

  /// A new number that depends on one or two others.
  @inline(__always)
  mutating func node(_ a: UInt32, _ b: UInt32 = nowhere) -> UInt32 {
    nodes.append(Node(first: a, second: b))
    return UInt32(truncatingIfNeeded: nodes.count &- 1)
  }

  /// A number that depends on two others: one of them if the other comes from nowhere.
  @inline(__always)
  mutating func union(_ a: UInt32, _ b: UInt32) -> UInt32 {
    if a == b || b == Self.nowhere { return a }
    if a == Self.nowhere { return b }
    return node(a, b)
  }

  /// From now on the number depends on another one too.
  mutating func link(_ node: UInt32, to other: UInt32) {
    guard node != other, other != Self.nowhere else { return }
    if isPrecise(node) { return markPrecise(other) }
    let second = nodes[Int(node)].second
    nodes[Int(node)].second = second == Self.nowhere ? other : self.node(second, other)
  }

  /// Marks a number and all that it came from.
  mutating func markPrecise(_ node: UInt32) {
    var next = node
    while true {
      while next != Self.nowhere, nodes[Int(next)].first & Self.mark == 0 {
        let parents = nodes[Int(next)]
        nodes[Int(next)].first |= Self.mark
        if parents.second != Self.nowhere { pending.append(parents.second) }
        next = parents.first
      }
      guard let other = pending.popLast() else { return }
      next = other
    }
  }

  @inline(__always)
  func isPrecise(_ node: UInt32) -> Bool { nodes[Int(node)].first & Self.mark != 0 }

  /// Bytes that the graph takes.
  var byteCount: Int { nodes.count * MemoryLayout<Node>.stride }
}
