/// The chain as a graph: which call site can reach which slot, and how often it did.
///
/// It has what `switchyard chain graph -j` shows, without what follows from the rest.
public struct GraphDocument: Codable, Hashable, Sendable {
  /// `switchyard.chain_graph/1`.
  public var schema = "switchyard.chain_graph/1"
  /// The generation that the slots are of.
  public var generation: UInt64
  /// The program that every packet enters through.
  public var entry: String
  /// The programs of the chain. Several of one name are told apart by their numbers: `tcp#12`.
  public var programs: [Program]
  /// The arrays of programs.
  public var arrays: [Array]

  /// A program.
  public struct Program: Codable, Hashable, Sendable {
    /// Its name.
    public var program: String
    /// Its number.
    public var id: UInt32?
    /// Its type, as libbpf names it.
    public var type: String
    /// Its tail calls, in the order of the code.
    public var tailCalls: [Site]
  }

  /// A tail call in the code.
  public struct Site: Codable, Hashable, Sendable {
    /// The slot of the call in the program.
    public var insn: Int
    /// The function that it stands in.
    public var function: String
    /// The source file, if the object says.
    public var file: String?
    /// The line in it.
    public var line: Int?
    /// The array's name; `nil` when it varies.
    public var array: String?
    /// The index; `nil` when it varies.
    public var index: UInt32?
    /// How often which slot was asked for.
    public var uses: [Use]
  }

  /// How often a slot was asked for at one call.
  public struct Use: Codable, Hashable, Sendable {
    /// The array's name.
    public var array: String
    /// The index.
    public var index: UInt32
    /// The program that was reached last.
    public var target: String?
    /// By outcome; `taken` only where the server counts hops.
    public var tailCalls: Counts
  }

  /// Tail calls by outcome.
  public struct Counts: Codable, Hashable, Sendable {
    /// Control went to the slot's program.
    public var taken: UInt64
    /// The slot was empty.
    public var empty: UInt64
    /// There is no such slot.
    public var outOfRange: UInt64
    /// The budget of 33 hops was spent.
    public var limit: UInt64
  }

  /// An array of programs.
  public struct Array: Codable, Hashable, Sendable {
    /// The map's name.
    public var array: String
    /// The map's number.
    public var id: UInt32?
    /// How many slots there are.
    public var maxEntries: UInt32
    /// The filled ones, ascending.
    public var slots: [Slot]
  }

  /// A filled slot.
  public struct Slot: Codable, Hashable, Sendable {
    /// Its index.
    public var index: UInt32
    /// The name of the program in it.
    public var program: String
  }
}
