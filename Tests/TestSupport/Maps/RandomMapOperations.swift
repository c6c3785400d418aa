/// Random operations on a map with few keys, so that they meet each other. The same seed gives the
/// same ones.
public struct RandomMapOperations: Sequence, IteratorProtocol {
  private var generator: SplitMix
  private let shape: MapShape
  private let keys: [[UInt8]]
  private let copies: Int

  /// - Parameters:
  ///   - copies: Values per key as user space sees them: the number of possible CPUs for per-CPU
  ///     maps.
  ///   - keyCount: How many keys there are; a few more than fit by default.
  public init(seed: UInt64, shape: MapShape, copies: Int = 1, keyCount: UInt32? = nil) {
    var generator = SplitMix(state: seed)
    self.shape = shape
    self.copies = copies
    keys = (0..<(keyCount ?? shape.maxEntries + 3)).map { index in
      Self.key(index, shape, &generator)
    }
    self.generator = generator
  }

  private static func key(
    _ index: UInt32, _ shape: MapShape, _ generator: inout SplitMix
  ) -> [UInt8] {
    let size = Int(shape.keySize)
    if shape.type == 11 {
      // Prefixes that are often parts of each other, and now and then one that is too long.
      let width = UInt32(size - 4) * 8
      let length = UInt32.random(in: 0...width + (index % 16 == 0 ? 2 : 0), using: &generator)
      let data = (4..<size).map { _ in
        [0, 0, 0, 0x80, 0xc0, 0xff, 0x01].randomElement(using: &generator) ?? UInt8(0)
      }
      return bytes(length) + data
    }
    let start = bytes(index).prefix(size)
    guard [1, 5, 9, 10].contains(shape.type) else { return Array(start) }
    return start + (start.count..<size).map { _ in UInt8.random(in: 0...3, using: &generator) }
  }

  /// The next one.
  public mutating func next() -> MapOperation? {
    shape.keySize == 0 ? nextWithoutKey() : nextWithKey()
  }

  private mutating func nextWithKey() -> MapOperation? {
    let key = keys.randomElement(using: &generator) ?? []
    let flags = updateFlags()
    switch Int.random(in: 0..<11, using: &generator) {
    case 0: return .lookup(key, flags: lookupFlags())
    case 1, 2: return .update(key, userValue(), flags: flags)
    case 3: return .delete(key)
    case 4: return .take(key, flags: lookupFlags())
    case 5: return .keys
    case 6: return .programDelete(key)
    case 7, 8: return .programUpdate(key, value(Int(shape.valueSize)), flags: flags)
    // Only these have an order that everybody knows.
    case 9 where shape.type == 11: return .next(Bool.random(using: &generator) ? key : nil)
    default: return .programLookup(key)
    }
  }

  private mutating func nextWithoutKey() -> MapOperation? {
    let value = value(Int(shape.valueSize))
    let flags: UInt64 = [0, 0, 0, 0, 0, 1, 2, 2, 3].randomElement(using: &generator) ?? 0
    switch Int.random(in: 0..<8, using: &generator) {
    case 0, 1: return .update([], value, flags: flags)
    case 2, 3: return .programPush(value, flags: flags)
    case 4: return .lookup([])
    case 5: return .programPeek(value)
    case 6: return .take([])
    default: return .programPop
    }
  }

  /// Often what is taken; the lock flag above all where values have a lock.
  private mutating func updateFlags() -> UInt64 {
    let locked: [UInt64] = shape.lockOffset == nil ? [4] : [4, 4, 4, 4, 5, 6, 6, 7, 12]
    return ([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, .max] + locked)
      .randomElement(using: &generator) ?? 0
  }

  private mutating func lookupFlags() -> UInt64 {
    let locked: [UInt64] = shape.lockOffset == nil ? [4] : [4, 4, 4, 4]
    return ([0, 0, 0, 0, 0, 0, 1, 8] + locked).randomElement(using: &generator) ?? 0
  }

  private mutating func userValue() -> [UInt8] {
    let size = Int(shape.valueSize)
    return value(shape.isPerCPU ? ((size + 7) & ~7) * copies : size)
  }

  private mutating func value(_ size: Int) -> [UInt8] {
    (0..<size).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}

/// Steele, Lea and Flood's generator: small, and the same on every system.
public struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  /// Puts one together.
  public init(state: UInt64) { self.state = state }

  /// The next one.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
