// UNSAFE. Packets as contexts: the buffer, and the words that describe it.
//
// Invariant: the buffer's size is `headroom + metadata + packet + tailroom` or more, the descriptor
// delimits it, and both live as long as the context; a run on the context ends before it is loaded
// again.

/// Feeds packets to programs: the C struct in r1 and the buffer that its pointers delimit.
///
/// ```swift
/// let context = try PacketContext(type: .xdp)
/// try context.load(bytes)
/// let result = try cpu.run(program, in: context)
/// print(ProgramType.xdp.verdictName(UInt32(truncatingIfNeeded: result.returnValue)))
/// ```
///
/// Packets are Ethernet frames. Loading one allocates nothing while the buffer is large enough.
/// What programs see is what they see in Linux's BPF_PROG_TEST_RUN, which takes less, though: no
/// XDP frame of more than 18 pages, no socket buffer whose IP header is cut short. Of an XDP frame
/// the first 3520 bytes are between `data` and `data_end`; the rest is in fragments, which helpers
/// reach.
public final class PacketContext: Context {
  let form: PacketForm
  var buffer: StableMemory
  private let template: StableMemory

  private let flowKeysOffset: Int?
  /// What is noted about every packet of the type.
  private let kind: SocketBufferNotes

  /// The kinds of contexts that helpers have to tell apart, by Linux's number of the type.
  private static let kinds: [UInt32: SocketBufferNotes] = [
    13: .isSocketEvent, 16: .isMessage, 22: .hasFlowKeys,
  ]

  /// Where the size of a message stands in its context (`struct sk_msg_md`).
  static let messageSizeOffset = 68

  override func setAddresses() {
    super.setAddresses()
    // Every packet begins with a copy of this.
    storeSockets(at: template.address)
    guard let descriptor else { return }
    let own = layout.sockets.first { $0.name == "sk" }?.offset
    descriptor.ownSocket =
      own.map { GuestMemory.load(block.address &+ UInt64($0), as: UInt64.self) } ?? 0
    guard let flowKeysOffset else { return }
    let keys = descriptor.flowKeys.lowerBound
    GuestMemory.store(block.address &+ UInt64(flowKeysOffset), keys, as: UInt64.self)
    setTemplate(flowKeysOffset, keys)
  }

  /// Begins the keys of a flow as Linux does: the network's header follows the link layer's.
  private func writeFlowKeys(_ descriptor: PacketDescriptor) {
    let keys = descriptor.flowKeys.lowerBound
    GuestMemory.clear(keys, count: FlowKeys.byteCount)
    let header = UInt64(PacketForm.linkHeaderByteCount)
    GuestMemory.store(keys, header, as: UInt16.self)
    GuestMemory.store(keys &+ 2, header, as: UInt16.self)
    GuestMemory.move(descriptor.data &+ 12, to: keys &+ 10, count: 2)
  }

  /// What the context says besides the packet; taken over by the next ``load(_:metadata:)``.
  public var initialFields: PacketFields {
    didSet { writeTemplate() }
  }

  /// Makes a context for programs of a type.
  ///
  /// - Parameters:
  ///   - type: One whose context has a packet.
  ///   - capacity: Bytes of the largest packet that fits without another allocation.
  /// - Throws: ENOMEM; EINVAL when the type's context has no packet.
  public init(type: ProgramType, capacity: Int = 3520) throws(LinuxError) {
    guard type.context.hasPacket, capacity >= 0 else { throw .invalid }
    guard capacity <= Int32.max else { throw .noMemory }
    form = PacketForm(type)
    buffer = try StableMemory(byteCount: Self.frameByteCount(of: capacity, in: form))
    template = try StableMemory(byteCount: type.context.byteCount)
    initialFields = PacketFields()
    flowKeysOffset = type.context.flowKeysOffsets.first
    kind = Self.kinds[type.number] ?? []
    try super.init(layout: type.context, hasFlowKeys: true)
    setAddresses()
    writeTemplate()
    place(byteCount: 0, metadata: 0)
    packetIsThere()
  }

  /// Takes a packet in, with what the context says about it; everything that an earlier run did is
  /// forgotten.
  ///
  /// - Parameters:
  ///   - packet: Metadata, if any, and the packet from its Ethernet header on.
  ///   - metadata: How many of the bytes are metadata: a multiple of 4 up to 216, XDP only.
  /// - Throws: EINVAL for a packet that Linux would refuse as shorter than an
  ///   Ethernet header or for such metadata; ENOMEM.
  public func load(_ packet: [UInt8], metadata: Int = 0) throws(LinuxError) {
    // Array.withUnsafeBytes cannot rethrow a typed error.
    let result = unsafe packet.withUnsafeBytes { bytes in
      Result { () throws(LinuxError) in try unsafe load(buffer: bytes, metadata: metadata) }
    }
    try result.get()
  }

