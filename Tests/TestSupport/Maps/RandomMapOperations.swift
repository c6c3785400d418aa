/// Random operations on a map with few keys, so that they meet each other. The same seed gives the
/// same ones.
public struct RandomMapOperations: Sequence, IteratorProtocol {
  private var generator: SplitMix
  private let shape: MapShape
  private let keys: [[UInt8]]
  private let copies: Int

  /// - Parameter copies: Values per key as user space sees them: the number of possible CPUs for
  ///   per-CPU maps.
  public init(seed: UInt64, shape: MapShape, copies: Int = 1) {
    var generator = SplitMix(state: seed)
    self.shape = shape
    self.copies = copies
    let size = Int(shape.keySize)
    keys = (0..<shape.maxEntries + 3).map { index in
      let start = bytes(index).prefix(size)
      guard shape.type == 1 || shape.type == 5 else { return Array(start) }
      return start + (start.count..<size).map { _ in UInt8.random(in: 0...3, using: &generator) }
    }
    self.generator = generator
  }

  /// The next one.
  public mutating func next() -> MapOperation? {
    let key = keys.randomElement(using: &generator) ?? []
    let flags: UInt64 = [0, 0, 0, 0, 1, 1, 2, 2, 3, .max].randomElement(using: &generator) ?? 0
    switch Int.random(in: 0..<10, using: &generator) {
    case 0: return .lookup(key)
    // bpf(2) reads a lock flag before the map does, so only these are asked of both.
    case 1, 2: return .update(key, userValue(), flags: flags & 3)
    case 3: return .delete(key)
    case 4: return .take(key)
    case 5: return .keys
    case 6: return .programDelete(key)
    case 7, 8: return .programUpdate(key, value(Int(shape.valueSize)), flags: flags)
    default: return .programLookup(key)
    }
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
