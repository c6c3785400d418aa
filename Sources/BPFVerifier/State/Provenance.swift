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

  private var first: [UInt32] = [0]
  private var second: [UInt32] = [0]
  private var marks: [Bool] = [false]
  private var pending: [UInt32] = []

  /// A new number that depends on one or two others.
  mutating func node(_ a: UInt32, _ b: UInt32 = nowhere) -> UInt32 {
    first.append(a)
    second.append(b)
    marks.append(false)
    return UInt32(truncatingIfNeeded: first.count &- 1)
  }

  /// A number that depends on two others: one of them if the other comes from nowhere.
  @inline(__always)
  mutating func union(_ a: UInt32, _ b: UInt32) -> UInt32 {
    if a == b || b == Self.nowhere { return a }
    if a == Self.nowhere { return b }
    return node(a, b)
  }

  /// Marks a number and all that it came from.
  mutating func markPrecise(_ node: UInt32) {
    guard node != Self.nowhere, !marks[Int(node)] else { return }
    pending.append(node)
    while let next = pending.popLast() {
      guard next != Self.nowhere, !marks[Int(next)] else { continue }
      marks[Int(next)] = true
      pending.append(first[Int(next)])
      pending.append(second[Int(next)])
    }
  }

  @inline(__always)
  func isPrecise(_ node: UInt32) -> Bool { marks[Int(node)] }
}
