import CPcap

/// What the first byte of a captured packet belongs to.
public struct LinkType: RawRepresentable, Hashable, Sendable {
  /// libpcap's number, a `DLT_` value.
  public var rawValue: Int32

  /// Takes libpcap's number.
  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// Ethernet, the link type that packet programs run on.
  public static let ethernet = LinkType(rawValue: DLT_EN10MB)

  /// Whether packets begin with an Ethernet header.
  public var isEthernet: Bool { self == .ethernet }

  /// libpcap's name, `EN10MB`; the number where it has none.
  public var name: String {
    // SAFETY: a string constant of the library, or NULL.
    guard let name = unsafe pcap_datalink_val_to_name(rawValue) else { return "\(rawValue)" }
    return unsafe String(cString: name)
  }

  /// libpcap's words for it, `Ethernet`; the name where it has none.
  public var summary: String {
    // SAFETY: a string constant of the library, or NULL.
    guard let text = unsafe pcap_datalink_val_to_description(rawValue) else { return name }
    return unsafe String(cString: text)
  }
}

extension LinkType: CustomStringConvertible {
  /// The name.
  public var description: String { name }
}
