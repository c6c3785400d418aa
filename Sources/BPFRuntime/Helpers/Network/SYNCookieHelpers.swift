// UNSAFE. Helpers that answer connections without remembering them.
//
// Relies on the checked signature: headers are the program's for the size that is given, or for
// their fixed size. The word in the table of sockets is changed by atomic stores only.

import Synchronization

extension Helper {
  /// What programs with packets may call, if their type does.
  static let cookies: [Helper] = [
    checkCookie, makeCookie, makeRawCookie4, makeRawCookie6, checkRawCookie4, checkRawCookie6,
  ]

  /// `bpf_tcp_gen_syncookie`: the sequence number to answer a SYN with, and from bit 32 on the
  /// largest segment that it stands for.
  ///
  /// EINVAL for headers that are cut short, for a packet that opens no connection and for a socket
  /// that does not listen to such; ENOENT where ``SYNCookies/use`` says so; EPROTONOSUPPORT for
  /// another version of the protocol than 4 and 6.
  static let makeCookie = Helper(
    number: 110, name: "tcp_gen_syncookie",
    arguments: [.socket, .readableMemory(), .size(), .readableMemory(), .size()], isGPLOnly: true
  ) { socket, network, networkSize, transport, transportSize, cpu in
    let header = TCPHeader(address: transport)
    let size = transportSize.asUInt32
    guard size >= TCPHeader.byteCount, size == header.byteCount else {
      return LinuxError.invalid.helperResult
    }
    return RunningCPU(address: cpu).withOwner { owner in
      let table = owner.environment.sockets
      guard let listener = table.socket(at: socket), listener.listens else {
        return LinuxError.invalid.helperResult
      }
      let use = owner.environment.synCookies.use
      guard use != .never else { return LinuxError.noEntry.helperResult }
      guard header.opensConnection else { return LinuxError.invalid.helperResult }
      switch IPHeader(address: network, byteCount: networkSize.asUInt32).ends(
        for: listener, header)
      {
      case .failure(let error): return error.helperResult
      case .success(let (ends, isIPv6)):
        guard use == .always else { return LinuxError.noEntry.helperResult }
        table.noteCookie(socket, at: owner.running.time(SystemClock.monotonic))
        return owner.cookie.make(ends, header, isIPv6: isIPv6)
      }
    }
  }

  /// `bpf_tcp_check_syncookie`: 0 when a packet acknowledges a cookie that was made for it.
  /// / EINVAL for headers that are cut short and for a socket that does not listen to such; ENOENT
  //for / anything else than a good answer to a cookie, and when none was made for the socket in the
  //last / two minutes.
  static let checkCookie = Helper(
    number: 100, name: "tcp_check_syncookie",
    arguments: [.socket, .readableMemory(), .size(), .readableMemory(), .size()], isGPLOnly: true
  ) { socket, network, networkSize, transport, transportSize, cpu in
    guard transportSize.asUInt32 >= TCPHeader.byteCount else {
      return LinuxError.invalid.helperResult
    }
    let header = TCPHeader(address: transport)
    return RunningCPU(address: cpu).withOwner { owner in
      let table = owner.environment.sockets
      guard let listener = table.socket(at: socket), listener.listens,
        owner.environment.synCookies.use != .never
      else { return LinuxError.invalid.helperResult }
      guard header.acknowledges else { return LinuxError.noEntry.helperResult }
      let network = IPHeader(address: network, byteCount: networkSize.asUInt32)
      guard network.byteCount >= IPHeader.byteCount4 else {
        return LinuxError.invalid.helperResult
      }
      let now = owner.running.time(SystemClock.monotonic)
      guard table.hasRecentCookie(socket, at: now) else { return LinuxError.noEntry.helperResult }
      switch network.ends(for: listener, header) {
      case .failure(let error): return error.helperResult
      case .success(let (ends, isIPv6)):
        return owner.cookie.isGood(ends, header, isIPv6: isIPv6)
          ? 0 : LinuxError.noEntry.helperResult
      }
    }
  }

  /// `bpf_tcp_raw_gen_syncookie_ipv4`: as ``makeCookie``, from headers alone. EINVAL for a header
  /// of TCP that has another size than it says.
  static let makeRawCookie4 = Helper(
    number: 204, name: "tcp_raw_gen_syncookie_ipv4",
    arguments: [
      .readableFixedMemory(byteCount: 20), .readableMemory(), .size(allowsZero: true),
    ], isGPLOnly: true
  ) { network, transport, size, _, _, cpu in
    makeRaw(network, transport, size, isIPv6: false, RunningCPU(address: cpu))
  }

