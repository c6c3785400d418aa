/// Which bytes of a region are free: ranges in order, none touching the next.
struct FreeRanges: Sendable {
  private(set) var ranges: [Range<Int>]

  /// Everything is free.
  init(byteCount: Int) {
    ranges = [0..<byteCount]
  }

  /// Takes the lowest free bytes, so that images stay close together; `nil` when none are enough.
  mutating func take(_ byteCount: Int) -> Range<Int>? {
    guard byteCount > 0, let index = ranges.firstIndex(where: { $0.count >= byteCount }) else {
      return nil
    }
    let start = ranges[index].lowerBound
    let taken = start..<start + byteCount
    if ranges[index].count == byteCount {
      ranges.remove(at: index)
    } else {
      ranges[index] = taken.upperBound..<ranges[index].upperBound
    }
    return taken
  }

  /// Gives back bytes that were taken.
  mutating func give(_ range: Range<Int>) {
    // The first range behind the bytes, by bisection.
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].lowerBound < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    var merged = range
    if low < ranges.count, ranges[low].lowerBound == range.upperBound {
      merged = merged.lowerBound..<ranges[low].upperBound
      ranges.remove(at: low)
    }
    if low > 0, ranges[low - 1].upperBound == merged.lowerBound {
      ranges[low - 1] = ranges[low - 1].lowerBound..<merged.upperBound
    } else {
      ranges.insert(merged, at: low)
    }
  }

  /// Bytes that are free.
  var byteCount: Int { ranges.reduce(0) { $0 + $1.count } }
}
