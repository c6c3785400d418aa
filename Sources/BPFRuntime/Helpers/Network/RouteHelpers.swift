// UNSAFE. Helpers that look through the environment's routes.
//
// Relies on the checked signature: the structure is the program's for its whole size.

extension Helper {
  /// `bpf_fib_lookup`: where a packet would go, in `struct bpf_fib_lookup`.
  ///
  /// EINVAL for less than 64 bytes or unknown flags, EAFNOSUPPORT for a family that is not 2 or 10,
  /// ENODEV for an interface that does not exist; otherwise one of Linux's results, 0 for success.
  static let routeLookup = Helper(
    number: 69, name: "fib_lookup",
    arguments: [.context, .writableMemory(), .size(), .anything], isGPLOnly: true
  ) { _, structure, size, flags, _, cpu in
    guard size.asInt32 >= 64, flags.asUInt32 & ~0x3f == 0 else {
      return LinuxError.invalid.helperResult
    }
    let cpu = RunningCPU(address: cpu)
    return cpu.withOwner { owner in
      let lookup = RouteLookup(
        address: structure, flags: flags.asUInt32, routes: owner.environment.routes,
        packet: SocketBuffer(cpu))
      return lookup.run()
    }
  }

  /// `bpf_check_mtu` of a socket buffer: 0 when the packet fits a device, 1 when it does not.
  ///
  /// EINVAL for unknown flags, or flag 1 (segments) with a length; ENODEV without such a device.
  static let socketBufferCheckMTU = Helper(
    number: 163, name: "check_mtu",
    arguments: [.context, .anything, .fixedMemory(byteCount: 4), .anything, .anything],
    isGPLOnly: true
  ) { _, interface, length, difference, flags, cpu in
    let known = GuestMemory.load(length, as: UInt32.self)
    let wantsSegments = flags & 1 != 0
    guard flags & ~1 == 0, !wantsSegments || difference.asInt32 == 0 && known == 0 else {
      return LinuxError.invalid.helperResult
    }
    return checkMTU(RunningCPU(address: cpu), interface, length, difference)
  }

  /// The same of an XDP frame, which takes no flags.
  static let frameCheckMTU = Helper(
    number: 163, name: "check_mtu",
    arguments: [.context, .anything, .fixedMemory(byteCount: 4), .anything, .anything],
    isGPLOnly: true
  ) { _, interface, length, difference, flags, cpu in
    guard flags == 0 else { return LinuxError.invalid.helperResult }
    return checkMTU(RunningCPU(address: cpu), interface, length, difference)
  }

  private static func checkMTU(
    _ cpu: RunningCPU, _ interface: UInt64, _ length: UInt64, _ difference: UInt64
  ) -> UInt64 {
    guard let packet = cpu.packet else { return LinuxError.invalid.helperResult }
    // 0 is the device that the packet came from: the loopback device, as in a test run.
    let number = interface.asUInt32 == 0 ? 1 : UInt32(truncatingIfNeeded: interface)
    let device = cpu.withOwner { $0.environment.routes.interface(number) }
    guard let device else { return LinuxError.noDevice.helperResult }
    let given = Int64(GuestMemory.load(length, as: UInt32.self))
    let header = Int64(PacketForm.linkHeaderByteCount)
    let linear = packet.isSocketBuffer ? packet.byteCount : packet.end &- packet.data
    let count = (given == 0 ? Int64(linear) : given &+ header) &+ difference.asInt32
    GuestMemory.store(length, UInt64(device.mtu), as: UInt32.self)
    return count <= Int64(device.mtu) &+ header ? 0 : 1
  }
}

/// One look through the routes, with the program's structure as its input and output.
private struct RouteLookup {
  let address: UInt64
  let flags: UInt64
  let routes: RouteTable
  /// The socket buffer that the program has; `nil` for XDP.
  let packet: SocketBuffer?

  /// Flags (`BPF_FIB_LOOKUP_*`).
  private enum Flag {
    static let direct: UInt64 = 1
    static let output: UInt64 = 2
    static let skipsNeighbour: UInt64 = 4
    static let givesTable: UInt64 = 8
    static let wantsSource: UInt64 = 16
    static let mark: UInt64 = 32
  }

  /// Results (`BPF_FIB_LKUP_RET_*`).
  private enum Outcome {
    static let success: UInt64 = 0
    static let blackhole: UInt64 = 1
    static let unreachable: UInt64 = 2
    static let prohibited: UInt64 = 3
    static let notForwarded: UInt64 = 4
    static let forwardingDisabled: UInt64 = 5
    static let noNeighbour: UInt64 = 7
    static let fragmentationNeeded: UInt64 = 8
    static let noSourceAddress: UInt64 = 9
  }

  /// Offsets in the structure.
  private enum Field {
    static let family: UInt64 = 0
    static let totalLength: UInt64 = 6
    static let interface: UInt64 = 8
    static let metric: UInt64 = 12
    static let source: UInt64 = 16
    static let destination: UInt64 = 32
    static let vlanOrTable: UInt64 = 48
    static let mark: UInt64 = 52
    static let sourceLink: UInt64 = 52
    static let destinationLink: UInt64 = 58
  }

  private func word(_ field: UInt64) -> UInt32 {
    GuestMemory.load(address &+ field, as: UInt32.self)
  }

