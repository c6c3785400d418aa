// Helpers that change what a program sees of a message, and the message itself.
//
// Invariant: a message is the bytes between the descriptor's link and network header, inside its
// buffer; the window between `data` and `end`, which is all that programs touch, lies in it.

extension Helper {
  /// What programs that see messages before they are sent may call (`sk_msg`).
  static let messages: [Helper] = [
    messageRedirectMap, messageRedirectHash, messageApplyBytes, messageCorkBytes, messagePullData,
    messagePushData, messagePopData,
  ]

  /// `bpf_msg_apply_bytes`: for how many bytes the verdict holds.
  static let messageApplyBytes = Helper(
    number: 61, name: "msg_apply_bytes", arguments: [.context, .anything]
  ) { _, count, _, _, _, cpu in
    RunningCPU(address: cpu).packet?.verdictByteCount = count.asUInt32
    return 0
  }

  /// `bpf_msg_cork_bytes`: how many bytes there have to be before the program is asked again.
  static let messageCorkBytes = Helper(
    number: 62, name: "msg_cork_bytes", arguments: [.context, .anything]
  ) { _, count, _, _, _, cpu in
    RunningCPU(address: cpu).packet?.corkByteCount = count.asUInt32
    return 0
  }

  /// `bpf_msg_pull_data`: makes `data` and `data_end` delimit these bytes of the message. EINVAL
  /// for flags, and for bytes that are none or not all there.
  static let messagePullData = Helper(
    number: 63, name: "msg_pull_data",
    arguments: [.context, .anything, .anything, .anything], changesPacket: true
  ) { _, start, end, flags, _, cpu in
    guard let message = Message(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    return message.pull(start.asUInt32, end.asUInt32, flags)?.helperResult ?? 0
  }

  /// `bpf_msg_push_data`: makes room of zeros in the message. EINVAL for flags and for a place
  /// beyond the end, ENOMEM when there is no room.
  static let messagePushData = Helper(
    number: 90, name: "msg_push_data",
    arguments: [.context, .anything, .anything, .anything], changesPacket: true
  ) { _, start, count, flags, _, cpu in
    guard let message = Message(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    return message.push(start.asUInt32, count.asUInt32, flags)?.helperResult ?? 0
  }

  /// `bpf_msg_pop_data`: takes bytes out of the message. EINVAL for flags and for bytes that are
  /// not all there.
  static let messagePopData = Helper(
    number: 91, name: "msg_pop_data",
    arguments: [.context, .anything, .anything, .anything], changesPacket: true
  ) { _, start, count, flags, _, cpu in
    guard let message = Message(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    return message.pop(start.asUInt32, count.asUInt32, flags)?.helperResult ?? 0
  }
}

/// A message, and the window of it that the program touches.
private struct Message {
  private let packet: PacketDescriptor
  private let context: UInt64

  /// The message of the running program; `nil` when it has something else.
  init?(_ cpu: RunningCPU) {
    guard let packet = cpu.packet, packet.notes.contains(.isMessage) else { return nil }
    self.packet = packet
    context = cpu.context
  }

  private var start: UInt64 { packet.linkHeader }
  private var byteCount: UInt64 { packet.networkHeader &- packet.linkHeader }

  private func show(_ window: Range<UInt64>) {
    packet.data = window.lowerBound
    packet.metadata = window.lowerBound
    packet.end = window.upperBound
    let size = UInt64(PacketContext.messageSizeOffset)
    GuestMemory.store(context &+ size, byteCount, as: UInt32.self)
  }

  func pull(_ first: UInt64, _ end: UInt64, _ flags: UInt64) -> LinuxError? {
    guard flags == 0, first < end, end <= byteCount else { return .invalid }
    show(start &+ first..<start &+ end)
    return nil
  }

  func push(_ place: UInt64, _ count: UInt64, _ flags: UInt64) -> LinuxError? {
    guard flags == 0 else { return .invalid }
    guard count > 0 else { return nil }
    guard place <= byteCount else { return .invalid }
    guard count <= packet.bufferEnd &- packet.networkHeader else { return .noMemory }
    let gap = start &+ place
    GuestMemory.move(gap, to: gap &+ count, count: Int(byteCount &- place))
    GuestMemory.clear(gap, count: Int(count))
    packet.networkHeader = packet.networkHeader &+ count
    show(start..<packet.networkHeader)
    return nil
  }

  func pop(_ place: UInt64, _ count: UInt64, _ flags: UInt64) -> LinuxError? {
    guard flags == 0 else { return .invalid }
    guard count > 0 else { return nil }
    guard place < byteCount, count <= byteCount &- place else { return .invalid }
    let rest = start &+ place &+ count
    GuestMemory.move(rest, to: start &+ place, count: Int(packet.networkHeader &- rest))
    packet.networkHeader = packet.networkHeader &- count
    show(start..<packet.networkHeader)
    return nil
  }
}
