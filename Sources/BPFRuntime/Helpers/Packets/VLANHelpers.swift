// UNSAFE. Tags of virtual networks, beside the packet and in it.
//
// Relies on the invariant of PacketDescriptor, and keeps it: offsets are checked against its end.

/// A tag of a virtual network (IEEE 802.1Q).
struct VLANTag: Hashable {
  /// 0x8100 or 0x88a8.
  var networkProtocol: UInt16
  /// Priority and number.
  var control: UInt16
}

extension Helper {
  /// Adds a tag beside the packet; the one that is there goes into the packet.
  static let skbVLANPush = Helper(
    number: 18, name: "skb_vlan_push", arguments: [.context, .anything, .anything],
    changesPacket: true
  ) { _, networkProtocol, control, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    let wanted = UInt16(truncatingIfNeeded: networkProtocol).bigEndian
    let tag = VLANTag(
      networkProtocol: wanted == EtherType.providerVLAN ? wanted : EtherType.vlan,
      control: UInt16(truncatingIfNeeded: control))
    return buffer.push(tag)?.helperResult ?? 0
  }

  /// Removes the outermost tag; the next one moves out of the packet. Nothing happens to a packet
  /// without.
  static let skbVLANPop = Helper(
    number: 19, name: "skb_vlan_pop", arguments: [.context], changesPacket: true
  ) { _, _, _, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    return buffer.popTag()?.helperResult ?? 0
  }
}

extension SocketBuffer {
  /// Bytes of the two addresses in front of a tag.
  private static let addressByteCount: UInt64 = 12
  /// Bytes of a tag.
  private static let tagByteCount: UInt64 = 4

  fileprivate func push(_ tag: VLANTag) -> LinuxError? {
    if let old = vlanTag {
      guard packet.data == packet.linkHeader else { return .invalid }
      let network = packet.networkHeader
      if let error = insert(Self.tagByteCount, at: Self.addressByteCount) { return error }
      // The packet's next header is the tag, where the network layer's was expected.
      packet.networkHeader = network &- Self.tagByteCount
      let start = packet.data &+ Self.addressByteCount
      GuestMemory.store(start, UInt64(old.networkProtocol.bigEndian), as: UInt16.self)
      GuestMemory.store(start &+ 2, UInt64(old.control.bigEndian), as: UInt16.self)
      networkProtocol = old.networkProtocol
    }
    vlanTag = tag
    return nil
  }

  fileprivate func popTag() -> LinuxError? {
    if vlanTag != nil {
      vlanTag = nil
    } else {
      guard isTagged else { return nil }
      guard case .success = takeTag() else { return .noMemory }
    }
    guard isTagged else { return nil }
    let type = networkProtocol
    switch takeTag() {
    case .failure(let error): return error
    case .success(let control):
      vlanTag = VLANTag(networkProtocol: type, control: control)
      return nil
    }
  }

  private var isTagged: Bool {
    networkProtocol == EtherType.vlan || networkProtocol == EtherType.providerVLAN
  }

  /// Takes the first tag out of the packet and returns its control word.
  private func takeTag() -> Result<UInt16, LinuxError> {
    let start = packet.linkHeader &+ Self.addressByteCount
    guard start &+ Self.tagByteCount &+ 2 <= packet.end, packet.data == packet.linkHeader else {
      return .failure(.noMemory)
    }
    let control = UInt16(bigEndian: GuestMemory.load(start &+ 2, as: UInt16.self))
    let type = UInt16(bigEndian: GuestMemory.load(start &+ 4, as: UInt16.self))
    let next =
      start &+ 8 <= packet.end ? GuestMemory.load(start &+ 6, as: UInt16.self) : nil
    let network = packet.networkHeader
    if let error = remove(Self.tagByteCount, at: Self.addressByteCount) { return .failure(error) }
    // The network layer's header stays where it is, but never inside the link layer's.
    let least = packet.linkHeader &+ UInt64(PacketForm.linkHeaderByteCount)
    packet.networkHeader = max(network, least)
    networkProtocol = EthernetHeader.networkProtocol(type: type, payload: next)
    return .success(control)
  }
}
