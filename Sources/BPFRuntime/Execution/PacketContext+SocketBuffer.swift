// What a socket buffer's context says about its packet.

extension PacketContext {
  /// Writes the fields that do not depend on the packet.
  func writeSocketBufferTemplate() {
    let fields = initialFields
    setTemplate(SocketBufferOffset.mark, fields.mark)
    setTemplate(SocketBufferOffset.priority, fields.priority)
    setTemplate(SocketBufferOffset.ingressInterface, fields.ingressInterface)
    setTemplate(SocketBufferOffset.interface, fields.interface)
    for index in 0..<5 {
      let word = index < fields.controlBlock.count ? fields.controlBlock[index] : 0
      setTemplate(SocketBufferOffset.controlBlock + index * 4, word)
    }
    setTemplate(SocketBufferOffset.timestamp, fields.timestamp)
    setTemplate(SocketBufferOffset.wireByteCount, fields.wireByteCount ?? 0)
    setTemplate(SocketBufferOffset.segmentCount, fields.segmentCount)
    setTemplate(SocketBufferOffset.segmentByteCount, fields.segmentByteCount)
    setTemplate(SocketBufferOffset.hardwareTimestamp, fields.hardwareTimestamp)
  }

  /// Writes the fields that follow from the packet, as Linux's `eth_type_trans` finds them.
  func describeSocketBuffer() {
    guard let descriptor else { return }
    self[word: SocketBufferOffset.byteCount] = UInt32(truncatingIfNeeded: descriptor.byteCount)
    let header = EthernetHeader(address: descriptor.linkHeader, end: descriptor.end)
    self[word: SocketBufferOffset.packetType] = header.packetType
    self[word: SocketBufferOffset.protocol] = UInt32(header.networkProtocol.bigEndian)
    if initialFields.wireByteCount == nil {
      self[word: SocketBufferOffset.wireByteCount] = self[word: SocketBufferOffset.byteCount]
    }
  }

  /// The fields of a context as they are now; those that the context does not have are zero.
  public var fields: PacketFields {
    switch form {
    case .plain: PacketFields()
    case .frame:
      PacketFields(
        ingressInterface: self[word: XDPOffset.ingressInterface], interface: 0,
        receiveQueue: self[word: XDPOffset.receiveQueue])
    case .linkLayerBuffer, .networkLayerBuffer:
      PacketFields(
        mark: self[word: SocketBufferOffset.mark],
        priority: self[word: SocketBufferOffset.priority],
        ingressInterface: self[word: SocketBufferOffset.ingressInterface],
        interface: self[word: SocketBufferOffset.interface],
        controlBlock: (0..<5).map { self[word: SocketBufferOffset.controlBlock + $0 * 4] },
        timestamp: doubleWord(SocketBufferOffset.timestamp),
        hardwareTimestamp: doubleWord(SocketBufferOffset.hardwareTimestamp),
        wireByteCount: self[word: SocketBufferOffset.wireByteCount],
        segmentCount: self[word: SocketBufferOffset.segmentCount],
        segmentByteCount: self[word: SocketBufferOffset.segmentByteCount])
    }
  }

  private func doubleWord(_ offset: Int) -> UInt64 {
    UInt64(self[word: offset]) | UInt64(self[word: offset + 4]) &<< 32
  }
}

/// What the link layer's header says.
struct EthernetHeader {
  /// The first eight bytes of a frame: the destination is the lowest six.
  private let start: UInt64
  /// Type or length, and the two bytes behind it.
  private let type: UInt16
  private let payload: UInt16?

  /// Reads a header of 14 bytes; `end` is where the packet ends.
  init(address: UInt64, end: UInt64) {
    start = UInt64(littleEndian: GuestMemory.load(address, as: UInt64.self))
    type = UInt16(bigEndian: GuestMemory.load(address &+ 12, as: UInt16.self))
    payload =
      end &- address >= 16
      ? GuestMemory.load(address &+ 14, as: UInt16.self) : nil
  }

  /// `pkt_type` on the loopback device: host 0, multicast 2, other host 3.
  ///
  /// Its own address is all zeros, and so is its broadcast address, so nothing is a broadcast (1).
  var packetType: UInt32 {
    let destination = start & 0xffff_ffff_ffff
    if destination == 0 { return 0 }
    return destination & 1 != 0 ? 2 : 3
  }

  /// The EtherType; for a frame that has a length there, Linux's numbers for raw 802.3 (1) and
  /// 802.2 (4).
  var networkProtocol: UInt16 { Self.networkProtocol(type: type, payload: payload) }

  /// The same for a header that is not at the packet's start.
  static func networkProtocol(type: UInt16, payload: UInt16?) -> UInt16 {
    if type >= 0x600 { return type }
    return payload == 0xffff ? 1 : 4
  }
}
