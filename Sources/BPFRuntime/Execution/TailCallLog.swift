// UNSAFE. Where a CPU writes down its tail calls when somebody wants to see them.
//
// Invariant: the block is owned by the CPU, holds a count and `capacity` records, and is only
// written by the thread that runs the CPU.

/// How a tail call ended.
public enum TailCallOutcome: UInt8, Hashable, Sendable {
  /// Control went to the slot's program.
  case taken
  /// The slot was empty.
  case empty
  /// The index was not below the array's size.
  case outOfRange
  /// The budget of 33 hops was spent.
  case limit
}

/// One tail call, taken or missed.
public struct TailCallRecord: Hashable, Sendable {
  /// Number of the program that called.
  public var programID: UInt32
  /// Number of the call site in that program, from 0: see ``Program/tailCallSites``.
  public var site: UInt32
  /// Number of the array.
  public var arrayID: UInt32
  /// Index that was asked for.
  public var index: UInt32
  /// How it ended.
  public var outcome: TailCallOutcome
  /// Number of the program that was reached; 0 for a miss.
  public var targetID: UInt32
  /// Hops made in this run, this one included.
  public var hop: UInt32
  /// The generation of the chains that the run belongs to.
  public var generation: UInt64
}

/// The records of one top-level run.
@safe
struct TailCallLog {
  let address: UInt64

  /// Records that are kept; what comes after is only counted. A run makes at most 33 hops, but a
  /// loop can miss any number of times.
  static let capacity = 1024
  private static let recordsOffset = 64

  static var byteCount: Int {
    recordsOffset + capacity * MemoryLayout<TailCallRecord>.stride
  }

  /// Tail calls since the log was cleared, kept or not.
  var count: Int {
    get { Int(GuestMemory.load(address, as: UInt64.self)) }
    nonmutating set { GuestMemory.store(address, UInt64(newValue), as: UInt64.self) }
  }

  func append(_ record: TailCallRecord) {
    let position = count
    count = position &+ 1
    guard position < Self.capacity, let cell = unsafe cell(position) else { return }
    unsafe cell.initializeMemory(as: TailCallRecord.self, to: record)
  }

  /// The records that were kept.
  var records: [TailCallRecord] {
    (0..<min(count, Self.capacity)).compactMap { position in
      unsafe cell(position)?.load(as: TailCallRecord.self)
    }
  }

  private func cell(_ position: Int) -> UnsafeMutableRawPointer? {
    let offset = Self.recordsOffset + position * MemoryLayout<TailCallRecord>.stride
    return unsafe GuestMemory.pointer(address &+ UInt64(offset))
  }
}

extension TailCallOutcome: CustomStringConvertible {
  /// One or three words, as in `taken` or `out of range`.
  public var description: String {
    switch self {
    case .taken: "taken"
    case .empty: "empty"
    case .outOfRange: "out of range"
    case .limit: "limit"
    }
  }
}
