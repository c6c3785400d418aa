/// An address of the internet protocol, version 4 or 6.
public struct InternetAddress: Hashable, Sendable {
  /// Four or sixteen bytes, in network byte order.
  public let bytes: [UInt8]

  /// Takes four or sixteen bytes in network byte order; `nil` for any other number.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// Reads the usual notation, as in `192.0.2.1` or `2001:db8::1`; `nil` for anything else.
  public init?(_ text: String) {
    guard let bytes = text.contains(":") ? Self.parseIPv6(text) : Self.parseIPv4(text[...]) else {
      return nil
    }
    self.bytes = bytes
  }

  /// Whether it is one of version 6.
  public var isIPv6: Bool { bytes.count == 16 }

  private static func parseIPv4(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  private static func parseIPv6(_ text: String) -> [UInt8]? {
    var halves: [Substring] = [text[...]]
    if let gap = text.firstRange(of: "::") {
      halves = [text[..<gap.lowerBound], text[gap.upperBound...]]
    }
    let groups = halves.map { parseGroups($0) }
    guard let first = groups[0] else { return nil }
    guard groups.count == 2 else { return first.count == 16 ? first : nil }
    guard let last = groups[1], first.count + last.count <= 14 else { return nil }
    return first + [UInt8](repeating: 0, count: 16 - first.count - last.count) + last
  }

  private static func parseGroups(_ text: Substring) -> [UInt8]? {
    guard !text.isEmpty else { return [] }
    var bytes: [UInt8] = []
    let groups = text.split(separator: ":", omittingEmptySubsequences: false)
    for (index, group) in groups.enumerated() {
      if index == groups.count - 1, group.contains(".") {
        guard let tail = parseIPv4(group) else { return nil }
        bytes += tail
      } else {
        guard group.count <= 4, let value = UInt16(group, radix: 16) else { return nil }
        bytes += [UInt8(value >> 8), UInt8(value & 0xff)]
      }
    }
    return bytes
  }

  /// The address with all but its first bits set to zero.
  func masked(to bitCount: Int) -> InternetAddress {
    var masked = bytes
    for index in masked.indices {
      let kept = min(max(bitCount - index * 8, 0), 8)
      masked[index] &= UInt8(truncatingIfNeeded: 0xff00 >> kept)
    }
    return InternetAddress(unchecked: masked)
  }

  private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// All zeros: where a default route goes.
  static func zero(isIPv6: Bool) -> InternetAddress {
    InternetAddress(unchecked: [UInt8](repeating: 0, count: isIPv6 ? 16 : 4))
  }
}

/// The addresses that begin with the same bits.
public struct InternetPrefix: Hashable, Sendable {
  /// The bits, and zeros behind them.
  public let address: InternetAddress
  /// How many bits.
  public let bitCount: Int

  /// Describes a prefix; what stands behind the bits is dropped.
  ///
  /// `nil` for more bits than the address has.
  public init?(_ address: InternetAddress, bitCount: Int) {
    guard (0...address.bytes.count * 8).contains(bitCount) else { return nil }
    self.address = address.masked(to: bitCount)
    self.bitCount = bitCount
  }

  /// Reads the usual notation, as in `10.0.0.0/8`; without a number it is one address.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = InternetAddress(String(parts[0])) else { return nil }
    guard parts.count == 2 else {
      self.init(address, bitCount: address.bytes.count * 8)
      return
    }
    guard let bitCount = Int(parts[1]) else { return nil }
    self.init(address, bitCount: bitCount)
  }
}
