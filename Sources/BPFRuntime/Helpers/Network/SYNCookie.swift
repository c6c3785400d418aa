/// Makes and checks SYN cookies as Linux lays them out: bits 24 to 31 count minutes and the others
/// an index of segment sizes, each hidden by a keyed hash of both ends; the client's first sequence
/// number is added.
struct SYNCookie {
  /// The key of the hash.
  var key: SYNCookies.Key
  /// Minutes of a clock that never goes back.
  var minute: UInt32

  /// A cookie is good in the minute in which it was made and in the next one.
  private static let lifetime: UInt32 = 2
  private static let lowBits: UInt32 = 0xff_ffff

  /// A cookie for a client.
  ///
  /// - Parameters:
  ///   - ends: Addresses and ports, in words.
  ///   - sequence: The client's sequence number.
  ///   - sizeIndex: A number below 2^24.
  func make(_ ends: Ends, sequence: UInt32, sizeIndex: UInt32) -> UInt32 {
    let low = (hash(ends, minute: minute) &+ sizeIndex) & Self.lowBits
    return hash(ends, minute: nil) &+ sequence &+ minute &<< 24 &+ low
  }

  /// What was hidden in a cookie; `nil` for one that is too old. Anything may come out of what is
  /// none.
  func sizeIndex(of cookie: UInt32, _ ends: Ends, sequence: UInt32) -> UInt32? {
    let hidden = cookie &- hash(ends, minute: nil) &- sequence
    let age = (minute &- hidden &>> 24) & 0xff
    guard age < Self.lifetime else { return nil }
    return (hidden &- hash(ends, minute: minute &- age)) & Self.lowBits
  }

  private func hash(_ ends: Ends, minute: UInt32?) -> UInt32 {
    var hash = KeyedHash(key)
    for word in ends.addresses.span.indices where word < ends.addressWordCount {
      hash.combine(ends.addresses[word])
    }
    // Without a minute, a number that no minute is.
    hash.combine(UInt64(ends.ports) &<< 32 | UInt64(minute ?? .max))
    return UInt32(truncatingIfNeeded: hash.result)
  }

  /// Both ends of a connection, as they stand in the headers.
  struct Ends {
    /// The addresses, as many words as there are.
    var addresses: InlineArray<4, UInt64>
    var addressWordCount: Int
    /// The ports, source first.
    var ports: UInt32
  }
}

/// SipHash-2-4 of whole words (Aumasson and Bernstein, 2012): a hash that nobody can foretell who
/// does not know the key.
private struct KeyedHash {
  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64
  private var count: UInt64 = 0

  init(_ key: SYNCookies.Key) {
    v0 = key.low ^ 0x736f_6d65_7073_6575
    v1 = key.high ^ 0x646f_7261_6e64_6f6d
    v2 = key.low ^ 0x6c79_6765_6e65_7261
    v3 = key.high ^ 0x7465_6462_7974_6573
  }

  mutating func combine(_ word: UInt64) {
    absorb(word)
    count &+= 1
  }

  private mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  private mutating func round() {
    v0 = v0 &+ v1
    v2 = v2 &+ v3
    v1 = rotated(v1, 13) ^ v0
    v3 = rotated(v3, 16) ^ v2
    v0 = rotated(v0, 32)
    v2 = v2 &+ v1
    v0 = v0 &+ v3
    v1 = rotated(v1, 17) ^ v2
    v3 = rotated(v3, 21) ^ v0
    v2 = rotated(v2, 32)
  }

  private func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word &<< count | word &>> (64 &- count)
  }

  var result: UInt64 {
    var state = self
    // The number of bytes ends the message.
    state.absorb((count &* 8) &<< 56)
    state.v2 ^= 0xff
    for _ in 0..<4 { state.round() }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  }
}
