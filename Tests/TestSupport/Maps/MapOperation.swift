/// Something done to a map, from user space or by a program.
public enum MapOperation: Hashable, Sendable {
  /// From user space: read a value.
  case lookup([UInt8], flags: UInt64 = 0)
  /// From user space: write a value.
  case update([UInt8], [UInt8], flags: UInt64 = 0)
  /// From user space: remove an element.
  case delete([UInt8])
  /// From user space: the key after another one.
  case next([UInt8]?)
  /// From user space: read a value and remove the element.
  case take([UInt8], flags: UInt64 = 0)
  /// From user space: all keys, in ascending order whatever the map's order is.
  case keys
  /// From user space: forbid user space further changes.
  case freeze
  /// A program reads a value.
  case programLookup([UInt8])
  /// A program writes a value.
  case programUpdate([UInt8], [UInt8], flags: UInt64 = 0)
  /// A program removes an element.
  case programDelete([UInt8])
  /// From user space: ask a filter for a value.
  case mayContain([UInt8])
  /// A program adds a value to a kind without keys.
  case programPush([UInt8], flags: UInt64 = 0)
  /// A program takes the next value out.
  case programPop
  /// A program reads the next value, or asks a filter for one.
  case programPeek([UInt8] = [])

  /// The number of the helper by which a program does it.
  public var helper: Int? {
    switch self {
    case .programLookup: 1
    case .programUpdate: 2
    case .programDelete: 3
    case .programPush: 87
    case .programPop: 88
    case .programPeek: 89
    default: nil
    }
  }
}

/// What came of an operation.
public enum MapOutcome: Hashable, Sendable {
  /// It worked and gives nothing back.
  case done
  /// It worked and gave these bytes.
  case bytes([UInt8])
  /// A program's lookup found nothing.
  case null
  /// It failed with this errno, positive; a program's helper call with its negative.
  case errno(Int)
}

/// What a map is made from.
public struct MapShape: Hashable, Sendable {
  /// Linux's number of the type.
  public var type: UInt32
  /// Bytes of a key.
  public var keySize: UInt32
  /// Bytes of a value.
  public var valueSize: UInt32
  /// Capacity.
  public var maxEntries: UInt32
  /// Linux's flags of creation.
  public var flags: UInt32
  /// Linux's `map_extra`.
  public var extra: UInt64
  /// Where in a value its spin lock is.
  public var lockOffset: UInt32?
  /// Where in a value its timer is.
  public var timerOffset: UInt32?
  /// Whether Linux is told the types of key and value, whatever the value holds.
  public var isTyped = false

  /// A map of one of Linux's types.
  public init(
    _ type: UInt32, key: UInt32 = 4, value: UInt32 = 8, entries: UInt32 = 4, flags: UInt32 = 0,
    extra: UInt64 = 0, lock: UInt32? = nil, timer: UInt32? = nil
  ) {
    self.extra = extra
    lockOffset = lock
    timerOffset = timer
    self.type = type
    keySize = key
    valueSize = value
    maxEntries = entries
    self.flags = flags
  }

  /// Whether every key has a value per CPU.
  public var isPerCPU: Bool { [5, 6, 10].contains(type) }

  /// The bytes of a value that are no data: programs may not touch them, and user space reads 0.
  public var parts: [Range<Int>] {
    [(lockOffset, 4), (timerOffset, 16)].compactMap { offset, count in
      offset.map { Int($0)..<Int($0) + count }
    }
  }

  /// The helpers that programs may use on such a map.
  public var helpers: [Int] {
    switch type {
    case 22, 23: [87, 88, 89]
    case 30: [87, 89]
    default: [1, 2, 3]
    }
  }
}

/// A map that operations can be tried on: in Linux, in the runtime, or a model of one.
public protocol MapUnderTest {
  /// Tries one operation.
  func perform(_ operation: MapOperation) throws -> MapOutcome
}

/// The bytes of an integer in host order.
public func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
  (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

extension [[UInt8]] {
  /// All of them, one after the other, in ascending order.
  public var sortedAndJoined: [UInt8] {
    [UInt8](sorted { $0.lexicographicallyPrecedes($1) }.joined())
  }
}
