// UNSAFE. Helpers that look into maps of devices, CPUs, sockets and control groups.
//
// Invariant: the map's address was tested against the signature; a map of a type is always of the
// class that goes with it.

extension Helper {
  /// `bpf_redirect_map`: notes where a packet goes and returns `XDP_REDIRECT`. Without a target the
  /// two low bits of the flags are the result, and with flags that do not exist `XDP_ABORTED`.
  ///
  /// For maps of devices, flag 8 means all of them and 16 all but the one that it came from.
  static let redirectMap = Helper(
    number: 51, name: "redirect_map", arguments: [.map, .anything, .anything]
  ) { address, key, flags, _, _, cpu in
    let packet = RunningCPU(address: cpu).packet
    return MapHeader.withMap(at: address) { map in
      let type = map.definition.type
      let isDevices = type == .deviceMap || type == .deviceHash
      guard flags & ~(3 | (isDevices ? 24 : 0)) == 0 else { return 0 }
      let redirection: UInt64?
      if isDevices, flags & 8 != 0 {
        let kind = flags & 16 == 0 ? RedirectKind.broadcast : .broadcastExcludingIngress
        redirection = kind.encoded(0, map: map.id)
      } else {
        redirection = target(of: map, key)
      }
      packet?.redirection = redirection ?? 0
      return redirection == nil ? flags & 3 : 4
    }
  }

  private static func target(of map: Map, _ key: UInt64) -> UInt64? {
    var index = UInt32(truncatingIfNeeded: key)
    switch map.definition.type {
    case .deviceMap, .deviceHash, .cpuMap:
      let map = unsafe unsafeDowncast(map, to: TargetMap.self)
      guard let number = unsafe map.target(&index) else { return nil }
      return map.definition.type == .cpuMap
        ? RedirectKind.cpu.encoded(key) : RedirectKind.mappedDevice.encoded(UInt64(number))
    case .frameSocketMap:
      let map = unsafe unsafeDowncast(map, to: FrameSocketArray.self)
      guard case .success(()?) = map.withObject(at: UInt64(index), { _ in }) else { return nil }
      return RedirectKind.socket.encoded(key, map: map.id)
    default: return nil
    }
  }

  /// `bpf_clone_redirect`: hands a copy of the packet to ``CPU/cloneHandler``. EINVAL for flags
  /// other than that of the ingress, and for a device that there is not.
  static let cloneRedirect = Helper(
    number: 13, name: "clone_redirect", arguments: [.context, .anything, .anything],
    changesPacket: true
  ) { _, device, flags, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let number = UInt32(truncatingIfNeeded: device)
    guard flags & ~1 == 0, let packet = cpu.packet,
      cpu.withOwner({ $0.runtime.registry.hasDevice(number) })
    else { return LinuxError.invalid.helperResult }
    let bytes = GuestMemory.bytes(at: packet.data, count: Int(packet.byteCount))
    let target = flags & 1 == 0 ? RedirectTarget.device(number) : .ingress(number)
    cpu.withOwner { $0.cloneHandler?(target, bytes) }
    return 0
  }

  /// `bpf_skb_under_cgroup`: whether the packet's socket belongs to the group in a slot, 1 or 0;
  /// E2BIG when there is no such slot, EAGAIN when it is empty.
  static let socketBufferUnderControlGroup = Helper(
    number: 33, name: "skb_under_cgroup", arguments: [.context, .map, .anything]
  ) { _, map, index, _, _, cpu in
    isMember(.packet(cpu: RunningCPU(address: cpu).index), map, index)
  }

  /// `bpf_current_task_under_cgroup`: the same for whoever runs the program.
  static let currentTaskUnderControlGroup = Helper(
    number: 37, name: "current_task_under_cgroup", arguments: [.map, .anything]
  ) { map, index, _, _, _, cpu in
    isMember(.currentTask(cpu: RunningCPU(address: cpu).index), map, index)
  }

  private static func isMember(
    _ member: ControlGroup.Member, _ map: UInt64, _ index: UInt64
  ) -> UInt64 {
    let answer = ControlGroupArray.with(map) { map in
      map.withObject(at: index.asUInt32) { $0.contains(member) }
    }
    return switch answer {
    case nil: LinuxError.invalid.helperResult
    case .failure(let error)?: error.helperResult
    case .success(nil)?: LinuxError.tryAgain.helperResult
    case .success(let isMember?)?: isMember ? 1 : 0
    }
  }
}
