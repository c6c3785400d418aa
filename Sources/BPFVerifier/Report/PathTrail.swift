/// The slots that a path went through, for the history in errors.
///
/// Forks share what they have in common: going back to one cuts the list.
struct PathTrail {
  private(set) var slots: [Int32] = []

  struct Mark {
    var count: Int
  }

  var mark: Mark { Mark(count: slots.count) }

  @inline(__always)
  mutating func append(_ slot: Int) { slots.append(Int32(truncatingIfNeeded: slot)) }

  mutating func restore(_ mark: Mark) { slots.removeLast(max(0, slots.count - mark.count)) }

  mutating func reset() { slots = [] }
}
