private let four = Conversation.version4()
private let six = Conversation.version6()
private let inner = Conversation.version4(9)
private let inner6 = Conversation.version6(9)

private let datagram4 = ipv4(four, IPProtocol.udp, udp(four, greeting))
private let datagram6 = ipv6(six, IPProtocol.udp, udp(six, greeting))
private let inner4 = ipv4(inner, IPProtocol.tcp, tcp(inner))
private let innerDatagram6 = ipv6(inner6, IPProtocol.udp, udp(inner6, greeting))

/// Well-formed packets that ordinary traffic does not show.
func rarePackets() -> [Packet] {
  tagged() + version4() + version6() + tunnels() + nested()
}

private func tagged() -> [Packet] {
  let double = vlan(20, EtherType.ipv4, datagram4)
  let triple = vlan(
    10, EtherType.vlan, vlan(20, EtherType.vlan, vlan(30, EtherType.ipv6, datagram6)))
  return [
    Packet("VLAN", ethernet(EtherType.vlan, vlan(10, priority: 5, EtherType.ipv4, datagram4))),
    Packet("VLAN, IPv6", ethernet(EtherType.vlan, vlan(10, EtherType.ipv6, datagram6))),
    Packet("QinQ", ethernet(EtherType.serviceVLAN, vlan(10, EtherType.vlan, double))),
    Packet("QinQ, old EtherType", ethernet(EtherType.oldQinQ, vlan(10, EtherType.vlan, double))),
    Packet("three tags", ethernet(EtherType.serviceVLAN, triple)),
    Packet(
      "MPLS: its slot is empty", ethernet(EtherType.mpls, UInt32(16 << 12 | 0x1ff).wire + datagram4)
    ),
    Packet("unknown EtherType", ethernet(0x88b5, counting(46))),
    Packet("802.3 length", ethernet(46, [0xaa, 0xaa, 3] + counting(43))),
  ]
}

private func version4() -> [Packet] {
  let recordRoute: Bytes = [7, 7, 4, 0, 0, 0, 0, 1]
  let timestamp: Bytes = [1, 1, 68, 8, 5, 0, 0, 0, 0, 0, 0, 0]
  let segmentOptions: Bytes = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
  let whole = udp(four, counting(2000))
  func fragment(_ range: Range<Int>, more: Bool) -> Bytes {
    let field = UInt16(range.lowerBound / 8) | (more ? 0x2000 : 0)
    return ethernet(
      EtherType.ipv4,
      ipv4(four, IPProtocol.udp, Bytes(whole[range]), fragment: field, identification: 99))
  }
  func frame(_ number: UInt8, _ payload: Bytes, options: Bytes = []) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, number, payload, options: options))
  }
  return [
    Packet("IPv4 record route", frame(IPProtocol.udp, udp(four, greeting), options: recordRoute)),
    Packet("IPv4 timestamp", frame(IPProtocol.tcp, tcp(four), options: timestamp)),
    Packet("IPv4 options end early", frame(IPProtocol.tcp, tcp(four), options: [1, 0, 255, 255])),
    Packet("IPv4 first fragment", fragment(0..<1000, more: true)),
    Packet("IPv4 middle fragment", fragment(1000..<1800, more: true)),
    Packet("IPv4 last fragment", fragment(1800..<2008, more: false)),
    Packet(
      "IPv4 padded frame", ethernet(EtherType.ipv4, datagram4 + Bytes(repeating: 0, count: 8))),
    Packet("TCP with all usual options", frame(IPProtocol.tcp, tcp(four, options: segmentOptions))),
    Packet("TCP reset with data", frame(IPProtocol.tcp, tcp(four, flags: 0x14, greeting))),
    Packet("echo request", frame(IPProtocol.icmp, icmpEcho())),
    Packet(
      "echo request with a record route: not answered",
      frame(IPProtocol.icmp, icmpEcho(), options: recordRoute)),
    Packet(
      "echo request in a VLAN",
      ethernet(EtherType.vlan, vlan(10, EtherType.ipv4, ipv4(four, IPProtocol.icmp, icmpEcho())))),
    Packet("IPv4 authentication", frame(51, authentication(IPProtocol.udp, udp(four, greeting)))),
    Packet("SCTP: no layer", frame(IPProtocol.sctp, counting(12))),
  ]
}

