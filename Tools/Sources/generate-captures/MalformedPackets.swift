private let four = Conversation.version4()
private let six = Conversation.version6()
private let inner = Conversation.version4(9)

private let network = 14
private let transport4 = 34
private let transport6 = 54

private let datagram4 = ethernet(EtherType.ipv4, ipv4(four, IPProtocol.udp, udp(four, greeting)))
private let segment4 = ethernet(
  EtherType.ipv4, ipv4(four, IPProtocol.tcp, tcp(four, options: [2, 4, 5, 180])))
private let datagram6 = ethernet(EtherType.ipv6, ipv6(six, IPProtocol.udp, udp(six, greeting)))

/// Packets with one thing wrong each. Whatever is not the point is right, checksums included.
func malformedPackets() -> [Packet] {
  truncated() + version4() + version6() + transport() + tunnels()
}

/// Cut within a header. The lengths of the headers before are made to agree, so that the header
/// that is cut is what is wrong.
private func truncated() -> [Packet] {
  func cut4(_ number: UInt8, _ bytes: Bytes, _ count: Int) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, number, Bytes(bytes.prefix(count))))
  }
  func cut6(_ number: UInt8, _ bytes: Bytes, _ count: Int) -> Bytes {
    ethernet(EtherType.ipv6, ipv6(six, number, Bytes(bytes.prefix(count))))
  }
  let frame = ethernet(EtherType.ipv4, ipv4(inner, IPProtocol.tcp, tcp(inner)))
  let tunnel = vxlan(100, Bytes(frame.prefix(10)))
  return [
    Packet("VLAN tag cut", ethernet(EtherType.vlan, [0, 10])),
    Packet("second tag cut", ethernet(EtherType.serviceVLAN, vlan(10, EtherType.vlan, [0]))),
    Packet("IPv4 cut", Bytes(datagram4.prefix(network + 12))),
    Packet("IPv4 without a byte", Bytes(datagram4.prefix(network))),
    Packet("IPv6 cut", Bytes(datagram6.prefix(network + 39))),
    Packet("UDP cut", cut4(IPProtocol.udp, udp(four, greeting), 7)),
    Packet("TCP cut", cut4(IPProtocol.tcp, tcp(four), 19)),
    Packet("TCP options cut", cut4(IPProtocol.tcp, tcp(four, options: [2, 4, 5, 180]), 22)),
    Packet("ICMP cut", cut4(IPProtocol.icmp, icmpEcho(), 7)),
    Packet("ICMPv6 cut", cut6(IPProtocol.icmpv6, icmpv6Echo(six), 5)),
    Packet("GRE cut", cut4(IPProtocol.gre, gre(EtherType.ipv4, []), 3)),
    Packet("GRE key cut", cut4(IPProtocol.gre, gre(EtherType.ipv4, key: 1, []), 6)),
    Packet("VXLAN cut", cut4(IPProtocol.udp, udp(four, to: 4789, [8, 0, 0, 0]), 12)),
    Packet("inner Ethernet cut", cut4(IPProtocol.udp, udp(four, to: 4789, tunnel), 26)),
    Packet("IPIP without a byte", cut4(IPProtocol.ipv4, [], 0)),
    Packet("6in4 cut", cut4(IPProtocol.ipv6, ipv6(six, IPProtocol.udp, []), 30)),
    Packet("authentication cut", cut4(IPProtocol.authentication, authentication(17, []), 8)),
    Packet("hop-by-hop cut", cut6(IPProtocol.hopByHop, [17, 0, 1, 4], 4)),
    Packet("routing cut", cut6(IPProtocol.routing, [17, 2, 4, 0], 4)),
    Packet("IPv6 fragment cut", cut6(IPProtocol.fragment, [17, 0, 0], 3)),
  ]
}

private func version4() -> [Packet] {
  func changed(_ offset: Int, _ bytes: Bytes) -> Bytes {
    datagram4.replacing(at: network + offset, with: bytes, inHeaderAt: network)
  }
  func options(_ options: Bytes) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, IPProtocol.udp, udp(four, greeting), options: options))
  }
  func fragment(_ field: UInt16, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, IPProtocol.udp, payload, fragment: field))
  }
  return [
    Packet("IPv4 version 5", changed(0, [0x55])),
    Packet("IPv4 header of 16 bytes", changed(0, [0x44])),
    Packet("IPv4 header longer than the packet", changed(0, [0x4f])),
    Packet("IPv4 total length shorter than the header", changed(2, UInt16(19).wire)),
    Packet("IPv4 total length longer than the frame", changed(2, UInt16(1500).wire)),
    Packet("IPv4 total length zero", changed(2, [0, 0])),
    Packet("IPv4 wrong checksum", datagram4.replacing(at: network + 8, with: [63])),
    Packet("IPv4 option of length 0", options([7, 0, 0, 0])),
    Packet("IPv4 option of length 1", options([7, 1, 0, 0])),
    Packet("IPv4 option over the end of the header", options([7, 9, 4, 0, 0, 0, 0, 0])),
    Packet("IPv4 option without a length", options([1, 1, 1, 7])),
    Packet("IPv4 fragment not a multiple of eight bytes", fragment(0x2000, counting(17))),
    Packet("IPv4 fragment that ends beyond 65535", fragment(0x1fff, counting(64))),
    Packet(
      "IPv6 EtherType with IPv4 inside",
      ethernet(EtherType.ipv6, Bytes(datagram4.dropFirst(network)) + counting(8))),
  ]
}

