/// A slot of an array, by the number of the array.
struct SlotKey: Hashable, Sendable {
  var array: UInt32
  var index: UInt32
}

/// A value of a map, by the number of the map.
struct ValueKey: Hashable, Sendable {
  var map: UInt32
  var key: [UInt8]
}

/// The generations that can be rolled back to: what to put back, step by step.
struct ChainHistory: Sendable {
  /// A generation that was replaced, with what leads back to it from the one after it.
  struct Step: Sendable {
    var generation: Generation
    /// Programs as they were when the generation was replaced; `nil` for an empty slot.
    var slots: [SlotKey: Program?] = [:]
    /// Values as the transaction after it found them; `nil` for a key that was not there.
    var values: [ValueKey: [UInt8]?] = [:]
  }

  /// Oldest first.
  private(set) var steps: [Step] = []
  /// What is known of the current generation.
  var current = Generation(number: 1, note: "", changes: [])
  /// How many replaced generations are kept.
  private(set) var limit = Limits.keptGenerations

  /// A generation is replaced.
  mutating func replace(with next: Generation, _ step: Step) {
    current = next
    guard limit > 0 else { return }
    steps.append(step)
    if steps.count > limit { steps.removeFirst(steps.count - limit) }
  }

  mutating func setLimit(_ limit: Int) {
    self.limit = max(limit, 0)
    if steps.count > self.limit { steps.removeFirst(steps.count - self.limit) }
  }

  /// A plain update changed a slot: whoever goes back to the generation before this one gets what
  /// was there when it ended.
  mutating func noteChange(_ slot: SlotKey, before: Program?) {
    guard let last = steps.indices.last, steps[last].slots[slot] == nil else { return }
    steps[last].slots[slot] = .some(before)
  }

  /// What makes the chains what they were in a generation.
  ///
  /// - Returns: `nil` when the generation is not kept.
  func way(backTo number: UInt64) -> Step? {
    guard var way = steps.first(where: { $0.generation.number == number }) else { return nil }
    // The older a step, the more it knows of the generation that is wanted.
    for step in steps where step.generation.number > number {
      way.slots.merge(step.slots) { older, _ in older }
      way.values.merge(step.values) { older, _ in older }
    }
    return way
  }

  /// An array without users is empty for good; nobody rolls it back.
  mutating func forget(array: UInt32) {
    for index in steps.indices {
      steps[index].slots = steps[index].slots.filter { $0.key.array != array }
    }
  }

  mutating func forgetAll() { steps = [] }
}

/// A state of a runtime's chains, from one transaction to the next.
public struct Generation: Hashable, Sendable {
  /// From 1, the state before any transaction; every transaction adds 1.
  public let number: UInt64
  /// What the transaction was called.
  public let note: String
  /// The slots that the transaction changed, arrays in the order of their numbers.
  public let changes: [SlotChange]
}

/// What a transaction did to a slot.
public struct SlotChange: Hashable, Sendable {
  /// Number of the array.
  public let arrayID: UInt32
  /// Name of the array, or of the entry point.
  public let array: String
  /// Index in the array; 0 for an entry point.
  public let index: UInt32
  /// Name of the program that was there; `nil` when the slot was empty.
  public let before: String?
  /// Name of the program that is there now; `nil` when it was emptied.
  public let after: String?
}

extension SlotChange: CustomStringConvertible {
  /// As in `layers[2]: udp -> udp_strict`.
  public var description: String {
    "\(array)[\(index)]: \(before ?? "empty") -> \(after ?? "empty")"
  }
}
