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
    /// Memory of the map's value size; the helper fills it. Refers to the map argument before it.
    case newMapValue
    /// Memory of the size that the next argument gives, readable; `orNull` allows address 0.
    case readableMemory(orNull: Bool = false)
    /// Memory of the size that the next argument gives; the helper fills it.
    case writableMemory(orNull: Bool = false)
    /// The size of the memory argument before it, in bytes.
    case size(allowsZero: Bool = false)
    /// Memory of a fixed size, readable and writable.
    case fixedMemory(byteCount: Int)
    /// Memory of a fixed size, readable.
    case readableFixedMemory(byteCount: Int)
    /// A subprogram of the calling program, which the helper calls back.
    case function
    /// A socket that a helper returned.
    case socket
    /// The same as ``mapValue``, or 0.
    case mapValueOrNull
    /// A record that the program reserved in a ring buffer and has not given back.
    case reservation
  }

  /// What a helper returns.
  public enum Result: Hashable, Sendable {
    /// A number.
    case scalar
    /// The address of a value of the map argument, or 0.
    case mapValueOrNull
    /// The address of a socket that may be read, or 0.
    case socketOrNull
    /// The address of memory that may be read and written, or 0.
    case memoryOrNull
    /// The address of a record in a ring buffer, of the size in the second argument, or 0. The
    /// program has to give it back.
    case reservationOrNull
    /// Nothing that means anything.
    case void
  }

  /// Describes a helper.
  ///
  /// - Precondition: There are at most five arguments, a size follows each memory argument that has
  ///   no size of its own, and a map comes before its keys and values.
  public init(
    number: Int32, name: String, arguments: [Argument], result: Result = .scalar,
    changesPacket: Bool = false, isGPLOnly: Bool = false, function: @escaping Function
  ) {
    precondition(arguments.count <= 5, "a helper takes at most five arguments")
    precondition(Self.areComplete(arguments), "a memory argument without a size")
    self.number = number
    self.name = name
    self.arguments = arguments
    self.result = result
    self.changesPacket = changesPacket
    self.isGPLOnly = isGPLOnly
    self.function = function
  }

  /// Whether engines have to say where they are before they call it.
  package var callsBack: Bool { arguments.contains(.function) }

  /// Whether the size of every memory argument can be known.
  private static func areComplete(_ arguments: [Argument]) -> Bool {
    arguments.indices.allSatisfy { position in
      switch arguments[position] {
      case .mapKey, .mapValue, .newMapValue, .mapValueOrNull: arguments[..<position].contains(.map)
      case .readableMemory, .writableMemory:
        if case .size? = arguments.dropFirst(position + 1).first { true } else { false }
      case .anything, .context, .map, .size, .fixedMemory, .readableFixedMemory, .function,
        .socket, .reservation:
        true
      }
    }
  }
}
