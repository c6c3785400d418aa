// UNSAFE. Maps of sockets: for packets (XSKMAP) and for streams and messages (SOCKMAP, SOCKHASH).
//
// Invariant: keys are as many readable bytes as the map's definition says; a map whose header has
// `lookupForPrograms` is a `SocketMap`.

import Synchronization

/// A socket that an embedder puts into a map, for programs to send packets or messages to.
public final class SocketTarget: Sendable {
  /// A number of the embedder's choosing; user space reads it out of a SOCKMAP.
  public let cookie: UInt64

  /// Describes a socket.
  public init(cookie: UInt64) {
    self.cookie = cookie
  }
}

/// XSKMAP (maps-and-helpers.md 11.16): slots of sockets that take whole frames.
package final class FrameSocketArray: ObjectArray<SocketTarget>, @unchecked Sendable {
  // Sendable: the slots are.

  init(definition: MapDefinition, id: UInt32, epochs: Epochs) throws(LinuxError) {
    try super.init(definition: definition, id: id, epochs: epochs)
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? { .operationNotSupported }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard flags.rawValue <= UpdateFlags.mustExist.rawValue else { return .invalid }
    return unsafe super.updateFromUser(key: key, value: value, flags: .any)
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let error = unsafe super.deleteFromUser(key: key)
    return error == .noEntry ? nil : error == .tooBig ? .invalid : error
  }
}

/// SOCKMAP, SOCKHASH (maps-and-helpers.md 11.17) and REUSEPORT_SOCKARRAY: sockets by index or by
/// key.
package final class SocketMap: Map, @unchecked Sendable {
  // Sendable: what changes is behind the Mutex.

  private let sockets = Mutex<[[UInt8]: SocketTarget]>([:])

  override init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    let isHash = definition.type == .socketHash
    guard definition.keySize == 4 || isHash && definition.keySize > 0,
      definition.valueSize == 4 || definition.valueSize == 8, definition.maxEntries > 0,
      definition.extra == 0, definition.flags.isSubset(of: [.numaNode, .readOnly, .writeOnly])
    else { throw .invalid }
    if definition.keySize > Self.longestKey { throw .tooBig }
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.lookup = Self.lookupForPrograms
  }

  /// What programs find: the socket of the running CPU's table that has the cookie of the one in
  /// the map; 0 when the table has none.
  private static let lookupForPrograms: Helper.Function = { map, key, _, _, _, cpu in
    MapHeader.withMap(at: map) { map in
      let map = unsafe unsafeDowncast(map, to: SocketMap.self)
      guard let cookie = map.socket(GuestMemory.bytes(at: key, count: map.keySize))?.cookie else {
        return 0
      }
      return RunningCPU(address: cpu).withOwner {
        $0.environment.sockets.address(ofCookie: cookie) ?? 0
      }
    }
  }

  /// Bytes of the longest key: what a program's stack holds.
  private static let longestKey = 512

  private var isHash: Bool { definition.type == .socketHash }

  private func bytes(_ key: UnsafeRawPointer) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: key, count: keySize))
  }

  private func hasPlace(_ key: [UInt8]) -> Bool {
    isHash || key.reversed().reduce(0) { $0 << 8 | UInt64($1) } < UInt64(definition.maxEntries)
  }

  /// The socket behind a key.
  func socket(_ key: [UInt8]) -> SocketTarget? { sockets.withLock { $0[key] } }

  /// Puts a socket behind a key, for a program.
  func insert(_ socket: SocketTarget, at key: [UInt8], flags: UpdateFlags) -> LinuxError? {
    guard key.count == keySize else { return .invalid }
    guard hasPlace(key) else { return .tooBig }
    return sockets.withLock { sockets in
      let isThere = sockets[key] != nil
      if isThere, flags == .mustNotExist { return .exists }
      if !isThere, flags == .mustExist { return .noEntry }
      guard isThere || sockets.count < Int(definition.maxEntries) else { return .tooBig }
      sockets[key] = socket
      return nil
    }
  }

  /// Puts a socket behind a key.
  func set(_ socket: SocketTarget?, at key: [UInt8]) -> LinuxError? {
    guard key.count == keySize else { return .invalid }
    guard hasPlace(key) else { return .tooBig }
    return sockets.withLock { sockets in
      let isFull = sockets.count >= Int(definition.maxEntries)
      if socket != nil, sockets[key] == nil, isFull { return .tooBig }
      sockets[key] = socket
      return nil
    }
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    guard valueSize == 8 else { return .noSpace }
    guard let socket = unsafe socket(bytes(key)) else { return .noEntry }
    unsafe value.storeBytes(of: socket.cookie, as: UInt64.self)
    return nil
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    let descriptor =
      unsafe valueSize == 8
      ? value.loadUnaligned(as: UInt64.self) : UInt64(value.loadUnaligned(as: UInt32.self))
    return descriptor > UInt64(Int32.max) ? .invalid : .badDescriptor
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let key = unsafe bytes(key)
    if definition.type == .reuseportSockets, !hasPlace(key) { return .tooBig }
    let isNoEntry = isHash || definition.type == .reuseportSockets
    guard socket(key) != nil else { return isNoEntry ? .noEntry : .invalid }
    return set(nil, at: key)
  }

  package override func delete(key: UnsafeRawPointer) -> LinuxError? {
    unsafe deleteFromUser(key: key)
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    guard isHash else { return unsafe nextIndex(after: key, into: next) }
    let key = unsafe key.map { unsafe bytes($0) }
    let keys = sockets.withLock { $0.keys.sorted { $0.lexicographicallyPrecedes($1) } }
    guard let first = keys.first else { return .noEntry }
    let following =
      key.flatMap { key in keys.firstIndex(of: key).map { keys.dropFirst($0 + 1).first } }
      ?? first
    guard let following else { return .noEntry }
    unsafe next.copyMemory(from: following, byteCount: keySize)
    return nil
  }
}

extension MapHandle {
  /// Puts a socket into an XSKMAP, SOCKMAP, SOCKHASH or REUSEPORT_SOCKARRAY, or takes it out.
  ///
  /// - Throws: EINVAL when the map is of another type or the key of another size, E2BIG when there
  ///   is no such place, EPERM on a read-only or frozen map.
  public func setSocket(_ socket: SocketTarget?, at key: [UInt8]) throws(LinuxError) {
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
    let error: LinuxError?
    switch map {
    case let map as SocketMap: error = map.set(socket, at: key)
    case let map as FrameSocketArray:
      guard key.count == 4 else { throw .invalid }
      let index = key.reversed().reduce(0) { $0 << 8 | UInt32($1) }
      error = map.set(socket, at: index)
    default: error = .invalid
    }
    if let error { throw error }
  }
}