private func version6() -> [Packet] {
  func frame(_ next: UInt8, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv6, ipv6(six, next, payload))
  }
  func options(_ options: Bytes) -> Bytes {
    frame(60, optionsExtension(IPProtocol.udp, options: options, udp(six, greeting)))
  }
  let segment = udp(six, greeting)
  let late = optionsExtension(IPProtocol.udp, options: [1, 4, 0, 0, 0, 0], segment)
  return [
    Packet("IPv6 version 4", datagram6.replacing(at: network, with: [0x40])),
    Packet("IPv6 payload longer than the frame", datagram6.replacing(at: 18, with: [1, 0])),
    Packet("hop-by-hop longer than the packet", frame(0, [17, 9, 1, 4, 0, 0, 0, 0] + segment)),
    Packet("destination option over the end", options([1, 9, 0, 0, 0, 0])),
    Packet("destination option without a length", options([1, 3, 0, 0, 0, 1])),
    Packet("more options than there can be", options(Bytes(repeating: 0, count: 62))),
    Packet(
      "hop-by-hop after another header",
      frame(60, optionsExtension(0, options: [1, 4, 0, 0, 0, 0], late))),
    Packet(
      "source route of type 0, to be followed",
      frame(43, routingExtension(17, type: 0, left: 1, addresses: [six.source], segment))),
    Packet("routing header longer than the packet", frame(43, [17, 90, 4, 0, 0, 0, 0, 0])),
    Packet(
      "IPv6 fragment not a multiple of eight bytes",
      frame(44, fragmentExtension(17, offset: 0, more: true, counting(17)))),
    Packet(
      "IPv6 fragment that ends beyond 65535",
      frame(44, fragmentExtension(17, offset: 0xfff8, more: false, counting(64)))),
    Packet(
      "authentication of zero length",
      frame(51, authentication(17, segment).replacing(at: 1, with: [0]))),
    Packet(
      "authentication longer than the packet",
      frame(51, authentication(17, segment).replacing(at: 1, with: [200]))),
  ]
}

private func transport() -> [Packet] {
  [
    Packet("UDP length 7", datagram4.replacing(at: transport4 + 4, with: [0, 7])),
    Packet("UDP length beyond the packet", datagram4.replacing(at: transport4 + 4, with: [0, 99])),
    Packet("UDP length zero", datagram6.replacing(at: transport6 + 4, with: [0, 0])),
    Packet("TCP header of 16 bytes", segment4.replacing(at: transport4 + 12, with: [0x40])),
    Packet("TCP header beyond the packet", segment4.replacing(at: transport4 + 12, with: [0xf0])),
    Packet("TCP option of length 0", segment4.replacing(at: transport4 + 21, with: [0])),
    Packet("TCP option over the end", segment4.replacing(at: transport4 + 21, with: [5])),
  ]
}

private func tunnels() -> [Packet] {
  func over4(_ number: UInt8, _ payload: Bytes) -> Bytes {
    ethernet(EtherType.ipv4, ipv4(four, number, payload))
  }
  let packet = ipv4(inner, IPProtocol.tcp, tcp(inner))
  let routed = gre(EtherType.ipv4, packet).replacing(at: 0, with: [0x40])
  let bad = packet.replacing(at: 2, with: [255, 255], inHeaderAt: 0)
  return [
    Packet("GRE with a source route", over4(IPProtocol.gre, routed)),
    Packet("VXLAN without an identifier", vxlanFrame(flags: 0, ethernet(EtherType.ipv4, packet))),
    Packet("IPIP with IPv6 inside", over4(IPProtocol.ipv4, ipv6(six, IPProtocol.noNext, []))),
    Packet("6in4 with IPv4 inside", over4(IPProtocol.ipv6, packet)),
    Packet("IPIP, inner length beyond the outer", over4(IPProtocol.ipv4, bad)),
    Packet("VXLAN, inner length beyond the outer", vxlanFrame(ethernet(EtherType.ipv4, bad))),
  ]
}
