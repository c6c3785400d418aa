extension ProgramType {
  /// XDP (6): Ethernet frames as a driver receives them, with room before and behind.
  ///
  /// r1 points to `struct xdp_md`, 24 bytes in host byte order.
  public static let xdp: ProgramType = {
    let helpers = (Helper.base + Helper.xdp + Helper.sockets + Helper.cookies + Helper.hooks).filter
    {
      AllowedHelpers.xdp.contains($0.number)
    }
    return ProgramType(
      number: 6, name: "xdp",
      context: ContextLayout(
        byteCount: XDPOffset.structSize, fields: xdpFields, hasPacket: true),
      helpers: helpers, missingHelpers: AllowedHelpers.xdp.subtracting(helpers),
      verdicts: [
        0: "XDP_ABORTED", 1: "XDP_DROP", 2: "XDP_PASS", 3: "XDP_TX", 4: "XDP_REDIRECT",
      ])
  }()

  // The last word, egress_ifindex, is only there for programs of device maps.
  private static let xdpFields = [
    ContextField("data", at: XDPOffset.data, value: .packetStart),
    ContextField("data_end", at: XDPOffset.dataEnd, value: .packetEnd),
    ContextField("data_meta", at: XDPOffset.dataMeta, value: .packetMetadata),
    ContextField("ingress_ifindex", at: XDPOffset.ingressInterface),
    ContextField("rx_queue_index", at: XDPOffset.receiveQueue),
  ]
}

/// Where the fields of `struct xdp_md` are.
enum XDPOffset {
  static let structSize = 24

  static let data = 0
  static let dataEnd = 4
  static let dataMeta = 8
  static let ingressInterface = 12
  static let receiveQueue = 16
}
