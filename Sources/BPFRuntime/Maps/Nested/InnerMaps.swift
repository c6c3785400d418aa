import Synchronization

/// The maps in a map of maps: which ones may go in, and which ones programs may still be using.
final class InnerMaps: Sendable {
  /// A map in a slot. It stays here, out of the slot, until no run can be using it.
  final class Reference: Sendable {
    let map: Map
    private let owner: InnerMaps

    fileprivate init(_ map: Map, _ owner: InnerMaps) {
      self.map = map
      self.owner = owner
      owner.maps.withLock { $0[map.header.address, default: (map, 0)].count += 1 }
    }

    deinit {
      owner.maps.withLock { maps in
        let address = map.header.address
        maps[address]?.count -= 1
        if maps[address]?.count == 0 { maps[address] = nil }
      }
    }
  }

  /// What is no property of a map in Linux, but of the descriptor that creation gives.
  private static let handleFlags: MapFlags = [.readOnly, .writeOnly]

  private let maps = Mutex<[UInt64: (map: Map, count: Int)]>([:])
  let template: MapDefinition
  private let registry: Registry

  /// - Parameter template: A map that inner maps have to be like.
  /// - Throws: EBADF without a template, EINVAL for a map of maps, ENOTSUPP for a kind that cannot
  ///   be inside another map.
  init(template: Map?, registry: Registry) throws(LinuxError) {
    guard let template else { throw .badDescriptor }
    let type = template.definition.type
    guard type != .arrayOfMaps, type != .hashOfMaps else { throw .invalid }
    guard template.canBeInside else { throw .notSupported }
    self.template = template.definition
    self.registry = registry
  }

  /// Whether programs may not write, or not read, the values of inner maps.
  var rights: MapFlags {
    template.flags.intersection([.readOnlyForPrograms, .writeOnlyForPrograms])
  }

  /// A reference to the map with a number.
  func reference(to id: UInt32) -> Result<Reference, LinuxError> {
    guard let map = registry.map(id) else { return .failure(.badDescriptor) }
    return reference(to: map)
  }

  /// A reference to a map; EINVAL when it is not like the template.
  func reference(to map: Map) -> Result<Reference, LinuxError> {
    let definition = map.definition
    guard registry.contains(map), definition.type == template.type,
      definition.keySize == template.keySize, definition.valueSize == template.valueSize,
      definition.flags.subtracting(Self.handleFlags)
        == template.flags.subtracting(Self.handleFlags),
      definition.lockOffset == template.lockOffset,
      definition.timerOffset == template.timerOffset
    else { return .failure(.invalid) }
    // As in Linux, where programs are compiled for the bounds of the template.
    let isBounded =
      template.type == .frameSocketMap
      || template.type == .array && !template.flags.contains(.innerMap)
    guard !isBounded || definition.maxEntries == template.maxEntries else {
      return .failure(.invalid)
    }
    return .success(Reference(map, self))
  }

  /// Whether an address is that of a map that a program can have found here.
  func contains(header: UInt64) -> Bool { maps.withLock { $0[header] != nil } }

  /// Whether bytes lie inside a value of such a map.
  func valueContains(address: UInt64, count: Int) -> Bool {
    maps.withLock { Array($0.values) }.contains { entry in
      entry.map.valueAddresses.contains(address)
        && entry.map.valueContains(address: address, count: count)
    }
  }
}

extension Map {
  /// Whether there can be such a map in a map of maps.
  fileprivate var canBeInside: Bool {
    switch definition.type.rawValue {
    // Arrays of programs belong to one kind of program; the storage maps to something outside.
    case 3, 19, 21, 24, 26, 28, 29, 32: false
    default: true
    }
  }
}
