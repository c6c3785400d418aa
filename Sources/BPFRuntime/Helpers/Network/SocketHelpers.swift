// UNSAFE. Helpers that find sockets in the environment's table.
//
// Relies on the checked signature: tuples are the program's for their whole size. A socket is the
// address of one in the table, which the environment keeps alive during the run.

extension Helper {
  /// What programs with packets may call, if their type does.
  static let sockets: [Helper] = [
    socketLookupTCP, socketLookupUDP, socketLookupCommon, socketRelease, socketFull, socketTCP,
    socketListener, socketAssign, socketCookie, socketUser, networkNamespaceCookie,
    setSocketOption, getSocketOption,
  ]

  /// `bpf_sk_lookup_tcp`: the socket that a packet with these addresses is for, or 0; 0 for every
  /// bad argument, too.
  static let socketLookupTCP = Helper(
    number: 84, name: "sk_lookup_tcp",
    arguments: [.context, .readableMemory(), .size(), .anything, .anything], result: .socketOrNull
  ) { _, tuple, size, namespace, flags, cpu in
    lookup(6, tuple, size, namespace, flags, RunningCPU(address: cpu))
  }

  /// `bpf_sk_lookup_udp`.
  static let socketLookupUDP = Helper(
    number: 85, name: "sk_lookup_udp",
    arguments: [.context, .readableMemory(), .size(), .anything, .anything], result: .socketOrNull
  ) { _, tuple, size, namespace, flags, cpu in
    lookup(17, tuple, size, namespace, flags, RunningCPU(address: cpu))
  }

  /// `bpf_skc_lookup_tcp`: as ``socketLookupTCP``; in Linux it finds half-open connections, too.
  static let socketLookupCommon = Helper(
    number: 99, name: "skc_lookup_tcp",
    arguments: [.context, .readableMemory(), .size(), .anything, .anything], result: .socketOrNull
  ) { _, tuple, size, namespace, flags, cpu in
    lookup(6, tuple, size, namespace, flags, RunningCPU(address: cpu))
  }

  private static func lookup(
    _ transport: UInt8, _ tuple: UInt64, _ size: UInt64, _ namespace: UInt64, _ flags: UInt64,
    _ cpu: RunningCPU
  ) -> UInt64 {
    let addressByteCount: Int
    switch size.asUInt32 {
    case 12: addressByteCount = 4
    case 36: addressByteCount = 16
    default: return 0
    }
    guard flags == 0, Int32(truncatingIfNeeded: namespace) < 0 || namespace <= 0x7fff_ffff else {
      return 0
    }
    let bytes = GuestMemory.bytes(at: tuple, count: 2 * addressByteCount + 4)
    func port(_ offset: Int) -> UInt16 {
      UInt16(bytes[2 * addressByteCount + offset]) << 8
        | UInt16(bytes[2 * addressByteCount + offset + 1])
    }
    guard let remote = InternetAddress(bytes: Array(bytes[..<addressByteCount])),
      let local = InternetAddress(bytes: Array(bytes[addressByteCount..<2 * addressByteCount]))
    else { return 0 }
    return cpu.withOwner {
      $0.environment.sockets.find(transport, from: remote, port(0), to: local, port(2)) ?? 0
    }
  }

  /// `bpf_sk_release`: gives a socket back. 0.
  static let socketRelease = Helper(
    number: 86, name: "sk_release", arguments: [.socket]
  ) { _, _, _, _, _, _ in 0 }

  /// `bpf_sk_fullsock`: the socket itself.
  static let socketFull = Helper(
    number: 95, name: "sk_fullsock", arguments: [.socket], result: .socketOrNull
  ) { socket, _, _, _, _, _ in socket }

  /// `bpf_tcp_sock`: what is known of the connection: zeros; 0 for a socket of another protocol.
  static let socketTCP = Helper(
    number: 96, name: "tcp_sock", arguments: [.socket], result: .socketOrNull
  ) { socket, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner { owner in
      let table = owner.environment.sockets
      guard table.socket(at: socket)?.transport == 6 else { return 0 }
      return table.start(at: socket) &+ SocketTable.connectionOffset
    }
  }

  /// `bpf_get_listener_sock`: the socket itself when it listens, otherwise 0.
  static let socketListener = Helper(
    number: 98, name: "get_listener_sock", arguments: [.socket], result: .socketOrNull
  ) { socket, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner { owner in
      owner.environment.sockets.socket(at: socket)?.state == 10 ? socket : 0
    }
  }

  /// `bpf_sk_assign`: the packet is for this socket. EINVAL for flags.
  static let socketAssign = Helper(
    number: 124, name: "sk_assign", arguments: [.context, .socket, .anything]
  ) { _, socket, flags, _, _, cpu in
    guard flags == 0, socket != 0 else { return LinuxError.invalid.helperResult }
    let cpu = RunningCPU(address: cpu)
    guard let packet = cpu.packet else { return LinuxError.invalid.helperResult }
    packet.assignedSocket = cpu.withOwner { $0.environment.sockets.index(at: socket) }
    return 0
  }

  /// `bpf_get_socket_cookie`: the number of a socket in the table, or of the one that the packet or
  /// context is about: ``HookIdentity/socketCookie``.
  static let socketCookie = Helper(
    number: 46, name: "get_socket_cookie", arguments: [.anything]
  ) { socket, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner { owner in
      owner.environment.sockets.socket(at: socket)?.cookie ?? owner.environment.hook.socketCookie
    }
  }

  /// `bpf_get_socket_uid`: the user of the packet's socket; without one, the number for that.
  static let socketUser = Helper(
    number: 47, name: "get_socket_uid", arguments: [.context]
  ) { _, _, _, _, _, _ in 65534 }

  /// `bpf_get_netns_cookie`: the number of the network's name space, 1 for the first.
  static let networkNamespaceCookie = Helper(
    number: 122, name: "get_netns_cookie", arguments: [.anything]
  ) { _, _, _, _, _, cpu in
    RunningCPU(address: cpu).declaredProcess?.networkNamespace ?? 1
  }

  /// `bpf_setsockopt`: sets one of ``SocketOptions/values``; EINVAL for one that there is not, or
  /// with another size.
  static let setSocketOption = Helper(
    number: 49, name: "setsockopt",
    arguments: [.anything, .anything, .anything, .readableMemory(), .size()]
  ) { _, level, name, value, size, cpu in
    let key = SocketOptions.Key(
      level: Int32(truncatingIfNeeded: level), name: Int32(truncatingIfNeeded: name))
    let bytes = GuestMemory.bytes(at: value, count: Int(size.asUInt32))
    return RunningCPU(address: cpu).withOwner { owner in
      guard let old = owner.environment.socketOptions.values[key], old.count == bytes.count else {
        return LinuxError.invalid.helperResult
      }
      owner.environment.socketOptions.values[key] = bytes
      return 0
    }
  }

  /// `bpf_getsockopt`: copies an option out, the rest being zero; EINVAL for one that there is not
  /// or that does not fit.
  static let getSocketOption = Helper(
    number: 57, name: "getsockopt",
    arguments: [.anything, .anything, .anything, .writableMemory(), .size()]
  ) { _, level, name, value, size, cpu in
    let key = SocketOptions.Key(
      level: Int32(truncatingIfNeeded: level), name: Int32(truncatingIfNeeded: name))
    let known = RunningCPU(address: cpu).withOwner { $0.environment.socketOptions.values[key] }
    GuestMemory.clear(value, count: Int(size.asUInt32))
    guard let known, known.count <= size.asUInt32 else { return LinuxError.invalid.helperResult }
    GuestMemory.write(known, to: value)
    return 0
  }
}