  private func half(_ field: UInt64) -> UInt16 {
    GuestMemory.load(address &+ field, as: UInt16.self)
  }

  private func setWord(_ field: UInt64, _ value: UInt32) {
    GuestMemory.store(address &+ field, UInt64(value), as: UInt32.self)
  }

  private func setMTU(_ mtu: UInt32) {
    GuestMemory.store(address &+ Field.totalLength, UInt64(mtu), as: UInt16.self)
  }

  func run() -> UInt64 {
    let isIPv6: Bool
    switch GuestMemory.load(address &+ Field.family, as: UInt8.self) {
    case 2: isIPv6 = false
    case 10: isIPv6 = true
    default: return LinuxError.addressFamilyNotSupported.helperResult
    }
    let size = isIPv6 ? 16 : 4
    let bytes = GuestMemory.bytes(at: address &+ Field.destination, count: size)
    let source = GuestMemory.bytes(at: address &+ Field.source, count: size)
    guard let destination = InternetAddress(bytes: bytes) else { return Outcome.notForwarded }
    if isIPv6, bytes.staysOnLink || source.staysOnLink { return Outcome.notForwarded }
    guard let ingress = routes.interface(word(Field.interface)) else {
      return LinuxError.noDevice.helperResult
    }
    guard ingress.forwards else { return Outcome.forwardingDisabled }
    guard let route = route(to: destination) else { return Outcome.notForwarded }
    switch route.kind {
    case .blackhole: return Outcome.blackhole
    case .unreachable: return Outcome.unreachable
    case .prohibited: return Outcome.prohibited
    case .local: return Outcome.notForwarded
    case .unicast: return forward(route, to: destination)
    }
  }

  private func route(to destination: InternetAddress) -> RouteTable.Route? {
    // Packets of one's own leave by the device that is given; version 6 takes it for a wish.
    let egress = flags & Flag.output != 0 && !destination.isIPv6 ? word(Field.interface) : nil
    guard flags & Flag.direct != 0 else {
      let mark = flags & Flag.mark != 0 ? word(Field.mark) : 0
      return routes.route(to: destination, mark: mark, egress: egress)
    }
    var table: UInt32 = 254
    if flags & Flag.givesTable != 0 {
      table = word(Field.vlanOrTable)
      setWord(Field.vlanOrTable, 0)
    }
    return routes.route(to: destination, table: table, egress: egress)
  }

  private func forward(_ route: RouteTable.Route, to destination: InternetAddress) -> UInt64 {
    guard let egress = routes.interface(route.interface) else { return Outcome.notForwarded }
    let length = half(Field.totalLength)
    // Of a socket buffer without a length, the packet itself is looked at in the end.
    let checksLength = packet == nil || length != 0
    let mtu = route.mtu ?? min(egress.mtu, 0xffff)
    if checksLength, UInt32(length) > mtu {
      setMTU(mtu)
      return Outcome.fragmentationNeeded
    }
    setWord(Field.metric, route.priority)
    setWord(Field.interface, egress.index)
    if flags & Flag.wantsSource != 0 {
      guard let source = source(route, egress, isIPv6: destination.isIPv6) else {
        return Outcome.noSourceAddress
      }
      GuestMemory.write(source.bytes, to: address &+ Field.source)
    }
    let next = route.gateway ?? destination
    if let gateway = route.gateway {
      if gateway.isIPv6 { GuestMemory.store(address &+ Field.family, 10, as: UInt8.self) }
      GuestMemory.write(gateway.bytes, to: address &+ Field.destination)
    }
    if flags & Flag.skipsNeighbour == 0 {
      guard let link = routes.linkAddress(of: next, interface: egress.index) else {
        return Outcome.noNeighbour
      }
      GuestMemory.write(Array(link.prefix(6)), to: address &+ Field.destinationLink)
      GuestMemory.write(Array(egress.linkAddress.prefix(6)), to: address &+ Field.sourceLink)
    }
    setWord(Field.vlanOrTable, 0)
    if checksLength {
      setMTU(mtu)
      return Outcome.success
    }
    setMTU(egress.mtu)
    // With room for a tag, as Linux allows it.
    let limit = UInt64(egress.mtu) &+ UInt64(PacketForm.linkHeaderByteCount) &+ 4
    return packet.map { $0.byteCount <= limit } ?? true
      ? Outcome.success : Outcome.fragmentationNeeded
  }

  private func source(
    _ route: RouteTable.Route, _ egress: RouteTable.Interface, isIPv6: Bool
  ) -> InternetAddress? {
    if let source = route.source, source.isIPv6 == isIPv6 { return source }
    let own = egress.addresses.first { $0.isIPv6 == isIPv6 }
    return own ?? routes.borrowedAddress(isIPv6: isIPv6) ?? (isIPv6 ? nil : .zero(isIPv6: false))
  }
}

extension [UInt8] {
  /// Whether an address of version 6 is never forwarded: multicast, link-local, loopback.
  fileprivate var staysOnLink: Bool {
    self[0] == 0xff || self[0] == 0xfe && self[1] & 0xc0 == 0x80
      || dropLast().allSatisfy { $0 == 0 } && self[15] == 1
  }
}
