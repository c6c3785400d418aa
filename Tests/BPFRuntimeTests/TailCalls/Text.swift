/// Pieces of program text. All of them keep the context in r6.
enum Text {
  /// What every program begins with.
  static let begin = "r6 = r1"

  /// Adds one to a counter; r1 and r2 are lost.
  static func count(_ index: Int, in map: String = "counts") -> String {
    """
    r1 = map[\(map)][0]+\(8 * index)
    r2 = 1
    lock *(u64 *)(r1 +0) += r2
    """
  }

  /// A tail call with a constant index.
  static func tail(_ index: Int, in slots: String = "slots") -> String {
    """
    r1 = r6
    r2 = map[\(slots)]
    r3 = \(index)
    call 12
    """
  }

  /// A tail call with the first word of the context as index.
  static func tailByWord(in slots: String = "slots") -> String {
    """
    r1 = r6
    r2 = map[\(slots)]
    r3 = *(u64 *)(r6 +0)
    call 12
    """
  }

  /// A tail call to a program's slot by an index that the verifier does not know.
  static func tailByCounter(_ index: Int, in slots: String = "slots") -> String {
    """
    r1 = map[counts][0]+\(8 * index)
    r3 = *(u64 *)(r1 +0)
    r1 = r6
    r2 = map[\(slots)]
    call 12
    """
  }

  /// The end of a program.
  static func leave(_ value: Int) -> String {
    """
    r0 = \(value)
    exit
    """
  }

  /// The pieces one after the other.
  static func lines(_ pieces: String...) -> String {
    pieces.joined(separator: "\n")
  }

  /// A program that only returns a number.
  static func returning(_ value: Int) -> String { leave(value) }

  /// A program that tail-calls one slot and returns `missed` when that falls through.
  static func hop(_ index: Int, in slots: String = "slots", missed: Int) -> String {
    lines(begin, tail(index, in: slots), leave(missed))
  }

  /// A program that counts itself, tail-calls one slot and returns `missed` at the end.
  static func countAndHop(
    _ counter: Int, to index: Int, in slots: String = "slots", missed: Int
  ) -> String {
    lines(begin, count(counter), tail(index, in: slots), leave(missed))
  }
}
