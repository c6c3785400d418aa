// UNSAFE. The words that describe a packet to engines and helpers.
//
// Invariant: a descriptor lies in the block of a living context, behind its C struct, and its
// addresses delimit one allocated buffer:
//   bufferStart <= metadata <= data <= end <= bufferEnd

/// Where a packet is and what was done to it: words of eight bytes, the first seven of them
/// addresses, after the context's C struct; and the tunnel that goes with the packet.
@safe
struct PacketDescriptor: Sendable {
  /// The descriptor's address.
  let address: UInt64

  /// Bytes of a descriptor.
  static let byteCount = 520

  /// Offset of the word that holds the address a context field stands for.
  static func wordOffset(of value: ContextField.Value) -> Int? {
    switch value {
    case .stored, .socket, .flowKeys, .tracepointBuffer, .kernelObject: nil
    case .packetStart: 0
    case .packetEnd: 8
    case .packetMetadata: 16
    }
  }

  @inline(__always)
  private func word(_ offset: UInt64) -> UInt64 {
    GuestMemory.load(address &+ offset, as: UInt64.self)
  }

  @inline(__always)
  private func setWord(_ offset: UInt64, _ value: UInt64) {
    GuestMemory.store(address &+ offset, value, as: UInt64.self)
  }

  /// The first byte of the packet.
  var data: UInt64 {
    get { word(0) }
    nonmutating set { setWord(0, newValue) }
  }
  /// Just past the last byte.
  var end: UInt64 {
    get { word(8) }
    nonmutating set { setWord(8, newValue) }
  }
  /// The first byte of the metadata before the packet; equal to ``data`` when there is none.
  var metadata: UInt64 {
    get { word(16) }
    nonmutating set { setWord(16, newValue) }
  }
  /// The lowest address that the packet may grow down to.
  var bufferStart: UInt64 {
    get { word(24) }
    nonmutating set { setWord(24, newValue) }
  }
  /// The highest address that the packet may grow up to.
  var bufferEnd: UInt64 {
    get { word(32) }
    nonmutating set { setWord(32, newValue) }
  }

  /// Where the link layer's header starts.
  var linkHeader: UInt64 {
    get { word(40) }
    nonmutating set { setWord(40, newValue) }
  }
  /// Where the network layer's header starts.
  var networkHeader: UInt64 {
    get { word(48) }
    nonmutating set { setWord(48, newValue) }
  }

  /// Where a helper redirected the packet: a number with a ``RedirectKind`` from bit 32 on, or 0.
  var redirection: UInt64 {
    get { word(56) }
    nonmutating set { setWord(56, newValue) }
  }

  /// What is known about the packet's checksums.
  var checksumState: ChecksumState {
    get { ChecksumState(rawValue: word(64)) }
    nonmutating set { setWord(64, newValue.rawValue) }
  }

  /// Bytes of the packet in fragments: they follow ``end`` in memory, but only helpers reach them.
  var fragmentByteCount: UInt64 {
    get { word(72) }
    nonmutating set { setWord(72, newValue) }
  }

  /// Whether the context in front is a `struct __sk_buff`, whose fields helpers keep up to date.
  var isSocketBuffer: Bool {
    get { word(80) != 0 }
    nonmutating set { setWord(80, newValue ? 1 : 0) }
  }

  /// What helpers note about a socket buffer besides its fields.
  var notes: SocketBufferNotes {
    get { SocketBufferNotes(rawValue: word(88)) }
    nonmutating set { setWord(88, newValue.rawValue) }
  }

  /// The socket that a helper assigned the packet to: its place in the table.
  var assignedSocket: Int? {
    get { word(416) == 0 ? nil : Int(truncatingIfNeeded: word(416) &- 1) }
    nonmutating set { setWord(416, newValue.map { UInt64($0) &+ 1 } ?? 0) }
  }

  /// The cookie of the socket that the packet is redirected to, or that was chosen for it.
  var chosenCookie: UInt64 {
    get { word(424) }
    nonmutating set { setWord(424, newValue) }
  }
  /// For how many bytes of a message the verdict holds; 0 for all of it.
  var verdictByteCount: UInt64 {
    get { word(432) }
    nonmutating set { setWord(432, newValue) }
  }
  /// How many bytes of messages there have to be before a program wants to be asked again.
  var corkByteCount: UInt64 {
    get { word(440) }
    nonmutating set { setWord(440, newValue) }
  }
  /// The address of the socket that the context is about; 0 for none.
  var ownSocket: UInt64 {
    get { word(448) }
    nonmutating set { setWord(448, newValue) }
  }
  /// How many bytes of options fit into a header of TCP.
  var optionRoom: UInt64 {
    get { word(512) }
    nonmutating set { setWord(512, newValue) }
  }
  /// Where the keys of a flow are (`struct bpf_flow_keys`), in contexts that have them.
  var flowKeys: Range<UInt64> {
    address &+ 456..<address &+ 456 &+ UInt64(FlowKeys.byteCount)
  }

  /// Where a tunnel's key is kept, once ``SocketBufferNotes/hasTunnel`` is noted: its flags, eight
  /// bytes, and 48 bytes of key.
  var tunnelKey: UInt64 { address &+ 96 }

  /// Where a tunnel's options are kept: their number of bytes, eight bytes, and up to 255 of them.
  var tunnelOptions: UInt64 { address &+ 152 }

  /// Bytes of the packet, fragments included.
  var byteCount: UInt64 { end &- data &+ fragmentByteCount }
}

/// What a packet's helpers note for each other, and what kind of context it is.
struct SocketBufferNotes: OptionSet, Sendable {
  var rawValue: UInt64

  /// The hash is one, even if it is 0.
  static let hasHash = SocketBufferNotes(rawValue: 1)
  /// The packet was put into a tunnel's headers.
  static let isEncapsulated = SocketBufferNotes(rawValue: 2)
  /// There is a key of a tunnel.
  static let hasTunnel = SocketBufferNotes(rawValue: 4)
  /// The context is one of a message.
  static let isMessage = SocketBufferNotes(rawValue: 8)
  /// The context is one of an event of a socket.
  static let isSocketEvent = SocketBufferNotes(rawValue: 16)
  /// There are keys of a flow.
  static let hasFlowKeys = SocketBufferNotes(rawValue: 32)
  /// A socket of a group was chosen.
  static let hasChosenSocket = SocketBufferNotes(rawValue: 64)
}

/// How many of a packet's nested checksums need no checking: 0 when nothing is known.
struct ChecksumState: RawRepresentable, Hashable, Sendable {
  var rawValue: UInt64

  static let none = ChecksumState(rawValue: 0)
}
