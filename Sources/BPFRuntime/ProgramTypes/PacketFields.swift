/// What a packet's context says besides the packet itself: what BPF_PROG_TEST_RUN takes and gives.
public struct PacketFields: Hashable, Sendable {
  /// `mark` of a socket buffer.
  public var mark: UInt32
  /// `priority` of a socket buffer.
  public var priority: UInt32
  /// Number of the interface that the packet came from; for XDP, 0 stands for the loopback
  /// device, which is 1.
  public var ingressInterface: UInt32
  /// Number of the interface that a socket buffer belongs to.
  public var interface: UInt32
  /// Number of the receive queue of an XDP frame.
  public var receiveQueue: UInt32
  /// `cb` of a socket buffer: five words; more are ignored, missing ones are zero.
  public var controlBlock: [UInt32]
  /// `tstamp` of a socket buffer, in nanoseconds.
  public var timestamp: UInt64
  /// `hwtstamp` of a socket buffer, in nanoseconds.
  public var hardwareTimestamp: UInt64
  /// `wire_len` of a socket buffer; `nil` for the packet's length.
  public var wireByteCount: UInt32?
  /// `gso_segs` of a socket buffer.
  public var segmentCount: UInt32
  /// `gso_size` of a socket buffer.
  public var segmentByteCount: UInt32

  /// Fields as a test run in Linux has them without a context.
  ///
  /// - Precondition: `controlBlock` has five words.
  public init(
    mark: UInt32 = 0, priority: UInt32 = 0, ingressInterface: UInt32 = 0, interface: UInt32 = 1,
    receiveQueue: UInt32 = 0, controlBlock: [UInt32] = [0, 0, 0, 0, 0], timestamp: UInt64 = 0,
    hardwareTimestamp: UInt64 = 0, wireByteCount: UInt32? = nil, segmentCount: UInt32 = 0,
    segmentByteCount: UInt32 = 0
  ) {
    precondition(controlBlock.count == 5, "the control block has five words")
    self.mark = mark
    self.priority = priority
    self.ingressInterface = ingressInterface
    self.interface = interface
    self.receiveQueue = receiveQueue
    self.controlBlock = controlBlock
    self.timestamp = timestamp
    self.hardwareTimestamp = hardwareTimestamp
    self.wireByteCount = wireByteCount
    self.segmentCount = segmentCount
    self.segmentByteCount = segmentByteCount
  }
}
