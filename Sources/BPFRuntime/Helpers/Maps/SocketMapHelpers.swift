// UNSAFE. Helpers that send packets and messages to sockets in maps, choose one of them, and put
// sockets there.
//
// Invariant: the map's address was tested against the signature, and keys are as many bytes as it
// says; a map of sockets' types is always a `SocketMap`.

extension Helper {
  /// `bpf_sk_redirect_map`: the packet goes to a socket of the map, into its receive queue with
  /// flag 1. `SK_PASS`, or `SK_DROP` for other flags, and without such a socket.
  static let socketRedirectMap = Helper(
    number: 52, name: "sk_redirect_map", arguments: [.context, .map, .anything, .anything]
  ) { _, map, index, flags, _, cpu in
    redirect(map, UInt32(truncatingIfNeeded: index).key, flags, RunningCPU(address: cpu))
  }

  /// `bpf_sk_redirect_hash`: the same by a key.
  static let socketRedirectHash = Helper(
    number: 72, name: "sk_redirect_hash", arguments: [.context, .map, .mapKey, .anything]
  ) { _, map, key, flags, _, cpu in
    redirect(map, keyBytes(map, key), flags, RunningCPU(address: cpu))
  }

  /// `bpf_msg_redirect_map`: the same of a message; only into a receive queue if the socket is none
  /// of TCP.
  static let messageRedirectMap = Helper(
    number: 60, name: "msg_redirect_map", arguments: [.context, .map, .anything, .anything]
  ) { _, map, index, flags, _, cpu in
    redirect(
      map, UInt32(truncatingIfNeeded: index).key, flags, RunningCPU(address: cpu),
      isMessage: true)
  }

  /// `bpf_msg_redirect_hash`: the same by a key.
  static let messageRedirectHash = Helper(
    number: 71, name: "msg_redirect_hash", arguments: [.context, .map, .mapKey, .anything]
  ) { _, map, key, flags, _, cpu in
    redirect(map, keyBytes(map, key), flags, RunningCPU(address: cpu), isMessage: true)
  }

  /// `bpf_sk_select_reuseport`: of a group of sockets on one port, this one gets the packet. EINVAL
  /// for flags, ENOENT without such a socket, EPROTOTYPE and EAFNOSUPPORT for one of another
  /// protocol or family than the group's.
  static let selectReuseport = Helper(
    number: 82, name: "sk_select_reuseport", arguments: [.context, .map, .mapKey, .anything]
  ) { _, map, key, flags, _, cpu in
    guard flags.asUInt32 == 0 else { return LinuxError.invalid.helperResult }
    let cpu = RunningCPU(address: cpu)
    guard let packet = cpu.packet, let cookie = cookie(in: map, keyBytes(map, key)) else {
      return LinuxError.noEntry.helperResult
    }
    let error = cpu.withOwner { owner -> LinuxError? in
      let table = owner.environment.sockets
      guard let own = table.socket(at: packet.ownSocket),
        let chosen = table.address(ofCookie: cookie).flatMap({ table.socket(at: $0) })
      else { return nil }
      if own.transport != chosen.transport { return .wrongProtocolType }
      return own.isIPv6 != chosen.isIPv6 ? .addressFamilyNotSupported : nil
    }
    if let error { return error.helperResult }
    packet.chosenCookie = cookie
    packet.notes.insert(.hasChosenSocket)
    return 0
  }

  /// `bpf_sock_map_update`: puts the socket that the program is about into a map. EINVAL for flags,
  /// EOPNOTSUPP for a socket that is about to do something else, EEXIST and ENOENT by the flags,
  /// E2BIG when there is no such place.
  static let socketMapUpdate = Helper(
    number: 53, name: "sock_map_update", arguments: [.context, .map, .mapKey, .anything]
  ) { _, map, key, flags, _, cpu in update(map, key, flags, RunningCPU(address: cpu)) }

  /// `bpf_sock_hash_update`: the same in a hash.
  static let socketHashUpdate = Helper(
    number: 70, name: "sock_hash_update", arguments: [.context, .map, .mapKey, .anything]
  ) { _, map, key, flags, _, cpu in update(map, key, flags, RunningCPU(address: cpu)) }

  private static func keyBytes(_ map: UInt64, _ key: UInt64) -> [UInt8] {
    let count = unsafe MapHeader.withWords(at: map) { unsafe $0.keySize }
    return GuestMemory.bytes(at: key, count: Int(count))
  }

  /// Calls `body` with a map of sockets; `nil` for another one.
  private static func with<Result>(
    _ address: UInt64, _ body: (SocketMap) -> Result?
  ) -> Result? {
    MapHeader.withMap(at: address) { map in
      let types: [MapType] = [.socketMap, .socketHash, .reuseportSockets]
      guard types.contains(map.definition.type) else { return nil }
      return unsafe body(unsafeDowncast(map, to: SocketMap.self))
    }
  }

