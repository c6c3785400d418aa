// What a packet looks like after a run.

extension PacketContext {
  /// The packet as it is now, from where the program's data starts, as BPF_PROG_TEST_RUN gives it
  /// back: with the metadata in front for XDP, and with 14 zeros instead of the Ethernet header for
  /// socket filters.
  public var output: [UInt8] {
    guard let descriptor else { return [] }
    let end = descriptor.end &+ descriptor.fragmentByteCount
    let bytes = self.bytes(from: descriptor.metadata, to: end)
    guard form == .networkLayerBuffer else { return bytes }
    return [UInt8](repeating: 0, count: PacketForm.linkHeaderByteCount) + bytes
  }

  /// The packet as it is now, from where the program's data starts.
  public var packet: [UInt8] {
    descriptor.map { bytes(from: $0.data, to: $0.end &+ $0.fragmentByteCount) } ?? []
  }

  /// The metadata in front of the packet.
  public var metadata: [UInt8] {
    descriptor.map { bytes(from: $0.metadata, to: $0.data) } ?? []
  }

  /// Number of the interface that the last run redirected the packet to; `nil` when it did not, or
  /// redirected it to something else.
  public var redirection: UInt32? { redirectTarget?.device }

  /// Where the last run redirected the packet to; `nil` when it did not. It goes there if the
  /// program then returned `XDP_REDIRECT` or `TC_ACT_REDIRECT`.
  public var redirectTarget: RedirectTarget? {
    descriptor.flatMap { RedirectTarget(encoded: $0.redirection, cookie: $0.chosenCookie) }
  }

  /// The socket that the last run assigned the packet to: its place in ``SocketTable/sockets``.
  public var assignedSocket: Int? { descriptor?.assignedSocket }

  /// The cookie of the socket of a group that the last run chose (`bpf_sk_select_reuseport`); `nil`
  /// when it chose none.
  public var chosenSocketCookie: UInt64? {
    descriptor.flatMap { $0.notes.contains(.hasChosenSocket) ? $0.chosenCookie : nil }
  }

  /// The message as it is now, of which programs may see a part only; of another kind of packet,
  /// the packet.
  public var message: [UInt8] {
    guard let descriptor, descriptor.notes.contains(.isMessage) else { return packet }
    return bytes(from: descriptor.linkHeader, to: descriptor.networkHeader)
  }

  /// How many bytes of options fit into the header that a program of the type `sock_ops` is asked
  /// about, less what it reserved or wrote; 0 after a packet was loaded.
  public var optionRoom: Int {
    get { descriptor.map { Int(truncatingIfNeeded: $0.optionRoom) } ?? 0 }
    set { descriptor?.optionRoom = UInt64(clamping: newValue) }
  }

  /// For how many bytes of the message the verdict holds, 0 for all of it, and how many there have
  /// to be before the program wants to be asked again (`bpf_msg_apply_bytes`,
  /// `bpf_msg_cork_bytes`).
  public var messageByteCounts: (verdict: Int, cork: Int) {
    guard let descriptor else { return (0, 0) }
    return (
      Int(truncatingIfNeeded: descriptor.verdictByteCount),
      Int(truncatingIfNeeded: descriptor.corkByteCount)
    )
  }

  /// What a program found out about a flow, as Linux takes it over; `nil` in contexts without.
  public var flowKeys: FlowKeys? {
    guard let descriptor, descriptor.notes.contains(.hasFlowKeys) else { return nil }
    let bytes = GuestMemory.bytes(
      at: descriptor.flowKeys.lowerBound, count: FlowKeys.byteCount)
    return FlowKeys(
      bytes: bytes, within: PacketForm.linkHeaderByteCount...Int(descriptor.byteCount))
  }

  private func bytes(from start: UInt64, to end: UInt64) -> [UInt8] {
    let offset = Int(truncatingIfNeeded: start &- buffer.address)
    return buffer.bytes(at: offset, count: Int(truncatingIfNeeded: end &- start))
  }
}

extension PacketContext {
  /// The C struct as BPF_PROG_TEST_RUN gives it back: `struct xdp_md` with offsets from the
  /// metadata instead of addresses, `struct __sk_buff` with the fields of ``PacketFields`` and
  /// zeros elsewhere.
  public var linuxContext: [UInt8] {
    guard let descriptor else { return [] }
    var result = [UInt8](repeating: 0, count: layout.byteCount)
    func put(_ offset: Int, _ value: UInt32) {
      for index in 0..<4 {
        result[offset + index] = UInt8(truncatingIfNeeded: value &>> UInt32(index * 8))
      }
    }
    switch form {
    case .plain: return bytes
    case .frame:
      let metadataCount = descriptor.data &- descriptor.metadata
      put(XDPOffset.data, UInt32(truncatingIfNeeded: metadataCount))
      put(XDPOffset.dataEnd, UInt32(truncatingIfNeeded: descriptor.end &- descriptor.metadata))
      put(XDPOffset.ingressInterface, self[word: XDPOffset.ingressInterface])
      put(XDPOffset.receiveQueue, self[word: XDPOffset.receiveQueue])
    case .linkLayerBuffer, .networkLayerBuffer:
      for offset in SocketBufferOffset.testRunWords { put(offset, self[word: offset]) }
    }
    return result
  }
}
