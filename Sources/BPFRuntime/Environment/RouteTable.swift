/// What `bpf_fib_lookup` and `bpf_check_mtu` know of the network: interfaces, routes, neighbours.
///
/// ```swift
/// var routes = RouteTable()
/// routes.add(.init(index: 3, linkAddress: [2, 0, 0, 0, 0, 3], forwards: true))
/// routes.add(.init(to: "10.0.0.0/8", interface: 3, gateway: "192.0.2.1"))
/// routes.add(.init(interface: 3, address: "192.0.2.1", linkAddress: [2, 0, 0, 0, 0, 9]))
/// cpu.environment.routes = routes
/// ```
public struct RouteTable: Sendable {
  /// A network device.
  public struct Interface: Hashable, Sendable {
    /// Its number, from 1.
    public var index: UInt32
    /// Six bytes.
    public var linkAddress: [UInt8]
    /// Bytes of the longest packet without its link layer's header.
    public var mtu: UInt32
    /// Whether packets that come in here are forwarded.
    public var forwards: Bool
    /// Its own addresses.
    public var addresses: [InternetAddress]

    /// Describes a device.
    public init(
      index: UInt32, linkAddress: [UInt8] = [0, 0, 0, 0, 0, 0], mtu: UInt32 = 1500,
      forwards: Bool = false, addresses: [InternetAddress] = []
    ) {
      self.index = index
      self.linkAddress = linkAddress
      self.mtu = mtu
      self.forwards = forwards
      self.addresses = addresses
    }
  }

  /// Where packets to a range of addresses go.
  public struct Route: Hashable, Sendable {
    /// What becomes of such packets.
    public enum Kind: Hashable, Sendable {
      /// They go out.
      case unicast
      /// They are for this machine.
      case local
      /// They vanish.
      case blackhole
      /// They are answered with "unreachable".
      case unreachable
      /// They are answered with "prohibited".
      case prohibited
    }

    /// The addresses; `nil` for text that is no prefix, which matches nothing.
    public var prefix: InternetPrefix?
    /// What becomes of the packets.
    public var kind: Kind
    /// The device that they leave by, or that a local address is one of.
    public var interface: UInt32
    /// The next hop; `nil` when the destination itself is.
    public var gateway: InternetAddress?
    /// The smaller, the better.
    public var priority: UInt32
    /// Bytes of the longest packet on this route; `nil` for the device's. For version 4
    /// Linux heeds only one that is locked.
    public var mtu: UInt32?
    /// The address that packets of this machine's own come from.
    public var source: InternetAddress?
    /// Number of the table: 254 is the main one, 255 the one with local addresses.
    public var table: UInt32

    /// Describes a route.
    public init(
      to prefix: InternetPrefix?, _ kind: Kind = .unicast, interface: UInt32 = 0,
      gateway: InternetAddress? = nil, priority: UInt32 = 0, mtu: UInt32? = nil,
      source: InternetAddress? = nil, table: UInt32 = 254
    ) {
      self.prefix = prefix
      self.kind = kind
      self.interface = interface
      self.gateway = gateway
      self.priority = priority
      self.mtu = mtu
      self.source = source
      self.table = table
    }
  }

  /// Which table is looked through for packets with a mark (`ip rule`). Rules come behind the table
  /// with local addresses and before the main one, in the order in which they were added.
  public struct Rule: Hashable, Sendable {
    /// What the mark has to be, where ``mask`` has ones.
    public var mark: UInt32
    /// The bits of the mark that count.
    public var mask: UInt32
    /// Number of the table.
    public var table: UInt32

    /// Describes a rule.
    public init(mark: UInt32, mask: UInt32 = .max, table: UInt32) {
      self.mark = mark
      self.mask = mask
      self.table = table
    }
  }

  /// The link layer's address of a machine close by.
  public struct Neighbour: Hashable, Sendable {
    /// The device that it is reached by.
    public var interface: UInt32
    /// Its address.
    public var address: InternetAddress?
    /// Six bytes.
    public var linkAddress: [UInt8]

    /// Describes a neighbour.
    public init(interface: UInt32, address: InternetAddress?, linkAddress: [UInt8]) {
      self.interface = interface
      self.address = address
      self.linkAddress = linkAddress
    }
  }

  private struct NeighbourKey: Hashable {
    var interface: UInt32
    var address: InternetAddress
  }

  private struct RouteKey: Hashable {
    var table: UInt32
    var prefix: InternetPrefix
  }

