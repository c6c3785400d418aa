// UNSAFE. The helpers that keep checksums in packets up to date.
//
// Relies on the invariant of PacketDescriptor.

extension Helper {
  /// Replaces a part of what a network layer's checksum covers (RFC 1624).
  ///
  /// The size of the part is in the flags; size 0 takes a difference made by `csum_diff`.
  static let l3ChecksumReplace = Helper(
    number: 10, name: "l3_csum_replace",
    arguments: [.context, .anything, .anything, .anything, .anything], changesPacket: true
  ) { _, offset, from, to, flags, cpu in
    guard flags & ~0xf == 0 else { return LinuxError.invalid.helperResult }
    guard let field = ChecksumField(at: offset, in: RunningCPU(address: cpu).packet) else {
      return LinuxError.badAddress.helperResult
    }
    switch flags {
    case 0:
      guard from == 0 else { return LinuxError.invalid.helperResult }
      field.add(UInt32(truncatingIfNeeded: to))
    case 2: field.replace(UInt16(truncatingIfNeeded: from), UInt16(truncatingIfNeeded: to))
    case 4: field.replace(UInt32(truncatingIfNeeded: from), UInt32(truncatingIfNeeded: to))
    default: return LinuxError.invalid.helperResult
    }
    return 0
  }

  /// The same for a transport layer's checksum, where 0 can mean that there is none.
  static let l4ChecksumReplace = Helper(
    number: 11, name: "l4_csum_replace",
    arguments: [.context, .anything, .anything, .anything, .anything], changesPacket: true
  ) { _, offset, from, to, flags, cpu in
    let isPseudoHeader: UInt64 = 0x10
    let keepsNone: UInt64 = 0x20
    let enforces: UInt64 = 0x40
    let isIPv6: UInt64 = 0x80
    guard flags & ~(isPseudoHeader | keepsNone | enforces | isIPv6 | 0xf) == 0 else {
      return LinuxError.invalid.helperResult
    }
    guard let field = ChecksumField(at: offset, in: RunningCPU(address: cpu).packet) else {
      return LinuxError.badAddress.helperResult
    }
    if flags & keepsNone != 0, flags & enforces == 0, field.value == 0 { return 0 }
    switch flags & 0xf {
    case 0:
      guard from == 0 else { return LinuxError.invalid.helperResult }
      field.add(UInt32(truncatingIfNeeded: to))
    case 2:
      field.replace(
        UInt32(UInt16(truncatingIfNeeded: from)), UInt32(UInt16(truncatingIfNeeded: to)))
    case 4: field.replace(UInt32(truncatingIfNeeded: from), UInt32(truncatingIfNeeded: to))
    default: return LinuxError.invalid.helperResult
    }
    if flags & keepsNone != 0, field.value == 0 { field.value = 0xffff }
    return 0
  }

  /// Adds to a checksum over the whole packet, which packets here never have.
  static let csumUpdate = Helper(
    number: 40, name: "csum_update", arguments: [.context, .anything]
  ) { _, _, _, _, _, _ in
    LinuxError.notSupported.helperResult
  }

  /// Asks for (0), adds to (1), takes from (2) or forgets (3) how many nested checksums are known
  /// to be good.
  static let csumLevel = Helper(
    number: 135, name: "csum_level", arguments: [.context, .anything]
  ) { _, operation, _, _, _, cpu in
    guard operation <= 3, let packet = RunningCPU(address: cpu).packet else {
      return LinuxError.invalid.helperResult
    }
    let known = packet.checksumState.rawValue
    switch operation {
    case 0: return known == 0 ? LinuxError.accessDenied.helperResult : known &- 1
    case 1: packet.checksumState = ChecksumState(rawValue: min(known &+ 1, 4))
    case 2: packet.checksumState = ChecksumState(rawValue: known == 0 ? 0 : known &- 1)
    default: packet.checksumState = .none
    }
    return 0
  }
}

/// A checksum of two bytes in a packet.
private struct ChecksumField {
  private let address: UInt64

  /// The field at an even offset up to 65535 inside the packet; `nil` for any other.
  init?(at offset: UInt64, in packet: PacketDescriptor?) {
    let offset = offset.asUInt32
    guard let packet, offset <= 0xffff, offset % 2 == 0, offset &+ 2 <= packet.byteCount else {
      return nil
    }
    address = packet.data &+ offset
  }

  /// The bytes as they stand, in host byte order.
  var value: UInt16 {
    get { GuestMemory.load(address, as: UInt16.self) }
    nonmutating set { GuestMemory.store(address, UInt64(newValue), as: UInt16.self) }
  }

  /// Adds a difference.
  func add(_ difference: UInt32) {
    value = ~OnesComplement.folded(OnesComplement.add(difference, ~UInt32(value)))
  }

  /// Replaces four bytes of what the checksum covers.
  func replace(_ old: UInt32, _ new: UInt32) {
    let without = OnesComplement.add(~UInt32(value), ~old)
    value = ~OnesComplement.folded(OnesComplement.add(without, new))
  }

  /// Replaces two bytes of what the checksum covers.
  ///
  /// Done in 16 bits, because the form of a zero depends on the width.
  func replace(_ old: UInt16, _ new: UInt16) {
    value = ~OnesComplement.add(OnesComplement.add(~value, ~old), new)
  }
}
