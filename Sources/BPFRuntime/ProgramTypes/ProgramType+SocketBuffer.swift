extension ProgramType {
  /// Socket filters (1): packets from the network layer's header on, not writable.
  ///
  /// r1 points to `struct __sk_buff`, 192 bytes in host byte order.
  public static let socketFilter: ProgramType = {
    let helpers = (Helper.base + Helper.socketFilter + Helper.sockets + Helper.hooks).filter {
      AllowedHelpers.socketFilter.contains($0.number)
    }
    return ProgramType(
      number: 1, name: "socket_filter",
      context: ContextLayout(
        byteCount: SocketBufferOffset.structSize, fields: socketFilterFields, hasPacket: true),
      helpers: helpers, missingHelpers: AllowedHelpers.socketFilter.subtracting(helpers),
      allowsPacketLoads: true)
  }()

  /// Classifiers of traffic control (3): packets from the link layer's header on.
  ///
  /// r1 points to `struct __sk_buff`, 192 bytes in host byte order.
  public static let schedCls = trafficControl(number: 3, name: "sched_cls")

  /// Actions of traffic control (4); otherwise as ``schedCls``.
  public static let schedAct = trafficControl(number: 4, name: "sched_act")

  private static func trafficControl(number: UInt32, name: String) -> ProgramType {
    let helpers =
      (Helper.base + Helper.trafficControl + Helper.sockets + Helper.cookies + Helper.hooks).filter
    {
      AllowedHelpers.trafficControl.contains($0.number)
    }
    return ProgramType(
      number: number, name: name,
      context: ContextLayout(
        byteCount: SocketBufferOffset.structSize, fields: trafficControlFields, hasPacket: true),
      helpers: helpers, missingHelpers: AllowedHelpers.trafficControl.subtracting(helpers),
      verdicts: trafficControlVerdicts, allowsPacketLoads: true)
  }

  private static let trafficControlVerdicts: [UInt32: String] = [
    0: "TC_ACT_OK", 1: "TC_ACT_RECLASSIFY", 2: "TC_ACT_SHOT", 3: "TC_ACT_PIPE",
    4: "TC_ACT_STOLEN", 5: "TC_ACT_QUEUED", 6: "TC_ACT_REPEAT", 7: "TC_ACT_REDIRECT",
    8: "TC_ACT_TRAP", 0xffff_ffff: "TC_ACT_UNSPEC",
  ]

  // Rights as measured in Linux 6.18; what no field covers cannot be accessed.
  private static let socketFilterFields: [ContextField] = [
    ContextField("len", at: SocketBufferOffset.byteCount, reads: .narrow),
    ContextField("pkt_type", at: SocketBufferOffset.packetType, reads: .narrow),
    ContextField("mark", at: SocketBufferOffset.mark, reads: .narrow),
    ContextField("queue_mapping", at: SocketBufferOffset.queueMapping, reads: .narrow),
    ContextField("protocol", at: SocketBufferOffset.protocol, reads: .narrow),
    ContextField("vlan_present", at: SocketBufferOffset.vlanPresent, reads: .narrow),
    ContextField("vlan_tci", at: SocketBufferOffset.vlanTag, reads: .narrow),
    ContextField("vlan_proto", at: SocketBufferOffset.vlanProtocol, reads: .narrow),
    ContextField("priority", at: SocketBufferOffset.priority, reads: .narrow),
    ContextField("ingress_ifindex", at: SocketBufferOffset.ingressInterface, reads: .narrow),
    ContextField("ifindex", at: SocketBufferOffset.interface, reads: .narrow),
    ContextField("tc_index", at: SocketBufferOffset.trafficControlIndex, reads: .narrow),
    ContextField(
      "cb", at: SocketBufferOffset.controlBlock, size: 20, elementSize: 8, reads: .narrow,
      writes: .narrow),
    ContextField("hash", at: SocketBufferOffset.hash, reads: .narrow),
    ContextField("napi_id", at: SocketBufferOffset.napi, reads: .narrow),
    ContextField("gso_segs", at: SocketBufferOffset.segmentCount, reads: .narrow),
    ContextField(
      "sk", at: SocketBufferOffset.socket, size: 8, value: .socket(.common, orNull: true)),
    ContextField("gso_size", at: SocketBufferOffset.segmentByteCount, reads: .narrow),
  ]

  private static let trafficControlFields: [ContextField] = {
    let written: [String: ContextField.Storage] = [
      "mark": .plain, "priority": .plain, "queue_mapping": .queueMapping,
      "tc_index": .lowHalf,
    ]
    let common = socketFilterFields.map { field in
      guard let storage = written[field.name] else { return field }
      var field = field
      field.writes = .whole
      field.storage = storage
      return field
    }
    return common + [
      ContextField(
        "tc_classid", at: SocketBufferOffset.classIdentifier, reads: .narrow, writes: .whole,
        storage: .lowHalf),
      ContextField("data", at: SocketBufferOffset.data, value: .packetStart),
      ContextField("data_end", at: SocketBufferOffset.dataEnd, value: .packetEnd),
      ContextField("data_meta", at: SocketBufferOffset.dataMeta, value: .packetMetadata),
      ContextField("tstamp", at: SocketBufferOffset.timestamp, size: 8, writes: .whole),
      ContextField("wire_len", at: SocketBufferOffset.wireByteCount, reads: .narrow),
      ContextField("tstamp_type", at: SocketBufferOffset.timestampType, size: 1),
      ContextField("hwtstamp", at: SocketBufferOffset.hardwareTimestamp, size: 8),
    ]
  }()
}

/// Where the fields of `struct __sk_buff` are.
enum SocketBufferOffset {
  static let structSize = 192

  static let byteCount = 0
  static let packetType = 4
  static let mark = 8
  static let queueMapping = 12
  static let `protocol` = 16
  static let vlanPresent = 20
  static let vlanTag = 24
  static let vlanProtocol = 28
  static let priority = 32
  static let ingressInterface = 36
  static let interface = 40
  static let trafficControlIndex = 44
  static let controlBlock = 48
  static let hash = 68
  static let classIdentifier = 72
  static let data = 76
  static let dataEnd = 80
  static let napi = 84
  static let dataMeta = 140
  static let timestamp = 152
  static let wireByteCount = 160
  static let segmentCount = 164
  static let socket = 168
  static let segmentByteCount = 176
  static let timestampType = 180
  static let hardwareTimestamp = 184

  /// The words that a test run in Linux gives back.
  static let testRunWords = [
    mark, priority, ingressInterface, interface, controlBlock, controlBlock + 4, controlBlock + 8,
    controlBlock + 12, controlBlock + 16, timestamp, timestamp + 4, wireByteCount, segmentCount,
    segmentByteCount, hardwareTimestamp, hardwareTimestamp + 4,
  ]
}
