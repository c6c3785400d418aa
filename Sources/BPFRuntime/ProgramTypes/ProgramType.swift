/// What a kind of program gets, may call and may return.
///
/// Linux's types are instances of this description; an embedder describes its own the same way.
public struct ProgramType: Sendable {
  /// Linux's number (`enum bpf_prog_type`), or one of the embedder's own above 0xffff.
  public var number: UInt32
  /// `bpftool`'s name, as in `xdp` or `sched_cls`.
  public var name: String
  /// What r1 points to.
  public var context: ContextLayout
  /// The helpers it may call, by number.
  public var helpers: [Int32: Helper]
  /// Numbers of helpers that Linux allows for the type and Switchyard does not have yet.
  public var missingHelpers: Set<Int32>
  /// Names of return values, as in 2: `XDP_PASS`.
  public var verdicts: [UInt32: String]
  /// Whether the legacy packet loads LD_ABS and LD_IND work (RFC 9669 section 5.5).
  public var allowsPacketLoads: Bool

  /// Describes a type.
  public init(
    number: UInt32, name: String, context: ContextLayout, helpers: [Helper] = [],
    missingHelpers: Set<Int32> = [], verdicts: [UInt32: String] = [:],
    allowsPacketLoads: Bool = false
  ) {
    self.number = number
    self.name = name
    self.context = context
    self.helpers = Dictionary(helpers.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
    self.missingHelpers = missingHelpers
    self.verdicts = verdicts
    self.allowsPacketLoads = allowsPacketLoads
  }

  /// The name of a return value; the number itself where it has none.
  public func verdictName(_ value: UInt32) -> String {
    verdicts[value] ?? String(value)
  }
}
