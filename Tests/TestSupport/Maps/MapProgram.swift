import BPFInstructions

/// Programs that do one operation on a map, for the runtime and for Linux alike.
///
/// A second map, an array of one value, carries the arguments: flags in eight bytes, then key and
/// value, each filled up to a multiple of eight. A lookup leaves the value there, and every
/// program leaves the number of its CPU where the flags were.
public struct MapProgram: Sendable {
  private let keyBytes: Int
  private let valueSize: Int
  private let isFilter: Bool
  private let parts: [Range<Int>]

  /// Programs for maps of a shape.
  public init(_ shape: MapShape) {
    keyBytes = (Int(shape.keySize) + 7) & ~7
    valueSize = Int(shape.valueSize)
    isFilter = shape.type == 30
    parts = shape.parts
  }

  /// The map of the arguments.
  public var argumentsShape: MapShape {
    MapShape(2, value: UInt32(8 + keyBytes + ((valueSize + 7) & ~7)), entries: 1)
  }

  /// The arguments of an operation.
  public func arguments(of operation: MapOperation) -> [UInt8] {
    switch operation {
    case .programLookup(let key), .programDelete(let key): block(0, key, [])
    case .programUpdate(let key, let value, let flags): block(flags, key, value)
    case .programPush(let value, let flags): block(flags, [], value)
    case .programPeek(let value): block(0, [], value)
    default: block(0, [], [])
    }
  }

  private func block(_ flags: UInt64, _ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
    let block = bytes(flags) + key + [UInt8](repeating: 0, count: keyBytes - key.count) + value
    let size = Int(argumentsShape.valueSize)
    return block + [UInt8](repeating: 0, count: size - block.count)
  }

  /// What a program came to.
  public func outcome(helper: Int, result: UInt64, arguments: [UInt8]) -> MapOutcome {
    let value = Int(Int32(truncatingIfNeeded: result))
    if helper == 1, value != 1 { return .null }
    // A filter tells whether, a queue also which.
    let readsValue = helper == 1 || helper == 88 || helper == 89 && !isFilter
    guard readsValue, helper == 1 || value == 0 else {
      return value == 0 ? .done : .errno(-value)
    }
    return .bytes(Array(arguments[(8 + keyBytes)...].prefix(valueSize)))
  }

  /// The CPU that a program ran on.
  public func cpuIndex(arguments: [UInt8]) -> Int { Int(arguments[0]) | Int(arguments[1]) << 8 }

  /// The program that calls a helper on the map `subject`.
  public func assembly(helper: Int) -> String {
    """
    *(u32 *)(r10 -4) = 0
    r1 = map[arguments]
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto nothing
    r6 = r0
    r7 = *(u64 *)(r6 +0)
    call 8
    *(u64 *)(r6 +0) = r0
    r1 = map[subject]
    \(helper < 87 ? keyAndValue : valueOnly)
    call \(helper)
    \(helper == 1 ? copyValue : "exit")
    nothing: r0 = 0
    exit
    """
  }

  private var keyAndValue: String {
    """
    r2 = r6
    r2 += 8
    r3 = r6
    r3 += \(8 + keyBytes)
    r4 = r7
    """
  }

  private var valueOnly: String {
    """
    r2 = r6
    r2 += \(8 + keyBytes)
    r3 = r7
    """
  }

  private var copyValue: String {
    let data = (0..<valueSize).filter { offset in !parts.contains { $0.contains(offset) } }
    let copies = data.map { offset in
      """
      r1 = *(u8 *)(r0 +\(offset))
      *(u8 *)(r6 +\(8 + keyBytes + offset)) = r1
      """
    }
    return (["if r0 == 0 goto nothing"] + copies + ["r0 = 1", "exit"]).joined(separator: "\n")
  }
}
