/// Who talks to whom: addresses of four bytes or of sixteen.
struct Conversation {
  let source: Bytes
  let destination: Bytes

  /// RFC 5737 documentation addresses, a pair for each level of tunnels.
  static func version4(_ level: UInt8 = 0) -> Conversation {
    Conversation(source: [192, 0, 2, 10 + level], destination: [198, 51, 100, 20 + level])
  }

  /// RFC 3849 documentation addresses.
  static func version6(_ level: UInt8 = 0) -> Conversation {
    let prefix: Bytes = [0x20, 0x01, 0x0d, 0xb8] + Bytes(repeating: 0, count: 10)
    return Conversation(source: prefix + [level, 1], destination: prefix + [level, 2])
  }

  /// With a checksum over the pseudo header put in at `offset`.
  fileprivate func checksummed(_ segment: Bytes, protocol number: UInt8, at offset: Int) -> Bytes {
    let pseudo = source + destination + UInt32(segment.count).wire + UInt32(number).wire
    let sum = internetChecksum(pseudo + segment)
    // RFC 768: zero means "none", so UDP sends the other zero.
    return segment.replacing(at: offset, with: number == 17 && sum == [0, 0] ? [255, 255] : sum)
  }
}

enum EtherType {
  static let ipv4: UInt16 = 0x0800
  static let ipv6: UInt16 = 0x86dd
  static let vlan: UInt16 = 0x8100
  static let serviceVLAN: UInt16 = 0x88a8
  static let oldQinQ: UInt16 = 0x9100
  static let bridged: UInt16 = 0x6558
  static let mpls: UInt16 = 0x8847
}

enum IPProtocol {
  static let hopByHop: UInt8 = 0
  static let icmp: UInt8 = 1
  static let ipv4: UInt8 = 4
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
  static let ipv6: UInt8 = 41
  static let routing: UInt8 = 43
  static let fragment: UInt8 = 44
  static let gre: UInt8 = 47
  static let authentication: UInt8 = 51
  static let icmpv6: UInt8 = 58
  static let noNext: UInt8 = 59
  static let destinationOptions: UInt8 = 60
  static let sctp: UInt8 = 132
}

let greeting = Bytes("switchyard".utf8)

