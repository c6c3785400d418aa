/// Where a program sends a packet when it returns the verdict of redirection.
public enum RedirectTarget: Hashable, Sendable {
  /// Out of a network device (`bpf_redirect`).
  case device(UInt32)
  /// Into the stack, as if it came from this device (`bpf_redirect` with `BPF_F_INGRESS`).
  case ingress(UInt32)
  /// To the other end of the pair of devices that this one belongs to (`bpf_redirect_peer`).
  case peer(UInt32)
  /// Out of a device, with the link layer's header filled in (`bpf_redirect_neigh`).
  case neighbour(UInt32)
  /// Out of a device that a map named (`bpf_redirect_map`).
  case mappedDevice(UInt32)
  /// Out of all devices of the map of this number; perhaps not out of the one it came from.
  case broadcast(map: UInt32, excludesIngress: Bool)
  /// To the CPU of this number, which goes on with the packet as one that passed.
  case cpu(UInt32)
  /// To the socket in this slot of the map of this number.
  case socket(map: UInt32, index: UInt32)
  /// To the socket with this cookie, which stood in a SOCKMAP or SOCKHASH: into its receive queue,
  /// or out of it.
  case stream(cookie: UInt64, isIngress: Bool)
}

/// The kinds of redirection as they stand in a packet's descriptor.
enum RedirectKind: UInt64 {
  case device = 1
  case ingress
  case peer
  case neighbour
  case mappedDevice
  case broadcast
  case broadcastExcludingIngress
  case cpu
  case socket
  case stream

  /// Bits 0 to 31 are a number, 32 to 39 the kind, 40 to 63 the number of a map.
  @inline(__always)
  func encoded(_ number: UInt64, map: UInt32 = 0) -> UInt64 {
    number.asUInt32 | rawValue &<< 32 | UInt64(map) &<< 40
  }
}

extension RedirectTarget {
  init?(encoded word: UInt64, cookie: UInt64) {
    let number = UInt32(truncatingIfNeeded: word)
    let map = UInt32(truncatingIfNeeded: word &>> 40)
    switch RedirectKind(rawValue: word &>> 32 & 0xff) {
    case nil: return nil
    case .device: self = .device(number)
    case .ingress: self = .ingress(number)
    case .peer: self = .peer(number)
    case .neighbour: self = .neighbour(number)
    case .mappedDevice: self = .mappedDevice(number)
    case .broadcast: self = .broadcast(map: map, excludesIngress: false)
    case .broadcastExcludingIngress: self = .broadcast(map: map, excludesIngress: true)
    case .cpu: self = .cpu(number)
    case .socket: self = .socket(map: map, index: number)
    case .stream: self = .stream(cookie: cookie, isIngress: number != 0)
    }
  }

  /// The device, where there is exactly one.
  public var device: UInt32? {
    switch self {
    case .device(let number), .ingress(let number), .peer(let number), .neighbour(let number),
      .mappedDevice(let number):
      number
    case .broadcast, .cpu, .socket, .stream: nil
    }
  }
}

extension RedirectTarget: CustomStringConvertible {
  /// A few words, as in `device 3` or `cpu 1`.
  public var description: String {
    switch self {
    case .device(let number), .mappedDevice(let number): "device \(number)"
    case .ingress(let number): "ingress of device \(number)"
    case .peer(let number): "peer of device \(number)"
    case .neighbour(let number): "neighbour behind device \(number)"
    case .broadcast(let map, let excludesIngress):
      "all devices of map \(map)\(excludesIngress ? " but the ingress" : "")"
    case .cpu(let number): "cpu \(number)"
    case .socket(let map, let index): "socket \(index) of map \(map)"
    case .stream(let cookie, let isIngress): "\(isIngress ? "ingress of " : "")socket \(cookie)"
    }
  }
}
