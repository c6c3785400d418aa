extension Helper {
  /// Forgets the packet's hash.
  static let setHashInvalid = Helper(
    number: 41, name: "set_hash_invalid", arguments: [.context], result: .void
  ) { _, _, _, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    buffer.forgetHash()
    return 0
  }

  /// Sets the packet's hash.
  static let setHash = Helper(
    number: 48, name: "set_hash", arguments: [.context, .anything]
  ) { _, hash, _, _, _, cpu in
    guard let buffer = SocketBuffer(RunningCPU(address: cpu)) else {
      return LinuxError.invalid.helperResult
    }
    buffer.hash = hash.asUInt32
    buffer.packet.notes.insert(.hasHash)
    return 0
  }

  /// The realm of the packet's route; packets here have none.
  static let getRouteRealm = Helper(
    number: 24, name: "get_route_realm", arguments: [.context]
  ) { _, _, _, _, _, _ in 0 }

  /// The class of the sending process's control group; packets here come from no process.
  static let getCgroupClass = Helper(
    number: 17, name: "get_cgroup_classid", arguments: [.context]
  ) { _, _, _, _, _, _ in 0 }

  /// The same of whoever runs the program, for types without a packet that is sent.
  static let currentTrafficClass = Helper(
    number: 17, name: "get_cgroup_classid", arguments: []
  ) { _, _, _, _, _, cpu in
    UInt64(RunningCPU(address: cpu).declaredProcess?.trafficClass ?? 0)
  }
}
