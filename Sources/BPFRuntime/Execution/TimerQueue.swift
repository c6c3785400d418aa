/// When armed timers are due, the first one first: a binary heap.
///
/// Entries are never looked for: one whose timer was cancelled or started again stays until it
/// comes up, or until ``removeAll(where:)`` tidies up.
struct TimerQueue {
  /// One start of a timer.
  struct Entry {
    /// Nanoseconds of the queue's clock.
    var deadline: UInt64
    /// The timer's number: of two that are due at the same time, the older timer comes first.
    var number: UInt64
    /// Where the timer is.
    var address: UInt64
    /// The how many-th start of all it is.
    var order: UInt64

    fileprivate func comes(before other: Entry) -> Bool {
      (deadline, number) < (other.deadline, other.number)
    }
  }

  private var entries: [Entry] = []

  /// Entries, those that mean nothing any more included.
  var count: Int { entries.count }

  /// The one with the earliest deadline.
  var first: Entry? { entries.first }

  /// Adds an entry, in logarithmic time.
  mutating func insert(_ entry: Entry) {
    entries.append(entry)
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].comes(before: entries[parent]) else { return }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// Takes the first one, in logarithmic time.
  mutating func removeFirst() -> Entry? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink(0)
    }
    return first
  }

  /// Removes entries, in linear time.
  mutating func removeAll(where isGone: (Entry) -> Bool) {
    entries.removeAll(where: isGone)
    for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// Moves an entry down until none below it comes before it.
  private mutating func sink(_ start: Int) {
    var index = start
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < entries.count && entries[child].comes(before: entries[least]) {
        least = child
      }
      guard least != index else { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