private func version6() -> [Packet] {
  let padding: Bytes = [1, 4, 0, 0, 0, 0]
  let routerAlert: Bytes = [5, 2, 0, 0, 0, 0]
  let segment = udp(six, greeting)
  let whole = udp(six, counting(1600))
  func frame(_ next: UInt8, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv6, ipv6(six, next, payload))
  }
  func fragment(_ range: Range<Int>, more: Bool) -> Bytes {
    let payload = Bytes(whole[range])
    return frame(
      IPProtocol.fragment,
      fragmentExtension(IPProtocol.udp, offset: UInt16(range.lowerBound), more: more, payload))
  }
  let all = optionsExtension(
    IPProtocol.routing, options: routerAlert,
    routingExtension(
      IPProtocol.fragment, type: 4, left: 0, addresses: [six.destination],
      fragmentExtension(
        IPProtocol.authentication, offset: 0, more: false,
        authentication(
          IPProtocol.destinationOptions,
          optionsExtension(IPProtocol.udp, options: padding, segment)))))
  return [
    Packet("hop-by-hop", frame(0, optionsExtension(IPProtocol.udp, options: routerAlert, segment))),
    Packet(
      "destination options, long",
      frame(60, optionsExtension(IPProtocol.udp, options: [1, 12] + counting(12), segment))),
    Packet(
      "segment routing",
      frame(
        43,
        routingExtension(IPProtocol.udp, type: 4, left: 0, addresses: [six.destination], segment))),
    Packet(
      "routing type 0, used up",
      frame(43, routingExtension(17, type: 0, left: 0, addresses: [six.source], segment))),
    Packet(
      "atomic fragment",
      frame(44, fragmentExtension(IPProtocol.udp, offset: 0, more: false, segment))),
    Packet("IPv6 first fragment", fragment(0..<1200, more: true)),
    Packet("IPv6 last fragment", fragment(1200..<1608, more: false)),
    Packet("IPv6 authentication", frame(51, authentication(IPProtocol.udp, segment))),
    Packet("every extension header", frame(IPProtocol.hopByHop, all)),
    Packet("IPv6 TCP", frame(IPProtocol.tcp, tcp(six, options: [2, 4, 5, 160]))),
    Packet("IPv6 echo request", frame(IPProtocol.icmpv6, icmpv6Echo(six))),
    Packet("no next header", frame(IPProtocol.noNext, [])),
  ]
}

private func tunnels() -> [Packet] {
  func over4(_ number: UInt8, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, number, payload))
  }
  func over6(_ number: UInt8, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv6, ipv6(six, number, payload))
  }
  let frame = ethernet(EtherType.ipv4, inner4)
  return [
    Packet("GRE", over4(IPProtocol.gre, gre(EtherType.ipv4, inner4))),
    Packet("GRE with a key", over4(IPProtocol.gre, gre(EtherType.ipv6, key: 42, innerDatagram6))),
    Packet(
      "GRE with everything",
      over4(
        IPProtocol.gre, gre(EtherType.ipv4, key: 42, sequence: 1, checksum: true, inner4))),
    Packet("GRE bridging", over4(IPProtocol.gre, gre(EtherType.bridged, frame))),
    Packet("GRE over IPv6", over6(IPProtocol.gre, gre(EtherType.ipv4, inner4))),
    Packet("IPIP", over4(IPProtocol.ipv4, inner4)),
    Packet("6in4", over4(IPProtocol.ipv6, innerDatagram6)),
    Packet("4in6", over6(IPProtocol.ipv4, inner4)),
    Packet("6in6", over6(IPProtocol.ipv6, innerDatagram6)),
    Packet("VXLAN", vxlanFrame(frame)),
    Packet(
      "VXLAN over IPv6",
      over6(IPProtocol.udp, udp(six, from: 49152, to: 4789, vxlan(100, frame)))),
    Packet(
      "VXLAN with a tagged frame inside",
      vxlanFrame(ethernet(EtherType.vlan, vlan(10, EtherType.ipv4, inner4)))),
    Packet(
      "echo request in a tunnel: not answered",
      over4(IPProtocol.ipv4, ipv4(inner, IPProtocol.icmp, icmpEcho()))),
  ]
}

/// Up to the hop budget and beyond: the entry's own call, then four hops for each VXLAN, one for
/// the innermost Ethernet and two for what it carries; two for each IPIP.
private func nested() -> [Packet] {
  func wrapped(_ count: Int) -> Bytes {
    (0..<count).reversed().reduce(ethernet(EtherType.ipv4, inner4)) {
      vxlanFrame(level: UInt8($1), $0)
    }
  }
  func piled(_ count: Int) -> Bytes {
    let packet = (0..<count).reduce(inner4) { packet, _ in
      ipv4(four, IPProtocol.ipv4, packet)
    }
    return ethernet(EtherType.ipv4, packet)
  }
  func tags(_ count: Int) -> Bytes {
    let last = vlan(1, EtherType.ipv4, datagram4)
    return ethernet(
      EtherType.vlan, (1..<count).reduce(last) { vlan(UInt16($1 + 1), EtherType.vlan, $0) })
  }
  return [
    Packet("VXLAN, two deep", wrapped(2)),
    Packet("VXLAN, seven deep: the last that is parsed to its end", wrapped(7)),
    Packet("VXLAN, eight deep: the hops end at the innermost Ethernet", wrapped(8)),
    Packet("IPIP, fifteen deep: uses all 33 hops", piled(15)),
    Packet("IPIP, sixteen deep: the hops end", piled(16)),
    Packet("thirty tags: uses all 33 hops", tags(30)),
    Packet("thirty-one tags: the hops end", tags(31)),
  ]
}