  /// Takes a packet in; see ``load(_:metadata:)-([UInt8],_)``.
  public func load(_ packet: RawSpan, metadata: Int = 0) throws(LinuxError) {
    let result = unsafe packet.withUnsafeBytes { bytes in
      Result { () throws(LinuxError) in try unsafe load(buffer: bytes, metadata: metadata) }
    }
    try result.get()
  }

  private func load(buffer bytes: UnsafeRawBufferPointer, metadata: Int) throws(LinuxError) {
    guard metadata >= 0, bytes.count <= Int32.max else { throw .invalid }
    let byteCount = bytes.count - metadata
    let minimum =
      flowKeysOffset == nil ? form.minimumByteCount : PacketForm.linkHeaderByteCount
    guard byteCount >= minimum else { throw .invalid }
    guard
      metadata == 0
        || form == .frame && metadata % 4 == 0
          && metadata <= form.headroom - form.reservedHeadroom
    else {
      throw .invalid
    }
    let needed = Self.frameByteCount(of: byteCount, in: form)
    if needed > buffer.byteCount { buffer = try StableMemory(byteCount: needed) }
    // What an earlier run left before the packet must not show when this one grows.
    if form.showsHeadroom { buffer.clear(at: 0, count: form.headroom) }
    let start = form.headroom - metadata
    if let source = bytes.baseAddress {
      unsafe (buffer.base + start).copyMemory(from: source, byteCount: bytes.count)
    }
    unsafe block.base.copyMemory(from: template.base, byteCount: layout.byteCount)
    place(byteCount: byteCount, metadata: metadata)
    describe()
  }

  /// Points the descriptor at a packet that lies behind the headroom.
  private func place(byteCount: Int, metadata: Int) {
    guard let descriptor else { return }
    let start = buffer.address &+ UInt64(form.headroom)
    let frame = Self.frameByteCount(of: byteCount, in: form)
    let isBehindLinkHeader = form == .networkLayerBuffer && byteCount > 0
    let header = UInt64(PacketForm.linkHeaderByteCount)
    descriptor.data = isBehindLinkHeader ? start &+ header : start
    let linear = min(byteCount, form.longestLinearPacket)
    descriptor.end = start &+ UInt64(linear)
    descriptor.fragmentByteCount = UInt64(byteCount - linear)
    descriptor.metadata = form == .frame ? start &- UInt64(metadata) : descriptor.data
    descriptor.bufferStart = buffer.address &+ UInt64(form.reservedHeadroom)
    let room = byteCount > linear ? Self.frameByteCount(of: linear, in: form) : frame
    descriptor.bufferEnd = buffer.address &+ UInt64(room - PacketForm.reservedTailroom)
    descriptor.linkHeader = start
    descriptor.networkHeader = start &+ (form == .plain ? 0 : header)
    descriptor.isSocketBuffer = form == .linkLayerBuffer || form == .networkLayerBuffer
    descriptor.redirection = 0
    descriptor.checksumState = .none
    descriptor.notes = kind.subtracting(.isMessage)
    descriptor.assignedSocket = nil
    descriptor.chosenCookie = 0
    descriptor.optionRoom = 0
    if kind.contains(.hasFlowKeys), byteCount > 0 { writeFlowKeys(descriptor) }
    guard kind.contains(.isMessage), layout.byteCount >= Self.messageSizeOffset + 4 else { return }
    descriptor.notes = .isMessage
    descriptor.networkHeader = descriptor.end
    descriptor.verdictByteCount = 0
    descriptor.corkByteCount = 0
    self[word: Self.messageSizeOffset] = UInt32(truncatingIfNeeded: byteCount)
  }

  /// Bytes of the buffer for a packet: whole pages, with the room that Linux reserves.
  private static func frameByteCount(of packet: Int, in form: PacketForm) -> Int {
    let needed =
      form.headroom + max(packet, form.minimumCapacity) + PacketForm.reservedTailroom
    // The last fragment may grow to a whole page.
    let growth = packet > form.longestLinearPacket ? PacketForm.pageByteCount : 0
    let page = PacketForm.pageByteCount
    return (needed + growth + page - 1) / page * page
  }

  private func writeTemplate() {
    switch form {
    case .frame: writeFrameTemplate()
    case .linkLayerBuffer, .networkLayerBuffer: writeSocketBufferTemplate()
    case .plain: break
    }
  }

  private func describe() {
    switch form {
    case .linkLayerBuffer, .networkLayerBuffer: describeSocketBuffer()
    case .frame, .plain: break
    }
  }

  private func writeFrameTemplate() {
    let interface = initialFields.ingressInterface
    setTemplate(XDPOffset.ingressInterface, interface == 0 ? 1 : interface)
    setTemplate(XDPOffset.receiveQueue, initialFields.receiveQueue)
  }

  func setTemplate<Value: FixedWidthInteger>(_ offset: Int, _ value: Value) {
    guard offset >= 0, offset + MemoryLayout<Value>.size <= template.byteCount else { return }
    unsafe template.base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
  }
}