  /// The same for version 6.
  static let makeRawCookie6 = Helper(
    number: 205, name: "tcp_raw_gen_syncookie_ipv6",
    arguments: [
      .readableFixedMemory(byteCount: 40), .readableMemory(), .size(allowsZero: true),
    ], isGPLOnly: true
  ) { network, transport, size, _, _, cpu in
    makeRaw(network, transport, size, isIPv6: true, RunningCPU(address: cpu))
  }

  private static func makeRaw(
    _ network: UInt64, _ transport: UInt64, _ size: UInt64, isIPv6: Bool, _ cpu: RunningCPU
  ) -> UInt64 {
    let size = size.asUInt32
    guard size >= TCPHeader.byteCount else { return LinuxError.invalid.helperResult }
    let header = TCPHeader(address: transport)
    guard size == header.byteCount else { return LinuxError.invalid.helperResult }
    let ends = IPHeader.ends(at: network, header, isIPv6: isIPv6)
    return cpu.withOwner { $0.cookie.make(ends, header, isIPv6: isIPv6) }
  }

  /// `bpf_tcp_raw_check_syncookie_ipv4`: 0 for the answer to a cookie, EACCES for anything else.
  static let checkRawCookie4 = Helper(
    number: 206, name: "tcp_raw_check_syncookie_ipv4",
    arguments: [.readableFixedMemory(byteCount: 20), .readableFixedMemory(byteCount: 20)],
    isGPLOnly: true
  ) { network, transport, _, _, _, cpu in
    checkRaw(network, transport, isIPv6: false, RunningCPU(address: cpu))
  }

  /// The same for version 6.
  static let checkRawCookie6 = Helper(
    number: 207, name: "tcp_raw_check_syncookie_ipv6",
    arguments: [.readableFixedMemory(byteCount: 40), .readableFixedMemory(byteCount: 20)],
    isGPLOnly: true
  ) { network, transport, _, _, _, cpu in
    checkRaw(network, transport, isIPv6: true, RunningCPU(address: cpu))
  }

  private static func checkRaw(
    _ network: UInt64, _ transport: UInt64, isIPv6: Bool, _ cpu: RunningCPU
  ) -> UInt64 {
    let header = TCPHeader(address: transport)
    let ends = IPHeader.ends(at: network, header, isIPv6: isIPv6)
    let isGood = cpu.withOwner { $0.cookie.isGood(ends, header, isIPv6: isIPv6) }
    return isGood ? 0 : LinuxError.accessDenied.helperResult
  }
}

extension CPU {
  /// Cookies of this minute.
  fileprivate var cookie: SYNCookie {
    SYNCookie(
      key: environment.synCookies.key ?? runtime.cookieKey,
      minute: UInt32(
        truncatingIfNeeded: running.time(SystemClock.monotonic) / SocketTable.minute))
  }
}

extension SYNCookie {
  /// The sizes of segments that fit into a cookie, the smallest first: those that most networks
  /// have, less the headers.
  private static let sizes4: [UInt16] = [536, 1300, 1440, 1460]
  private static let sizes6: [UInt16] = [1220, 1420, 1440, 8940]

  fileprivate func make(_ ends: Ends, _ header: TCPHeader, isIPv6: Bool) -> UInt64 {
    let sizes = isIPv6 ? Self.sizes6 : Self.sizes4
    let wanted = header.segmentSize ?? sizes[0]
    let index = sizes.lastIndex { $0 <= wanted } ?? 0
    let cookie = make(
      ends, sequence: header.sequence, sizeIndex: UInt32(truncatingIfNeeded: index))
    return UInt64(cookie) | UInt64(sizes[index]) &<< 32
  }

  fileprivate func isGood(_ ends: Ends, _ header: TCPHeader, isIPv6: Bool) -> Bool {
    let index = sizeIndex(
      of: header.acknowledgement &- 1, ends, sequence: header.sequence &- 1)
    return index.map { $0 < UInt32(Self.sizes4.count) } ?? false
  }
}

/// `struct tcphdr` in the program's memory.
private struct TCPHeader {
  let address: UInt64

  /// Bytes without options.
  static let byteCount: UInt64 = 20

  private func byte(_ offset: UInt64) -> UInt8 {
    GuestMemory.load(address &+ offset, as: UInt8.self)
  }