  private var interfaces: [UInt32: Interface] = [:]
  private var routes: [RouteKey: Route] = [:]
  private var neighbours: [NeighbourKey: [UInt8]] = [:]
  private var tables: Set<UInt32> = [254, 255]
  private var rules: [Rule] = []

  /// What a fresh machine has: the loopback device, 1, which forwards nothing.
  public init() {
    add(Interface(index: 1, mtu: 65536))
  }

  /// Adds a device, or replaces the one with its number.
  public mutating func add(_ interface: Interface) {
    interfaces[interface.index] = interface
  }

  /// Adds a route. Of two for the same prefix in the same table the one with the smaller priority
  /// stays, of two with the same the first.
  public mutating func add(_ route: Route) {
    guard let prefix = route.prefix else { return }
    let key = RouteKey(table: route.table, prefix: prefix)
    if let known = routes[key], known.priority <= route.priority { return }
    routes[key] = route
    tables.insert(route.table)
  }

  /// Adds a rule behind those that there are.
  public mutating func add(_ rule: Rule) { rules.append(rule) }

  /// Adds a neighbour, or replaces what is known of it.
  public mutating func add(_ neighbour: Neighbour) {
    guard let address = neighbour.address else { return }
    let key = NeighbourKey(interface: neighbour.interface, address: address)
    neighbours[key] = neighbour.linkAddress
  }

  /// The device with a number.
  public func interface(_ index: UInt32) -> Interface? { interfaces[index] }

  /// An address that a device without one may use: one of another device, in the order of their
  /// numbers, but none of the loopback's.
  func borrowedAddress(isIPv6: Bool) -> InternetAddress? {
    for index in interfaces.keys.sorted() where index != 1 {
      let known = interfaces[index]?.addresses.first { $0.isIPv6 == isIPv6 }
      if let known { return known }
    }
    return nil
  }

  /// The neighbour with an address.
  func linkAddress(of address: InternetAddress, interface: UInt32) -> [UInt8]? {
    neighbours[NeighbourKey(interface: interface, address: address)]
  }

  /// The best route: of one table, or of the tables that Linux looks through.
  ///
  /// - Parameters:
  ///   - table: The only table; `nil` for the ones by default and those of rules.
  ///   - mark: The packet's mark, which rules go by.
  ///   - egress: The device that it has to lead out of; `nil` for any. What forbids packets needs
  ///     none.
  func route(
    to address: InternetAddress, table: UInt32? = nil, mark: UInt32 = 0, egress: UInt32? = nil
  ) -> Route? {
    let ruled = rules.filter { mark & $0.mask == $0.mark & $0.mask }.map { [$0.table] }
    // Until there are rules, Linux keeps local addresses and the main table of version 4 in one.
    let first = rules.isEmpty && !address.isIPv6 ? [[255, 254]] : [[255]] + ruled + [[254]]
    let all = table.map { table in [first[0].contains(table) ? first[0] : [table]] }
    for group in all ?? first + [[253]] {
      if let route = route(to: address, tables: group, egress: egress) { return route }
    }
    return nil
  }

  /// The best route of some tables, of which the first wins where they have the same prefix.
  private func route(
    to address: InternetAddress, tables group: [UInt32], egress: UInt32?
  ) -> Route? {
    let group = group.filter { tables.contains($0) }
    guard !group.isEmpty else { return nil }
    for bitCount in stride(from: address.bytes.count * 8, through: 0, by: -1) {
      guard let prefix = InternetPrefix(address, bitCount: bitCount) else { continue }
      for table in group {
        guard let route = routes[RouteKey(table: table, prefix: prefix)] else { continue }
        if let egress, route.hasDevice, route.interface != egress { continue }
        return route
      }
    }
    return nil
  }
}

extension RouteTable.Route {
  /// Whether packets leave by a device, or are taken by one.
  fileprivate var hasDevice: Bool { kind == .unicast || kind == .local }
}

extension InternetAddress: ExpressibleByStringLiteral {
  /// An address in the program's text.
  ///
  /// - Precondition: The text is one.
  public init(stringLiteral value: String) {
    guard let address = InternetAddress(value) else { preconditionFailure("no address: \(value)") }
    self = address
  }
}

extension InternetPrefix: ExpressibleByStringLiteral {
  /// A prefix in the program's text.
  ///
  /// - Precondition: The text is one.
  public init(stringLiteral value: String) {
    guard let prefix = InternetPrefix(value) else { preconditionFailure("no prefix: \(value)") }
    self = prefix
  }
}
