/// A chain of programs that write the number of their generation into the packet; the last one
/// compares what all of them wrote.
public enum StampedChain {
  /// Programs in the chain.
  public static let length = 8
  /// What a run returns when all stamps are equal.
  public static let whole = 1
  /// What a run returns when stamps differ.
  public static let mixed = 2
  /// What a run returns when a tail call found nothing.
  public static let missed = 3
  /// A packet with room for all stamps.
  public static let packet = [UInt8](repeating: 0, count: 64)

  /// The text of a stage, for an XDP program. Stages use the arrays `even` and `odd` in turn, and
  /// end with ``end(_:_:)``.
  ///
  /// - Parameters:
  ///   - number: Of the stage, from 0.
  ///   - stamp: What it writes.
  ///   - counts: Whether a map `counts` counts the results, by their numbers.
  public static func stage(_ number: Int, stamp: Int, counts: Bool = false) -> String {
    let begin = """
      r6 = r1
      r7 = *(u32 *)(r1 +0)
      r2 = *(u32 *)(r1 +4)
      r3 = r7
      r3 += \(4 * length)
      if r3 > r2 goto short
      *(u32 *)(r7 +\(4 * number)) = \(stamp)
      """
    let end = "short: " + Self.end(missed, counts)
    guard number == length - 1 else {
      return [begin, hop(to: number + 1), end].joined(separator: "\n")
    }
    var lines = [begin, "r8 = *(u32 *)(r7 +0)"]
    for other in 1..<length {
      lines += ["r9 = *(u32 *)(r7 +\(4 * other))", "if r8 != r9 goto differ"]
    }
    lines += [Self.end(whole, counts), "differ: " + Self.end(mixed, counts), end]
    return lines.joined(separator: "\n")
  }

  /// A program before the first stage, for engines that have no entry points.
  public static func entry(counts: Bool = false) -> String {
    ["r6 = r1", hop(to: 0), end(missed, counts)].joined(separator: "\n")
  }

  /// The array and the index of a stage.
  public static func slot(of stage: Int) -> (array: String, index: UInt32) {
    (stage.isMultiple(of: 2) ? "even" : "odd", UInt32(stage / 2))
  }

  private static func hop(to stage: Int) -> String {
    let slot = slot(of: stage)
    return """
      r1 = r6
      r2 = map[\(slot.array)]
      r3 = \(slot.index)
      call 12
      """
  }

  private static func end(_ result: Int, _ counts: Bool) -> String {
    guard counts else { return "r0 = \(result)\nexit" }
    return """
      r1 = map[counts][0]+\(8 * result)
      r2 = 1
      lock *(u64 *)(r1 +0) += r2
      r0 = \(result)
      exit
      """
  }
}
