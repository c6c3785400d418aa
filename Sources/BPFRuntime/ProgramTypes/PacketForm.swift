/// In which form a type of program gets its packets.
enum PacketForm: Sendable {
  /// A frame in a driver's buffer: XDP.
  case frame
  /// A socket buffer whose data starts at the link layer's header: traffic control.
  case linkLayerBuffer
  /// A socket buffer whose data starts behind the link layer's header: socket filters.
  case networkLayerBuffer
  /// Bytes without fields that describe them: an embedder's own types.
  case plain

  init(_ type: ProgramType) {
    switch (type.number, type.context.byteCount) {
    case (1, SocketBufferOffset.structSize), (8, SocketBufferOffset.structSize),
      (10...12, SocketBufferOffset.structSize), (14, SocketBufferOffset.structSize),
      (19, SocketBufferOffset.structSize):
      self = .networkLayerBuffer
    case (3...4, SocketBufferOffset.structSize): self = .linkLayerBuffer
    case (6, XDPOffset.structSize): self = .frame
    default: self = .plain
    }
  }

  /// Bytes of a page: buffers come in whole ones, and so do fragments.
  static let pageByteCount = 4096
  /// Bytes of an Ethernet header.
  static let linkHeaderByteCount = 14
  /// Bytes at the end of a buffer that Linux keeps for itself (`skb_shared_info`, rounded).
  static let reservedTailroom = 320

  /// The longest packet that a helper may make of a socket buffer.
  static let longestSocketBuffer = 16064

  /// Bytes before the packet: as many as Linux leaves in a test run for XDP, and as many as a
  /// helper may add for socket buffers, where Linux moves the packet to a larger buffer.
  var headroom: Int {
    switch self {
    case .frame, .plain: 256
    case .linkLayerBuffer, .networkLayerBuffer: Self.longestSocketBuffer + 64
    }
  }

  /// Bytes of a packet that stand in one piece; what comes after them is in fragments. A page less
  /// the room before and behind for frames, as in Linux's test runs.
  var longestLinearPacket: Int {
    self == .frame ? Self.pageByteCount - headroom - Self.reservedTailroom : .max
  }

  /// Whether programs can get at what was in the headroom before: helpers zero what they add to
  /// socket buffers.
  var showsHeadroom: Bool { self == .frame || self == .plain }

  /// Bytes that there is at least room for from the packet's start on.
  var minimumCapacity: Int {
    switch self {
    case .frame, .plain: 0
    case .linkLayerBuffer, .networkLayerBuffer: Self.longestSocketBuffer
    }
  }

  /// Bytes at the start of the headroom that the packet cannot grow into (`xdp_frame`).
  var reservedHeadroom: Int {
    switch self {
    case .frame: 40
    case .plain, .linkLayerBuffer, .networkLayerBuffer: 0
    }
  }

  /// The shortest packet.
  var minimumByteCount: Int {
    switch self {
    case .frame, .linkLayerBuffer, .networkLayerBuffer: Self.linkHeaderByteCount
    case .plain: 0
    }
  }
}
