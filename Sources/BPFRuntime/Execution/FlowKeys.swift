/// What a program found out about a flow: `struct bpf_flow_keys`.
public struct FlowKeys: Hashable, Sendable {
  /// The struct: 56 bytes, the offsets of headers first.
  public let bytes: [UInt8]

  /// Bytes of the struct.
  static let byteCount = 56

  /// Takes the struct over as Linux does: the offsets of the headers lie in the packet, and the
  /// transport's is not before the network's.
  init(bytes: [UInt8], within range: ClosedRange<Int>) {
    func half(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
    let end = max(range.upperBound, range.lowerBound)
    let network = min(max(half(0), range.lowerBound), end)
    let transport = min(max(half(2), network), end)
    self.bytes =
      [network, transport].flatMap {
        [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
      } + bytes[4...]
  }

  /// Bytes before the network's header.
  public var networkOffset: Int { Int(bytes[0]) | Int(bytes[1]) << 8 }
  /// Bytes before the transport's header.
  public var transportOffset: Int { Int(bytes[2]) | Int(bytes[3]) << 8 }
  /// The EtherType of the addresses.
  public var addressProtocol: UInt16 { UInt16(bytes[4]) | UInt16(bytes[5]) << 8 }
  /// The number of the transport's protocol.
  public var transportProtocol: UInt8 { bytes[9] }
  /// The port that the packet came from.
  public var sourcePort: UInt16 { UInt16(bytes[12]) << 8 | UInt16(bytes[13]) }
  /// The port that the packet goes to.
  public var destinationPort: UInt16 { UInt16(bytes[14]) << 8 | UInt16(bytes[15]) }
}
