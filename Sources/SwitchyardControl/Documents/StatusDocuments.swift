/// What a server does and has done.
public struct StatusDocument: Codable, Hashable, Sendable {
  /// `switchyard.status/1`.
  public var schema = "switchyard.status/1"
  /// The server's process.
  public var pid: Int32
  /// The generation that runs start in now.
  public var generation: UInt64
  /// What the traffic came to so far.
  public var traffic: Traffic
  /// What the server found when it started, in sentences.
  public var found: [String]

  /// Counts since the start.
  public struct Traffic: Codable, Hashable, Sendable {
    /// Packets that were run.
    public var packets: UInt64
    /// Packets that the program's type cannot be given.
    public var skipped: UInt64
    /// Runs that ended in a fault.
    public var faults: UInt64
    /// Packets by verdict.
    public var verdicts: [String: UInt64]
    /// Tail calls that fell through.
    public var missed: Misses
  }

  /// Tail calls that fell through, by reason.
  public struct Misses: Codable, Hashable, Sendable {
    /// The slot was empty.
    public var empty: UInt64
    /// There is no such slot.
    public var outOfRange: UInt64
    /// The budget of 33 hops was spent.
    public var limit: UInt64
  }
}

/// A line of what `watch` gives.
public struct EventDocument: Codable, Hashable, Sendable {
  /// `status`, `generation` or `miss`.
  public var event: String
  /// When, in nanoseconds since 1970.
  public var timeNs: Int
  /// The generation, new for `generation`.
  public var generation: UInt64
  /// Packets so far.
  public var packets: UInt64?
  /// Of a miss: the call site's program.
  public var program: String?
  /// Of a miss: the slot, as in `jump[3]`.
  public var slot: String?
  /// Of a miss: `empty`, `out_of_range` or `limit`.
  public var reason: String?
  /// Of a miss: the hops before it.
  public var hop: Int?
  /// Of a miss: the source line that the call stands in, as in `parser.bpf.c:31`.
  public var line: String?
  /// Of a miss: how often this site missed for this reason since the last line about it.
  public var count: UInt64?
}

/// Why something was not done.
public struct ErrorDocument: Codable, Hashable, Sendable {
  /// `switchyard.error/1`.
  public var schema = "switchyard.error/1"
  /// The error.
  public var error: Details

  /// What went wrong.
  public struct Details: Codable, Hashable, Sendable {
    /// The exit status that a command ends with.
    public var code: Int32
    /// One line: what was wrong, and what to do.
    public var message: String
    /// The file that it is about.
    public var file: String?
    /// The line in it.
    public var line: Int?
  }
}