/// A payload that is recognised in a dump: 0, 1, 2, ...
func counting(_ count: Int) -> Bytes { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

// MARK: The link

func ethernet(_ type: UInt16, _ payload: Bytes) -> Bytes {
  [2, 0, 0, 0, 0, 2] + [2, 0, 0, 0, 0, 1] + type.wire + payload
}

/// What follows the EtherType of a tag: the tag itself, and the EtherType of its payload.
func vlan(_ identifier: UInt16, priority: UInt16 = 0, _ type: UInt16, _ payload: Bytes) -> Bytes {
  (priority << 13 | identifier).wire + type.wire + payload
}

// MARK: IP

/// - Parameters:
///   - options: a multiple of four bytes.
///   - fragment: the flags and the offset in units of eight bytes.
func ipv4(
  _ conversation: Conversation, _ number: UInt8, _ payload: Bytes, options: Bytes = [],
  fragment: UInt16 = 0, identification: UInt16 = 1
) -> Bytes {
  let length = 20 + options.count
  let header =
    [UInt8(0x40 | length / 4), 0] + UInt16(length + payload.count).wire + identification.wire
    + fragment.wire + [64, number, 0, 0] + conversation.source + conversation.destination + options
  return header.replacing(at: 10, with: internetChecksum(header)) + payload
}

func ipv6(_ conversation: Conversation, _ next: UInt8, _ payload: Bytes) -> Bytes {
  [0x60, 0, 0, 0] + UInt16(payload.count).wire + [next, 64] + conversation.source
    + conversation.destination + payload
}

/// Hop-by-hop or destination options: six bytes of them, or eight more each time.
func optionsExtension(_ next: UInt8, options: Bytes, _ payload: Bytes) -> Bytes {
  [next, UInt8((options.count + 2) / 8 - 1)] + options + payload
}

/// A routing header of `type` with the addresses given, of which `left` are still to visit.
func routingExtension(
  _ next: UInt8, type: UInt8, left: UInt8, addresses: [Bytes], _ payload: Bytes
) -> Bytes {
  let words = UInt8(addresses.count * 2)
  let last = UInt8(max(addresses.count - 1, 0))
  // Type 4 (RFC 8754) names its last entry where type 0 has reserved bytes.
  return [next, words, type, left, type == 4 ? last : 0, 0, 0, 0] + addresses.joined() + payload
}

func fragmentExtension(
  _ next: UInt8, offset: UInt16, more: Bool, identification: UInt32 = 7, _ payload: Bytes
) -> Bytes {
  [next, 0] + (offset | (more ? 1 : 0)).wire + identification.wire + payload
}

/// An authentication header (RFC 4302) with a check value of twelve bytes.
func authentication(_ next: UInt8, _ payload: Bytes) -> Bytes {
  [next, 4, 0, 0] + UInt32(0x100).wire + UInt32(1).wire + counting(12) + payload
}

// MARK: Transport and tunnels

func udp(
  _ conversation: Conversation, from source: UInt16 = 40000, to destination: UInt16 = 7,
  _ payload: Bytes
) -> Bytes {
  let segment = source.wire + destination.wire + UInt16(8 + payload.count).wire + [0, 0] + payload
  return conversation.checksummed(segment, protocol: IPProtocol.udp, at: 6)
}

/// - Parameter options: a multiple of four bytes.
func tcp(
  _ conversation: Conversation, flags: UInt8 = 0x02, options: Bytes = [], _ payload: Bytes = []
) -> Bytes {
  let header =
    UInt16(40001).wire + UInt16(80).wire + UInt32(1000).wire + UInt32(0).wire
    + [UInt8((20 + options.count) / 4) << 4, flags] + UInt16(64240).wire + [0, 0, 0, 0] + options
  return conversation.checksummed(header + payload, protocol: IPProtocol.tcp, at: 16)
}

func icmpEcho(type: UInt8 = 8, _ payload: Bytes = greeting) -> Bytes {
  let message = [type, 0, 0, 0] + UInt16(77).wire + UInt16(1).wire + payload
  return message.replacing(at: 2, with: internetChecksum(message))
}

func icmpv6Echo(_ conversation: Conversation, _ payload: Bytes = greeting) -> Bytes {
  let message = [128, 0, 0, 0] + UInt16(77).wire + UInt16(1).wire + payload
  return conversation.checksummed(message, protocol: IPProtocol.icmpv6, at: 2)
}

func gre(
  _ type: UInt16, key: UInt32? = nil, sequence: UInt32? = nil, checksum: Bool = false,
  _ payload: Bytes
) -> Bytes {
  let flags: UInt16 =
    (checksum ? 0x8000 : 0) | (key == nil ? 0 : 0x2000) | (sequence == nil ? 0 : 0x1000)
  let header =
    flags.wire + type.wire + (checksum ? [0, 0, 0, 0] : []) + (key?.wire ?? [])
    + (sequence?.wire ?? [])
  let whole = header + payload
  return checksum ? whole.replacing(at: 4, with: internetChecksum(whole)) : whole
}

/// What a UDP datagram to port 4789 carries.
func vxlan(_ identifier: UInt32, flags: UInt8 = 8, _ frame: Bytes) -> Bytes {
  [flags, 0, 0, 0] + (identifier << 8).wire + frame
}

/// A whole frame that carries another one in VXLAN over IPv4.
func vxlanFrame(level: UInt8 = 0, flags: UInt8 = 8, _ frame: Bytes) -> Bytes {
  let ends = Conversation.version4(level)
  return ethernet(
    EtherType.ipv4,
    ipv4(
      ends, IPProtocol.udp,
      udp(ends, from: 49152, to: 4789, vxlan(100 + UInt32(level), flags: flags, frame))))
}
