import Switchyard

/// What runs packets through a program.
protocol PacketEngine: AnyObject {
  /// The engine's name, as on the command line.
  var name: String { get }
  /// What people read: the name, and how the program is held.
  var summary: String { get }
  /// The type of the program.
  var type: ProgramType { get }
  /// Time spent inside programs.
  var elapsed: Duration { get }

  /// Runs the program on a packet.
  ///
  /// - Returns: r0, or `nil` when the packet is too short for the type of program.
  func run(_ packet: RawSpan) throws(CommandFailure) -> UInt32?

  /// The last packet as the program left it, in the form of BPF_PROG_TEST_RUN.
  var dataOut: [UInt8] { get }
  /// The last packet as it would go on, without metadata.
  var frame: [UInt8] { get }
  /// Where the last packet was redirected to, if it was; only some engines tell.
  var redirect: RedirectTarget? { get }
  /// The copies of the last packet that the program sent somewhere else.
  var clones: [[UInt8]] { get }
  /// The tail calls of the last packet; empty where nobody writes them down.
  var tailCalls: [TailCallRecord] { get }

  /// The contents of every map, in the object's order.
  func mapContents() throws(CommandFailure) -> [MapContents]
}

/// An engine that can collect packets and run them together, where nobody asks about each.
protocol BatchingEngine: PacketEngine {
  /// Whether it can in this run.
  var canBatch: Bool { get }
  /// Packets that wait.
  var batchCount: Int { get }
  /// Whether no other packet can wait.
  var isBatchFull: Bool { get }

  /// Lets a packet wait; `false` when it is too short for the type of program.
  func add(_ packet: RawSpan) throws(CommandFailure) -> Bool

  /// Runs what waits. `finished` gets each packet's place among them, and its r0.
  ///
  /// - Returns: What went wrong with the packet behind those.
  func runBatch(_ finished: (Int, UInt32) -> Void) -> CommandFailure?
}
