// Helpers that read and write options in headers of TCP.
//
// Relies on the checked signature: buffers are the program's for the size that is given. Headers
// are read between the descriptor's addresses only.

extension Helper {
  /// What programs that are told what happens to sockets may call about options.
  static let headerOptions: [Helper] = [
    loadHeaderOption, storeHeaderOption, reserveHeaderOption,
  ]

  /// `bpf_load_hdr_opt`: copies the option that begins as the buffer does; returns its bytes.
  ///
  /// EINVAL for flags, a buffer of less than two bytes and a kind that has no length; EPERM where
  /// there is no header, ENOENT for the header of a SYN that nobody kept (flag 1), ENOMSG without
  /// such an option, EFAULT for a header that is broken, ENOSPC when the option was cut short.
  static let loadHeaderOption = Helper(
    number: 142, name: "load_hdr_opt",
    arguments: [.context, .writableMemory(), .size(), .anything]
  ) { _, buffer, size, flags, _, cpu in
    let size = size.asUInt32
    guard size >= 2, flags & ~1 == 0 else { return LinuxError.invalid.helperResult }
    let wanted = HeaderOption(
      kind: GuestMemory.load(buffer, as: UInt8.self),
      byteCount: UInt64(GuestMemory.load(buffer &+ 1, as: UInt8.self)), address: buffer)
    guard wanted.byteCount <= size, !wanted.hasNoLength, wanted.canBeSought else {
      return LinuxError.invalid.helperResult
    }
    if flags & 1 != 0 { return LinuxError.noEntry.helperResult }
    let cpu = RunningCPU(address: cpu)
    guard let event = SocketEvent(cpu), event.operation != .optionSpace,
      let options = HeaderOptions(cpu)
    else { return LinuxError.notPermitted.helperResult }
    // An experiment's number is as long as what is given of it.
    switch options.find(wanted, numberByteCount: wanted.isExperimental ? wanted.byteCount &- 2 : 0)
    {
    case .broken: return LinuxError.badAddress.helperResult
    case .missing: return LinuxError.noMessage.helperResult
    case .found(let found):
      GuestMemory.move(found.address, to: buffer, count: Int(min(found.byteCount, size)))
      return found.byteCount <= size ? found.byteCount : LinuxError.noSpace.helperResult
    }
  }

  /// `bpf_store_hdr_opt`: writes an option behind those that the header has. 0.
  ///
  /// EPERM when no header is being written, EINVAL for flags and for what is no option, ENOSPC
  /// without room and behind the end of the options, EEXIST when the header has such an option,
  /// EFAULT when it is broken.
  static let storeHeaderOption = Helper(
    number: 143, name: "store_hdr_opt",
    arguments: [.context, .readableMemory(), .size(), .anything], changesPacket: true
  ) { _, buffer, size, flags, _, cpu in
    let cpu = RunningCPU(address: cpu)
    guard let event = SocketEvent(cpu), event.operation == .writesHeader else {
      return LinuxError.notPermitted.helperResult
    }
    let size = size.asUInt32
    guard size >= 2, flags == 0 else { return LinuxError.invalid.helperResult }
    let option = HeaderOption(
      kind: GuestMemory.load(buffer, as: UInt8.self),
      byteCount: UInt64(GuestMemory.load(buffer &+ 1, as: UInt8.self)), address: buffer)
    let least: UInt64 = option.isExperimental ? 4 : 2
    guard option.byteCount >= least, option.byteCount <= size, !option.hasNoLength else {
      return LinuxError.invalid.helperResult
    }
    guard let options = HeaderOptions(cpu), let packet = cpu.packet,
      option.byteCount <= packet.optionRoom,
      option.byteCount <= packet.bufferEnd &- packet.end
    else { return LinuxError.noSpace.helperResult }
    switch options.find(option, numberByteCount: option.isExperimental ? 2 : 0) {
    case .found: return LinuxError.exists.helperResult
    case .broken: return LinuxError.badAddress.helperResult
    case .missing(isEnded: true): return LinuxError.noSpace.helperResult
    case .missing: break
    }
    GuestMemory.move(buffer, to: packet.end, count: Int(option.byteCount))
    packet.end = packet.end &+ option.byteCount
    packet.optionRoom = packet.optionRoom &- option.byteCount
    return 0
  }

  /// `bpf_reserve_hdr_opt`: asks for room for options. EPERM when nobody asks how much there shall
  /// be, EINVAL for flags and for less than two bytes, ENOSPC for more than there is.
  static let reserveHeaderOption = Helper(
    number: 144, name: "reserve_hdr_opt", arguments: [.context, .anything, .anything]
  ) { _, count, flags, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    guard let event = SocketEvent(cpu), event.operation == .optionSpace else {
      return LinuxError.notPermitted.helperResult
    }
    let count = count.asUInt32
    guard count >= 2, flags == 0 else { return LinuxError.invalid.helperResult }
    guard let packet = cpu.packet, count <= packet.optionRoom else {
      return LinuxError.noSpace.helperResult
    }
    packet.optionRoom = packet.optionRoom &- count
    return 0
  }
}

/// One option: its kind, its bytes with these two, and what follows.
private struct HeaderOption {
  var kind: UInt8
  var byteCount: UInt64
  var address: UInt64

  /// The end of the list (0), or one that fills it up (1).
  var hasNoLength: Bool { kind < 2 }

  /// Two kinds are shared by experiments, which a number in the first bytes tells apart
  /// (RFC 6994).
  var isExperimental: Bool { kind == 253 || kind == 254 }

  /// Whether what is sought is a kind, or for experiments a kind and a number of two or four bytes.
  var canBeSought: Bool {
    isExperimental ? byteCount == 4 || byteCount == 6 : byteCount == 0
  }
}

/// The options of the header at the start of the packet.
private struct HeaderOptions {
  private let start: UInt64
  private let end: UInt64

  private static let headerByteCount: UInt64 = 20

  /// `nil` when there is no header.
  init?(_ cpu: RunningCPU) {
    guard let packet = cpu.packet, packet.end &- packet.data >= Self.headerByteCount else {
      return nil
    }
    start = packet.data &+ Self.headerByteCount
    end = packet.end
  }

  enum Search {
    case found(HeaderOption)
    /// There is none; the list may have an end before that of the header.
    case missing(isEnded: Bool)
    /// The header is cut short.
    case broken
  }

  /// The first option of a kind, and for experiments with as many bytes of a number.
  func find(_ wanted: HeaderOption, numberByteCount: UInt64) -> Search {
    var address = start
    while address < end {
      let kind = GuestMemory.load(address, as: UInt8.self)
      if kind == 0 { return .missing(isEnded: true) }
      if kind == 1 {
        address &+= 1
        continue
      }
      guard end &- address >= 2 else { return .broken }
      let count = UInt64(GuestMemory.load(address &+ 1, as: UInt8.self))
      guard count >= 2, count <= end &- address else { return .broken }
      let isLike =
        kind == wanted.kind && count >= 2 &+ numberByteCount
        && GuestMemory.bytes(at: address &+ 2, count: Int(numberByteCount))
          == GuestMemory.bytes(at: wanted.address &+ 2, count: Int(numberByteCount))
      if isLike { return .found(HeaderOption(kind: kind, byteCount: count, address: address)) }
      address &+= count
    }
    return .missing(isEnded: false)
  }
}
