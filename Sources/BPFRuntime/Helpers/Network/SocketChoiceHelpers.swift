// UNSAFE. Helpers that choose a socket for somebody else's connection.
//
// The context is read and written only where it has as many bytes as the struct; a socket's address
// is looked up, not followed.

extension Helper {
  /// `bpf_sk_assign` of a program that looks a socket up: the connection is for this one, or with 0
  /// for none. The socket is one that was looked up in a map.
  ///
  /// EINVAL for unknown flags, ESOCKTNOSUPPORT for a socket that takes no connections, EPROTOTYPE
  /// and EAFNOSUPPORT for one of another protocol or family, EEXIST when one was chosen before and
  /// flag 1 (replace) is not given.
  static let socketAssignToLookup = Helper(
    number: 124, name: "sk_assign", arguments: [.context, .anything, .anything]
  ) { _, socket, flags, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    guard let lookup = SocketLookup(cpu) else { return LinuxError.invalid.helperResult }
    return cpu.withOwner { owner in
      lookup.assign(socket, flags, owner.environment.sockets)?.helperResult ?? 0
    }
  }
}

/// The connection that a program looks a socket up for: `struct bpf_sk_lookup`.
private struct SocketLookup {
  private let context: UInt64
  private let annex: ContextAnnex

  /// Bytes of the struct.
  private static let byteCount = UInt64(72)

  /// The context of the running program, if it is such a one.
  init?(_ cpu: RunningCPU) {
    guard cpu.plainContextByteCount == Self.byteCount, let annex = ContextAnnex(cpu) else {
      return nil
    }
    context = cpu.context
    self.annex = annex
  }

  private func word(_ offset: UInt64) -> UInt64 {
    UInt64(GuestMemory.load(context &+ offset, as: UInt32.self))
  }

  func assign(_ address: UInt64, _ flags: UInt64, _ table: SocketTable) -> LinuxError? {
    let index = table.index(at: address)
    let socket = index.map { table.sockets[$0] }
    guard flags & ~3 == 0, socket != nil || address == 0 else { return .invalid }
    if let socket, !socket.takesConnections { return .socketTypeNotSupported }
    if let socket, UInt64(socket.transport) != word(12) { return .wrongProtocolType }
    let family = word(8)
    if let socket, socket.family != family, !socket.isIPv6 || socket.isIPv6Only {
      return .addressFamilyNotSupported
    }
    guard GuestMemory.load(context, as: UInt64.self) == 0 || flags & 1 != 0 else {
      return .exists
    }
    annex.select(index, of: table, flags: flags)
    GuestMemory.store(context, index == nil ? 0 : address, as: UInt64.self)
    return nil
  }
}

extension RunningCPU {
  /// Bytes of the struct in the context of the running program; 0 when it has a packet.
  var plainContextByteCount: UInt64 { unsafe UInt64(words.pointee.contextByteCount) }
}

extension SocketTable.Socket {
  /// Whether connections can be handed to it: it listens, or it is one of UDP that is connected to
  /// nobody.
  fileprivate var takesConnections: Bool {
    switch transport {
    case 6: state == 10
    case 17: state == 7
    default: true
    }
  }
}
