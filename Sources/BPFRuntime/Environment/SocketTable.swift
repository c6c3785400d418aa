// UNSAFE. Sockets as structures that programs read.
//
// Invariant: the memory belongs to the table; the word that changes in it is atomic.

import Synchronization

/// The sockets that programs find by the addresses in a packet, as `struct bpf_sock` in memory that
/// they may read.
///
/// A table is made once and its sockets never change: its addresses are good as long as it is.
public final class SocketTable: Sendable {
  /// A socket.
  public struct Socket: Hashable, Sendable {
    /// 6 (TCP) or 17 (UDP).
    public var transport: UInt8
    /// Its own address; `nil` for any.
    public var localAddress: InternetAddress?
    /// Its own port.
    public var localPort: UInt16
    /// The address at the other end; `nil` for a socket that listens or is not connected.
    public var remoteAddress: InternetAddress?
    /// The port at the other end.
    public var remotePort: UInt16
    /// State of a connection in Linux's numbers: 1 for established, 7 for a socket of UDP that is
    /// not connected, 10 for listening.
    public var state: UInt32
    /// `mark`.
    public var mark: UInt32
    /// `priority`.
    public var priority: UInt32
    /// Number of the device that it is bound to, or 0.
    public var boundInterface: UInt32
    /// What `bpf_get_socket_cookie` returns, and what maps of sockets know it by.
    public var cookie: UInt64
    /// Whether it is one of version 6; by default what its addresses are.
    public var isIPv6: Bool
    /// Whether it takes nothing of version 4.
    public var isIPv6Only: Bool

    /// Describes a socket.
    public init(
      transport: UInt8, localAddress: InternetAddress? = nil, localPort: UInt16,
      remoteAddress: InternetAddress? = nil, remotePort: UInt16 = 0, state: UInt32? = nil,
      mark: UInt32 = 0, priority: UInt32 = 0, boundInterface: UInt32 = 0, cookie: UInt64 = 0,
      isIPv6: Bool? = nil, isIPv6Only: Bool = false
    ) {
      self.transport = transport
      self.localAddress = localAddress
      self.localPort = localPort
      self.remoteAddress = remoteAddress
      self.remotePort = remotePort
      self.state = state ?? (remoteAddress != nil ? 1 : transport == 6 ? 10 : 7)
      self.mark = mark
      self.priority = priority
      self.boundInterface = boundInterface
      self.cookie = cookie
      self.isIPv6 = isIPv6 ?? localAddress?.isIPv6 ?? remoteAddress?.isIPv6 ?? false
      self.isIPv6Only = isIPv6Only
    }

    /// `AF_INET` (2) or `AF_INET6` (10).
    var family: UInt64 { isIPv6 ? 10 : 2 }
  }

  /// No sockets.
  public static let empty: SocketTable = {
    guard let table = try? SocketTable([]) else { fatalError("no memory for an empty table") }
    return table
  }()

  /// The sockets.
  public let sockets: [Socket]
  private let memory: StableMemory
  /// Places of the sockets that have a cookie.
  private let cookies: [UInt64: Int]

  /// Bytes from one socket to the next: `struct bpf_sock`, and behind it `struct bpf_tcp_sock`.
  private static let stride = 256
  /// Where the second structure starts.
  static let connectionOffset: UInt64 = 128
  /// Where the time of the last SYN cookie is kept.
  private static let cookieTimeOffset: UInt64 = 248

  /// Makes a table.
  ///
  /// - Throws: ENOMEM.
  public init(_ sockets: [Socket]) throws(LinuxError) {
    self.sockets = sockets
    memory = try StableMemory(byteCount: sockets.count * Self.stride)
    cookies = sockets.indices.reduce(into: [:]) { cookies, index in
      if sockets[index].cookie != 0 { cookies[sockets[index].cookie] = index }
    }
    for (index, socket) in sockets.enumerated() {
      memory.write(socket.structure, at: index * Self.stride)
    }
  }

  /// What programs may read.
  var addresses: Range<UInt64> {
    memory.address..<memory.address &+ UInt64(sockets.count * Self.stride)
  }

  /// The address of the socket with a cookie; `nil` when there is none.
  func address(ofCookie cookie: UInt64) -> UInt64? { cookies[cookie].map { address($0) } }

  /// The address of a socket.
  func address(_ index: Int) -> UInt64 {
    memory.address &+ UInt64(index * Self.stride)
  }

  /// When the socket at an address made its last SYN cookie: nanoseconds and one more, or 0.
  func cookieTime(_ socket: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe GuestMemory.doubleWord(start(at: socket) &+ Self.cookieTimeOffset)
  }

  /// The place of the socket at an address in ``sockets``.
  func index(at address: UInt64) -> Int? {
    guard addresses.contains(address) else { return nil }
    return Int(address &- memory.address) / Self.stride
  }

  /// The socket at an address.
  func socket(at address: UInt64) -> Socket? {
    index(at: address).map { sockets[$0] }
  }

  /// Where the socket at an address starts, wherever in it that is.
  func start(at address: UInt64) -> UInt64 {
    address &- (address &- memory.address) % UInt64(Self.stride)
  }

  /// The socket that a packet between two ends is for: one that is connected to them, or one that
  /// listens; the more exactly its address is given, the better.
  func find(
    _ transport: UInt8, from remote: InternetAddress, _ remotePort: UInt16,
    to local: InternetAddress, _ localPort: UInt16
  ) -> UInt64? {
    var best: (score: Int, index: Int)?
    for (index, socket) in sockets.enumerated() {
      guard socket.transport == transport, socket.localPort == localPort else { continue }
      var score = 1
      if let address = socket.localAddress {
        guard address == local else { continue }
        score += 1
      }
      if let address = socket.remoteAddress {
        guard address == remote, socket.remotePort == remotePort else { continue }
        score += 2
      }
      if best.map({ score > $0.score }) ?? true { best = (score, index) }
    }
    return best.map { address($0.index) }
  }
}

extension SocketTable.Socket {
  /// `struct bpf_sock`: 80 bytes.
  fileprivate var structure: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: UInt32) {
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }
    append(boundInterface)
    append(isIPv6 ? 10 : 2)
    append(transport == 6 ? 1 : 2)
    append(UInt32(transport))
    append(mark)
    append(priority)
    func append(_ address: InternetAddress?) {
      let known = address?.bytes ?? []
      bytes += known.count == 4 ? known : [0, 0, 0, 0]
      bytes += known.count == 16 ? known : [UInt8](repeating: 0, count: 16)
    }
    append(localAddress)
    append(UInt32(localPort))
    bytes += [UInt8(remotePort >> 8), UInt8(remotePort & 0xff), 0, 0]
    append(remoteAddress)
    append(state)
    append(UInt32.max)
    return bytes
  }
}
