// UNSAFE. The words in front of a program's decoded instructions.
//
// Invariant: header and instructions are one block, owned by the program's image; a slot holds the
// address of the first instruction, and the header is found right before it. The tables that it
// points to are owned by the same image.

/// What the interpreter needs to know about the program it runs, in raw memory.
struct ImageHeader {
  /// Address of the ``MapRegion`` table.
  var maps: UInt64
  /// Address of the ``PackedSignature`` table.
  var signatures: UInt64
  /// Address of the context's ``ContextRights`` table.
  var contextRights: UInt64
  /// Address just past the last decoded instruction.
  var codeEnd: UInt64
  /// Address of the ``SiteCounters`` of CPU 0.
  var counters: UInt64
  /// Bytes from one CPU's counters to the next one's.
  var countersStride: UInt64
  /// Entries in ``maps``.
  var mapCount: UInt32
  /// Bytes of the context's C struct.
  var contextByteCount: UInt32
  /// Where the packet descriptor follows the context, or 0.
  var descriptorOffset: UInt32
  /// Number of the program: in both engines the four bytes before the entry.
  var programID: UInt32

  /// The number of the program with an entry in either engine.
  static func programID(atEntry entry: UInt64) -> UInt32 {
    GuestMemory.load(entry &- 4, as: UInt32.self)
  }

  /// Bytes between the header's start and the first instruction.
  static let byteCount = 64
}

/// One map of a program, for checked runs.
struct MapRegion {
  /// First address of the values.
  var low: UInt64
  /// Just past the last one.
  var high: UInt64
  /// The map's header: the value that stands for it in registers.
  var header: UInt64
}

/// A helper's signature, packed for checked runs.
struct PackedSignature {
  /// Kinds of r1 to r5.
  var kinds = InlineArray<5, Kind>(repeating: .anything)
  /// Sizes of those that are memory of a fixed size.
  var fixedByteCounts = InlineArray<5, UInt64>(repeating: 0)

  /// What a checked run looks at.
  enum Kind {
    case anything
    case context
    case map
    case mapKey
    case mapValue
    case newMapValue
    case readableMemory
    case readableMemoryOrNull
    case writableMemory
    case writableMemoryOrNull
    case size
    case sizeOrZero
    case fixedMemory
    case readableFixedMemory
    case function
    case socket
    case reservation
    case mapValueOrNull
  }

  init(_ helper: Helper) {
    for (position, argument) in helper.arguments.prefix(5).enumerated() {
      kinds[position] = Self.kind(argument)
      switch argument {
      case .fixedMemory(let byteCount), .readableFixedMemory(let byteCount):
        fixedByteCounts[position] = UInt64(UInt(bitPattern: byteCount))
      default: break
      }
    }
  }

  private static func kind(_ argument: Helper.Argument) -> Kind {
    switch argument {
    case .anything: .anything
    case .context: .context
    case .map: .map
    case .mapKey: .mapKey
    case .mapValue: .mapValue
    case .newMapValue: .newMapValue
    case .readableMemory(let orNull): orNull ? .readableMemoryOrNull : .readableMemory
    case .writableMemory(let orNull): orNull ? .writableMemoryOrNull : .writableMemory
    case .size(let allowsZero): allowsZero ? .sizeOrZero : .size
    case .fixedMemory: .fixedMemory
    case .readableFixedMemory: .readableFixedMemory
    case .function: .function
    case .socket: .socket
    case .reservation: .reservation
    case .mapValueOrNull: .mapValueOrNull
    }
  }
}

/// How often a tail-call site was passed on one CPU, by outcome.
///
/// Only the CPU's own thread writes, others read: relaxed loads and stores, no locked instruction.
struct SiteCounters {
  static let byteCount = 32
  static let takenOffset: UInt64 = 0
  static let emptyOffset: UInt64 = 8
  static let outOfRangeOffset: UInt64 = 16
  static let limitOffset: UInt64 = 24
}
