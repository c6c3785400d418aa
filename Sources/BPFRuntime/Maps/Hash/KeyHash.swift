/// The secrets of a table: whoever chooses keys without knowing them cannot aim at one bucket.
struct HashSecret: Sendable {
  var seed: UInt64 = 0
  var multiplier: UInt64 = 0

  /// New secrets, or the same ones every time (`BPF_F_ZERO_SEED`).
  init(isZero: Bool) {
    guard !isZero else {
      // Odd and without structure: the fractional part of the square root of three.
      multiplier = 0xbb67_ae85_84ca_a73b
      return
    }
    seed = UInt64.random(in: .min ... .max)
    multiplier = UInt64.random(in: .min ... .max) | 1
  }

  init() {}

  /// Both halves of a full-width product: every bit of the operands counts in every bit.
  @inline(__always)
  static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}

/// How keys of one size are hashed, compared and copied.
///
/// Addresses are those of as many readable bytes as the size says. Bytes behind a key in the table
/// are not looked at.
protocol HashKey {
  /// The hash, of which the low bits choose the bucket.
  static func hash(_ key: UInt64, _ secret: HashSecret, byteCount: Int) -> UInt64
  /// Whether two keys are the same.
  static func areEqual(_ first: UInt64, _ second: UInt64, byteCount: Int) -> Bool
  /// Copies a key.
  static func copy(_ key: UInt64, to target: UInt64, byteCount: Int)
}

/// Keys of four bytes.
enum FourByteKey: HashKey {
  @inline(__always)
  static func hash(_ key: UInt64, _ secret: HashSecret, byteCount: Int) -> UInt64 {
    HashSecret.mix(
      UInt64(GuestMemory.load(key, as: UInt32.self)) ^ secret.seed, secret.multiplier)
  }

  @inline(__always)
  static func areEqual(_ first: UInt64, _ second: UInt64, byteCount: Int) -> Bool {
    GuestMemory.load(first, as: UInt32.self) == GuestMemory.load(second, as: UInt32.self)
  }

  @inline(__always)
  static func copy(_ key: UInt64, to target: UInt64, byteCount: Int) {
    GuestMemory.store(target, UInt64(GuestMemory.load(key, as: UInt32.self)), as: UInt32.self)
  }
}

/// Keys of eight bytes.
enum EightByteKey: HashKey {
  @inline(__always)
  static func hash(_ key: UInt64, _ secret: HashSecret, byteCount: Int) -> UInt64 {
    HashSecret.mix(GuestMemory.load(key, as: UInt64.self) ^ secret.seed, secret.multiplier)
  }

  @inline(__always)
  static func areEqual(_ first: UInt64, _ second: UInt64, byteCount: Int) -> Bool {
    GuestMemory.load(first, as: UInt64.self) == GuestMemory.load(second, as: UInt64.self)
  }

  @inline(__always)
  static func copy(_ key: UInt64, to target: UInt64, byteCount: Int) {
    GuestMemory.store(target, GuestMemory.load(key, as: UInt64.self), as: UInt64.self)
  }
}

/// Keys of sixteen bytes.
enum SixteenByteKey: HashKey {
  @inline(__always)
  static func hash(_ key: UInt64, _ secret: HashSecret, byteCount: Int) -> UInt64 {
    let first = GuestMemory.load(key, as: UInt64.self) ^ secret.seed
    let second = GuestMemory.load(key &+ 8, as: UInt64.self)
    return HashSecret.mix(HashSecret.mix(first, secret.multiplier) ^ second, secret.multiplier)
  }

  @inline(__always)
  static func areEqual(_ first: UInt64, _ second: UInt64, byteCount: Int) -> Bool {
    let low = GuestMemory.load(first, as: UInt64.self) ^ GuestMemory.load(second, as: UInt64.self)
    let high =
      GuestMemory.load(first &+ 8, as: UInt64.self)
      ^ GuestMemory.load(second &+ 8, as: UInt64.self)
    return low | high == 0
  }

  @inline(__always)
  static func copy(_ key: UInt64, to target: UInt64, byteCount: Int) {
    EightByteKey.copy(key, to: target, byteCount: 8)
    EightByteKey.copy(key &+ 8, to: target &+ 8, byteCount: 8)
  }
}

/// Keys of any size, those above included.
enum AnyKey: HashKey {
  @inline(__always)
  static func hash(_ key: UInt64, _ secret: HashSecret, byteCount: Int) -> UInt64 {
    switch byteCount {
    case 4: FourByteKey.hash(key, secret, byteCount: 4)
    case 8: EightByteKey.hash(key, secret, byteCount: 8)
    case 16: SixteenByteKey.hash(key, secret, byteCount: 16)
    default: hashAll(key, secret, byteCount)
    }
  }

  private static func hashAll(_ key: UInt64, _ secret: HashSecret, _ byteCount: Int) -> UInt64 {
    let count = UInt64(truncatingIfNeeded: byteCount)
    var state = secret.seed ^ count
    var offset: UInt64 = 0
    while count &- offset >= 8 {
      let word = GuestMemory.load(key &+ offset, as: UInt64.self)
      state = HashSecret.mix(state ^ word, secret.multiplier) &+ word
      offset &+= 8
    }
    let tail = tail(key &+ offset, count &- offset)
    return HashSecret.mix(
      HashSecret.mix(state ^ tail, secret.multiplier) ^ secret.seed, secret.multiplier)
  }

  /// Up to seven bytes as one number; every byte counts.
  @inline(__always)
  private static func tail(_ address: UInt64, _ count: UInt64) -> UInt64 {
    if count >= 4 {
      let low = GuestMemory.load(address, as: UInt32.self)
      let high = GuestMemory.load(address &+ count &- 4, as: UInt32.self)
      return UInt64(low) | UInt64(high) &<< 32
    }
    guard count > 0 else { return 0 }
    let low = GuestMemory.load(address, as: UInt8.self)
    let middle = GuestMemory.load(address &+ count &>> 1, as: UInt8.self)
    let high = GuestMemory.load(address &+ count &- 1, as: UInt8.self)
    return UInt64(low) | UInt64(middle) &<< 8 | UInt64(high) &<< 16
  }

  @inline(__always)
  static func areEqual(_ first: UInt64, _ second: UInt64, byteCount: Int) -> Bool {
    let count = UInt64(truncatingIfNeeded: byteCount)
    var offset: UInt64 = 0
    while count &- offset >= 8 {
      guard
        GuestMemory.load(first &+ offset, as: UInt64.self)
          == GuestMemory.load(second &+ offset, as: UInt64.self)
      else { return false }
      offset &+= 8
    }
    return tail(first &+ offset, count &- offset) == tail(second &+ offset, count &- offset)
  }

  @inline(__always)
  static func copy(_ key: UInt64, to target: UInt64, byteCount: Int) {
    GuestMemory.move(key, to: target, count: byteCount)
  }
}
