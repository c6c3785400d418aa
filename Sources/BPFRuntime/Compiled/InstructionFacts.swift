/// What was proved of one instruction, on all paths together: a verifier leaves it for a compiler.
public struct InstructionFacts: Hashable, Sendable {
  /// What an access to memory touches.
  public enum Memory: UInt8, Hashable, Sendable {
    /// No access was seen.
    case none
    /// The context: a field, whose offset is fixed.
    case context
    /// A frame's stack.
    case stack
    /// The packet or the metadata before it.
    case packet
    /// A value of a map.
    case mapValue
    /// The key that a callback was given.
    case mapKey
    /// Memory that a helper gave out or that a global function got.
    case memory
    /// A socket.
    case socket
    /// Different kinds on different paths, but neither context nor socket.
    case several
  }

  /// Whether any path gets here. Code that no path reaches can be removed.
  public package(set) var isReached = false
  /// Of a conditional jump: whether some path takes it.
  public package(set) var isTaken = false
  /// Of a conditional jump: whether some path goes on behind it.
  public package(set) var isFallenThrough = false
  /// Of loads, stores and atomics: what they touch.
  public package(set) var memory = Memory.none
  /// Of an access to the context: the offset in it.
  public package(set) var contextOffset: Int32 = 0
  /// Of calls with a map argument: the map's index, if it is the same on all paths.
  public var map: Int? { mapState >= 0 ? Int(mapState) : nil }
  /// Of a load that always yields the same number, of a tail call with one index: that number.
  public var constant: UInt64? { constantState == .known ? constantValue : nil }

  /// Of an addition or subtraction of two registers, 64 bits wide: how it moves an address.
  public var movement: Movement {
    switch movementState {
    case .unset, .numbers: .none
    case .varies: .varies
    case .byDestination: .byDestination(lowestDistance...highestDistance)
    case .bySource: .bySource(lowestDistance...highestDistance)
    }
  }

  /// How an instruction moves an address, on all paths together.
  public enum Movement: Hashable, Sendable {
    /// Not at all: it only has to do with numbers.
    case none
    /// By the number in the destination register; the address is in the source register.
    case byDestination(ClosedRange<Int32>)
    /// By the number in the source register.
    case bySource(ClosedRange<Int32>)
    /// By something else on every path, or by nothing on some.
    case varies
  }

  private var movementState = MovementState.unset
  private var lowestDistance: Int32 = 0
  private var highestDistance: Int32 = 0
  private var mapState: Int32 = -1
  private var constantState = ConstantState.unset
  private var constantValue: UInt64 = 0

  /// Nothing is known.
  public init() {}

  private enum ConstantState: UInt8, Hashable, Sendable {
    case unset, known, varies
  }

  package mutating func note(map: Int32) {
    if mapState == -1 { mapState = map } else if mapState != map { mapState = -2 }
  }

  package mutating func note(constant: UInt64?) {
    guard let constant, constantState != .varies else {
      constantState = .varies
      return
    }
    if constantState == .unset {
      constantState = .known
      constantValue = constant
    } else if constantValue != constant {
      constantState = .varies
    }
  }

  private enum MovementState: UInt8, Hashable, Sendable {
    case unset, numbers, byDestination, bySource, varies
  }

  /// An address is moved by a number between two.
  package mutating func note(
    movementBetween lowest: Int64, and highest: Int64, inDestination: Bool
  ) {
    let state: MovementState = inDestination ? .byDestination : .bySource
    guard movementState == .unset || movementState == state,
      let low = Int32(exactly: lowest), let high = Int32(exactly: highest)
    else {
      movementState = .varies
      return
    }
    let isFirst = movementState == .unset
    movementState = state
    lowestDistance = isFirst ? low : min(low, lowestDistance)
    highestDistance = isFirst ? high : max(high, highestDistance)
  }

  /// Two numbers are added, or two addresses subtracted.
  package mutating func noteNumbers() {
    movementState = movementState == .unset || movementState == .numbers ? .numbers : .varies
  }
}
