/// How listeners answer with SYN cookies: `bpf_tcp_gen_syncookie` and its like.
///
/// A cookie is a sequence number by which a server knows a client again without remembering it: it
/// holds the minute, the largest segment that the client takes, and a keyed hash of both ends.
public struct SYNCookies: Sendable {
  /// When listeners answer with them (`net.ipv4.tcp_syncookies`).
  public enum Use: Hashable, Sendable {
    /// Never: ENOENT when one is made, EINVAL when one is checked.
    case never
    /// When too many connections are half open, which they never are here: ENOENT.
    case underAttack
    /// Always.
    case always
  }

  /// The secret of the hash: 128 bits.
  public struct Key: Hashable, Sendable {
    let low: UInt64
    let high: UInt64

    /// Two words nobody else knows.
    public init(_ low: UInt64, _ high: UInt64) {
      self.low = low
      self.high = high
    }

    /// A key from the system's generator.
    static func random() -> Key { Key(.random(in: .min ... .max), .random(in: .min ... .max)) }
  }

  /// When listeners answer with them. The helpers that work on headers alone do not ask.
  public var use = Use.always
  /// The key; `nil` for the runtime's own, which is made at random. CPUs and processes with one key
  /// know each other's cookies.
  public var key: Key?

  /// Describes how cookies are used.
  public init(use: Use = .always, key: Key? = nil) {
    self.use = use
    self.key = key
  }
}