  private func word(_ offset: UInt64) -> UInt32 {
    UInt32(bigEndian: GuestMemory.load(address &+ offset, as: UInt32.self))
  }

  /// Bytes with options, by its own account.
  var byteCount: UInt64 { UInt64(byte(12) &>> 4) &* 4 }
  var ports: UInt32 { word(0) }
  var sequence: UInt32 { word(4) }
  var acknowledgement: UInt32 { word(8) }

  private enum Flag {
    static let end: UInt8 = 1
    static let start: UInt8 = 2
    static let reset: UInt8 = 4
    static let acknowledges: UInt8 = 16
  }

  /// A start, and nothing that does not go with one.
  var opensConnection: Bool {
    byte(13) & (Flag.start | Flag.acknowledges | Flag.end | Flag.reset) == Flag.start
  }
  /// An acknowledgement that neither starts nor resets.
  var acknowledges: Bool {
    byte(13) & (Flag.start | Flag.acknowledges | Flag.reset) == Flag.acknowledges
  }

  /// The largest segment that the sender takes, as the options say; `nil` when they do not.
  ///
  /// Relies on the header having as many bytes as it says.
  var segmentSize: UInt16? {
    var size: UInt16?
    var offset = Self.byteCount
    let end = byteCount
    while offset < end {
      let kind = byte(offset)
      if kind == 0 { break }
      if kind == 1 {
        offset &+= 1
        continue
      }
      guard offset &+ 1 < end else { break }
      let count = UInt64(byte(offset &+ 1))
      guard count >= 2, offset &+ count <= end else { break }
      if kind == 2, count == 4 {
        let given = UInt16(
          bigEndian: GuestMemory.load(address &+ offset &+ 2, as: UInt16.self))
        if given != 0 { size = given }
      }
      offset &+= count
    }
    return size
  }
}

/// `struct iphdr` or `struct ipv6hdr` in the program's memory.
private struct IPHeader {
  let address: UInt64
  let byteCount: UInt64

  static let byteCount4: UInt64 = 20
  private static let byteCount6: UInt64 = 40

  /// Both ends of the packet, and whether its version is 6, if a listener can be meant.
  func ends(
    for listener: SocketTable.Socket, _ header: TCPHeader
  ) -> Result<(SYNCookie.Ends, isIPv6: Bool), LinuxError> {
    guard byteCount >= Self.byteCount4 else { return .failure(.invalid) }
    switch GuestMemory.load(address, as: UInt8.self) &>> 4 {
    case 4:
      guard !listener.isIPv6 || !listener.isIPv6Only else { return .failure(.invalid) }
      return .success((Self.ends(at: address, header, isIPv6: false), false))
    case 6:
      guard byteCount >= Self.byteCount6, listener.isIPv6 else { return .failure(.invalid) }
      return .success((Self.ends(at: address, header, isIPv6: true), true))
    default: return .failure(.protocolNotSupported)
    }
  }

  static func ends(at address: UInt64, _ header: TCPHeader, isIPv6: Bool) -> SYNCookie.Ends {
    var words: InlineArray<4, UInt64> = [0, 0, 0, 0]
    // The addresses, source first: eight bytes from 12 on, or 32 bytes from 8 on.
    let count = isIPv6 ? 4 : 1
    for index in 0..<count {
      words[index] = GuestMemory.load(
        address &+ (isIPv6 ? 8 : 12) &+ UInt64(index) &* 8, as: UInt64.self)
    }
    return SYNCookie.Ends(addresses: words, addressWordCount: count, ports: header.ports)
  }
}

extension SocketTable.Socket {
  /// Whether connections are opened to it.
  fileprivate var listens: Bool { transport == 6 && state == 10 }
}

extension SocketTable {
  /// Nanoseconds.
  fileprivate static let minute: UInt64 = 60_000_000_000

  /// Notes that a listener made a cookie.
  fileprivate func noteCookie(_ socket: UInt64, at time: UInt64) {
    unsafe cookieTime(socket).pointee.store(time &+ 1, ordering: .relaxed)
  }

  /// Whether a listener made a cookie in the last two minutes.
  fileprivate func hasRecentCookie(_ socket: UInt64, at time: UInt64) -> Bool {
    let last = unsafe cookieTime(socket).pointee.load(ordering: .relaxed)
    return last != 0 && time &+ 1 &- last <= 2 * Self.minute
  }
}
