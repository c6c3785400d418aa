/// A function that programs call by number: what it takes and returns, and the code.
public struct Helper: Sendable {
  /// The code: BPF r1 to r5, then the address of the running ``RunningCPU``; the result is r0.
  ///
  /// It runs inside a program, so it must not throw, block for long or trap on any argument.
  /// Arguments have been checked against the signature, by the verifier or by a checked run.
  public typealias Function =
    @convention(c) (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) -> UInt64

  /// Number in the call instruction.
  public var number: Int32
  /// Name without the `bpf_` in front, as in `map_lookup_elem`.
  public var name: String
  /// The arguments in order, at most five.
  public var arguments: [Argument]
  /// What r0 holds afterwards.
  public var result: Result
  /// Whether it may move the packet, so that packet pointers are stale afterwards.
  public var changesPacket: Bool
  /// Whether only programs under a GPL-compatible licence may call it.
  public var isGPLOnly: Bool
  /// The code.
  public var function: Function

  /// What an argument has to be.
  public enum Argument: Hashable, Sendable {
    /// Any initialised value.
    case anything
    /// The program's context, unmodified.
    case context
    /// A map.
    case map
    /// Memory of the map's key size, readable. Refers to the map argument before it.
    case mapKey
    /// Memory of the map's value size, readable. Refers to the map argument before it.
    case mapValue
    /// Memory of the size that the next argument gives, readable; `orNull` allows address 0.
    case readableMemory(orNull: Bool = false)
    /// Memory of the size that the next argument gives; the helper fills it.
    case writableMemory(orNull: Bool = false)
    /// The size of the memory argument before it, in bytes.
    case size(allowsZero: Bool = false)
    /// Memory of a fixed size, readable and writable.
    case fixedMemory(byteCount: Int)
  }

  /// What a helper returns.
  public enum Result: Hashable, Sendable {
    /// A number.
    case scalar
    /// The address of a value of the map argument, or 0.
    case mapValueOrNull
    /// Nothing that means anything.
    case void
  }

  /// Describes a helper.
  public init(
    number: Int32, name: String, arguments: [Argument], result: Result = .scalar,
    changesPacket: Bool = false, isGPLOnly: Bool = false, function: @escaping Function
  ) {
    precondition(arguments.count <= 5, "a helper takes at most five arguments")
    self.number = number
    self.name = name
    self.arguments = arguments
    self.result = result
    self.changesPacket = changesPacket
    self.isGPLOnly = isGPLOnly
    self.function = function
  }
}