  private static func cookie(in map: UInt64, _ key: [UInt8]) -> UInt64? {
    with(map) { $0.socket(key)?.cookie }
  }

  private static func redirect(
    _ map: UInt64, _ key: [UInt8], _ flags: UInt64, _ cpu: RunningCPU, isMessage: Bool = false
  ) -> UInt64 {
    let isIngress = flags & 1 != 0
    guard flags & ~1 == 0, let packet = cpu.packet, let cookie = cookie(in: map, key) else {
      return 0
    }
    let known = cpu.withOwner { owner in
      let table = owner.environment.sockets
      return table.address(ofCookie: cookie).flatMap { table.socket(at: $0) }
    }
    // One that listens has nobody at the other end.
    if let known, known.transport == 6, known.state == 10 { return 0 }
    if isMessage, !isIngress, let known, known.transport != 6 { return 0 }
    packet.redirection = RedirectKind.stream.encoded(isIngress ? 1 : 0)
    packet.chosenCookie = cookie
    return 1
  }

  private static func update(
    _ map: UInt64, _ key: UInt64, _ flags: UInt64, _ cpu: RunningCPU
  ) -> UInt64 {
    guard flags <= 2 else { return LinuxError.invalid.helperResult }
    guard let event = SocketEvent(cpu), event.canBeKept else {
      return LinuxError.operationNotSupported.helperResult
    }
    let key = keyBytes(map, key)
    let cookie = event.cookie
    let error = with(map) { map -> LinuxError? in
      map.insert(SocketTarget(cookie: cookie), at: key, flags: UpdateFlags(rawValue: flags))
    }
    return error?.helperResult ?? 0
  }
}

extension UInt32 {
  /// The four bytes of an index.
  fileprivate var key: [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: self &>> (UInt32($0) &* 8)) }
  }
}

/// What happened to a socket, and is told to a program: `struct bpf_sock_ops`.
struct SocketEvent {
  private let cpu: RunningCPU
  private let context: UInt64

  /// Offsets in the struct.
  enum Offset {
    static let operation: UInt64 = 0
    static let isFull: UInt64 = 72
    static let callbackFlags: UInt64 = 84
    static let socket: UInt64 = 184
  }

  /// The event of the running program; `nil` when it has something else.
  init?(_ cpu: RunningCPU) {
    guard let packet = cpu.packet, packet.notes.contains(.isSocketEvent) else { return nil }
    self.cpu = cpu
    context = cpu.context
  }

  /// What a program about a header is asked, by Linux's numbers.
  enum Operation: UInt32 {
    /// How much room for options there shall be.
    case optionSpace = 14
    /// Which options shall be there.
    case writesHeader = 15
  }

  /// What the program is asked; `nil` for something without options.
  var operation: Operation? { Operation(rawValue: word(Offset.operation)) }

  func word(_ offset: UInt64) -> UInt32 {
    GuestMemory.load(context &+ offset, as: UInt32.self)
  }

  func setWord(_ offset: UInt64, _ value: UInt32) {
    GuestMemory.store(context &+ offset, UInt64(value), as: UInt32.self)
  }

  /// Whether the socket has just got a connection, or listens: only then is it put into maps.
  var canBeKept: Bool { [4, 5, 11].contains(word(Offset.operation)) }

  /// What the socket is known by.
  var cookie: UInt64 {
    let address = GuestMemory.load(context &+ Offset.socket, as: UInt64.self)
    return cpu.withOwner { owner in
      owner.environment.sockets.socket(at: address)?.cookie ?? owner.environment.hook.socketCookie
    }
  }
}

extension Helper {
  /// What programs that are told what happens to sockets may call (`sock_ops`).
  static let socketEvents: [Helper] = [
    socketMapUpdate, socketHashUpdate, setSocketEventFlags,
  ]

  /// `bpf_sock_ops_cb_flags_set`: of what the program wants to be told from now on. Returns the
  /// bits that there are no events for; EINVAL for a socket that is no full one.
  static let setSocketEventFlags = Helper(
    number: 59, name: "sock_ops_cb_flags_set", arguments: [.context, .anything]
  ) { _, flags, _, _, _, cpu in
    guard let event = SocketEvent(RunningCPU(address: cpu)),
      event.word(SocketEvent.Offset.isFull) != 0
    else { return LinuxError.invalid.helperResult }
    let flags = UInt32(truncatingIfNeeded: flags)
    event.setWord(SocketEvent.Offset.callbackFlags, flags & 0x7f)
    return UInt64(extending: Int32(bitPattern: flags & ~0x7f))
  }
}
