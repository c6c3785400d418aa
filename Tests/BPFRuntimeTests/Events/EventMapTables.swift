import TestSupport

/// What Linux does with maps whose values are not data, from user space.
enum EventMapTables {
  static let engines: [Engine] = Engine.all.filter { $0 == .checked || $0 == .kernel }

  /// What user space tries.
  enum Step {
    case lookup(UInt32)
    case update(UInt32, [UInt8], UInt64 = 0)
    case delete(UInt32)
    case next(UInt32?)
    case take(UInt32)
  }

  /// Shapes of maps, with the errno that creating them gives.
  static let creations: [(MapShape, Int32)] = [
    // Ring buffers.
    (MapShape(27, key: 0, value: 0, entries: 4096), 0),
    (MapShape(27, key: 0, value: 0, entries: 65536), 0),
    (MapShape(27, key: 0, value: 0, entries: 4096, flags: 4), 0),
    (MapShape(27, key: 4, value: 0, entries: 4096), 22),
    (MapShape(27, key: 0, value: 8, entries: 4096), 22),
    (MapShape(27, key: 0, value: 0, entries: 0), 22),
    (MapShape(27, key: 0, value: 0, entries: 2048), 22),
    (MapShape(27, key: 0, value: 0, entries: 12288), 22),
    (MapShape(27, key: 0, value: 0, entries: 4097), 22),
    (MapShape(27, key: 0, value: 0, entries: 4096, flags: 1), 22),
    (MapShape(27, key: 0, value: 0, entries: 4096, flags: 8), 22),
    (MapShape(27, key: 0, value: 0, entries: 4096, flags: 128), 22),
    // Perf events and control groups.
    (MapShape(4, value: 4), 0), (MapShape(4, value: 8), 22), (MapShape(4, key: 8, value: 4), 22),
    (MapShape(4, value: 4, entries: 0), 22), (MapShape(4, value: 4, flags: 4), 0),
    (MapShape(4, value: 4, flags: 8), 0), (MapShape(4, value: 4, flags: 128), 22),
    (MapShape(4, value: 4, flags: 1 << 10), 22), (MapShape(4, value: 4, flags: 1 << 11), 0),
    (MapShape(8, value: 4), 0), (MapShape(8, value: 8), 22), (MapShape(8, value: 4, flags: 4), 0),
    (MapShape(8, value: 4, flags: 16), 0), (MapShape(8, value: 4, flags: 256), 22),
    (MapShape(8, value: 4, flags: 1 << 11), 22),
    // Stack traces.
    (MapShape(7, value: 8), 0), (MapShape(7, value: 127 * 8), 0), (MapShape(7, value: 128 * 8), 22),
    (MapShape(7, value: 4), 22), (MapShape(7, value: 12), 22), (MapShape(7, key: 8, value: 8), 22),
    (MapShape(7, value: 8, entries: 0), 22), (MapShape(7, value: 8, flags: 1), 22),
    (MapShape(7, value: 8, flags: 8), 0), (MapShape(7, value: 8, flags: 32), 22),
    (MapShape(7, value: 32, flags: 32), 0), (MapShape(7, value: 64, flags: 32), 0),
    (MapShape(7, value: 8, flags: 128), 22), (MapShape(7, value: 8, flags: 4), 0),
    // Devices.
    (MapShape(14, value: 4), 0), (MapShape(14, value: 8), 0), (MapShape(14, value: 12), 22),
    (MapShape(14, value: 0), 22), (MapShape(14, key: 8, value: 4), 22),
    (MapShape(14, value: 4, entries: 0), 22), (MapShape(14, value: 4, flags: 4), 0),
    (MapShape(14, value: 4, flags: 8), 0), (MapShape(14, value: 4, flags: 16), 0),
    (MapShape(14, value: 4, flags: 1), 22), (MapShape(14, value: 4, flags: 128), 22),
    (MapShape(25, value: 4), 0), (MapShape(25, value: 8), 0), (MapShape(25, value: 6), 22),
    (MapShape(25, key: 2, value: 4), 22), (MapShape(25, value: 4, entries: 0), 22),
    // CPUs.
    (MapShape(16, value: 4), 0), (MapShape(16, value: 8), 0), (MapShape(16, value: 12), 22),
    (MapShape(16, key: 2, value: 4), 22), (MapShape(16, value: 4, entries: 0), 22),
    (MapShape(16, value: 4, flags: 4), 0), (MapShape(16, value: 4, flags: 8), 22),
    // Sockets of packets.
    (MapShape(17, value: 4), 0), (MapShape(17, value: 8), 22), (MapShape(17, key: 8, value: 4), 22),
    (MapShape(17, value: 4, entries: 0), 22), (MapShape(17, value: 4, flags: 4), 0),
    (MapShape(17, value: 4, flags: 8), 0), (MapShape(17, value: 4, flags: 128), 22),
    // Sockets.
    (MapShape(15, value: 4), 0), (MapShape(15, value: 8), 0), (MapShape(15, value: 2), 22),
    (MapShape(15, key: 8, value: 4), 22), (MapShape(15, value: 4, entries: 0), 22),
    (MapShape(15, value: 4, flags: 8), 0), (MapShape(15, value: 4, flags: 1), 22),
    (MapShape(18, value: 4), 0), (MapShape(18, key: 20, value: 8), 0),
    (MapShape(18, key: 0, value: 4), 22), (MapShape(18, key: 512, value: 4), 0),
    (MapShape(18, key: 513, value: 4), 7), (MapShape(18, value: 4, entries: 0), 22),
    (MapShape(18, value: 4, flags: 8), 0), (MapShape(18, value: 4, flags: 1), 22),
  ]

  private static let missing = littleEndian(.max)
  private static let closed = littleEndian(999_999)
  private static let device = littleEndian(1)
  private static let noDevice = littleEndian(123_456)

  static let scripts: [(MapShape, [(Step, MapOutcome)])] = [
    (
      MapShape(4, value: 4),
      [
        (.lookup(0), .errno(524)), (.lookup(9), .errno(524)), (.update(0, missing), .errno(9)),
        (.update(0, missing, 1), .errno(22)), (.update(0, missing, 2), .errno(22)),
        (.update(0, missing, 9), .errno(22)), (.update(9, missing), .errno(7)),
        (.delete(0), .errno(2)), (.delete(9), .errno(7)), (.next(nil), .bytes(littleEndian(0))),
        (.next(2), .bytes(littleEndian(3))), (.next(3), .errno(2)),
        (.next(9), .bytes(littleEndian(0))), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(8, value: 4),
      [
        (.lookup(0), .errno(524)), (.update(0, missing), .errno(9)),
        (.update(0, missing, 1), .errno(22)), (.update(9, missing), .errno(7)),
        (.delete(0), .errno(2)), (.delete(9), .errno(7)), (.next(nil), .bytes(littleEndian(0))),
        (.next(3), .errno(2)), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(7, value: 16),
      [
        (.lookup(0), .errno(2)), (.lookup(9), .errno(2)),
        (.update(0, [UInt8](repeating: 0, count: 16)), .errno(22)), (.delete(0), .errno(2)),
        (.delete(9), .errno(7)), (.next(nil), .errno(2)), (.next(0), .errno(2)),
        (.take(0), .errno(2)),
      ]
    ),
    (
      MapShape(14, value: 4),
      [
        (.lookup(0), .errno(2)), (.lookup(9), .errno(2)), (.update(0, noDevice), .errno(22)),
        (.update(0, device, 1), .errno(17)), (.update(0, device, 3), .errno(22)),
        (.update(9, device), .errno(7)), (.update(9, device, 1), .errno(7)),
        (.update(0, device), .done), (.lookup(0), .bytes(device)), (.update(0, device, 2), .done),
        (.update(1, device, 2), .done), (.lookup(1), .bytes(device)),
        (.update(1, littleEndian(0)), .done), (.lookup(1), .errno(2)), (.delete(0), .done),
        (.delete(0), .done), (.delete(9), .errno(22)), (.next(nil), .bytes(littleEndian(0))),
        (.next(3), .errno(2)), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(14, value: 8),
      [
        (.update(0, device + missing), .done), (.lookup(0), .bytes(device + littleEndian(0))),
        (.update(1, device + littleEndian(0)), .done),
        (.update(1, device + littleEndian(9999)), .errno(22)),
        (.update(1, littleEndian(0) + littleEndian(5)), .errno(22)),
        (.update(1, littleEndian(0) + littleEndian(0)), .done), (.lookup(1), .errno(2)),
      ]
    ),
    (
      MapShape(25, value: 4, entries: 2),
      [
        (.lookup(7), .errno(2)), (.next(nil), .errno(2)), (.update(7, noDevice), .errno(22)),
        (.update(7, device, 3), .errno(22)), (.update(7, device, 2), .done),
        (.update(7, device), .done), (.update(7, device, 1), .errno(17)),
        (.update(8, device, 1), .done), (.update(9, device), .errno(7)),
        (.lookup(8), .bytes(device)), (.update(8, littleEndian(0)), .errno(22)),
        (.delete(8), .done), (.delete(8), .errno(2)), (.next(nil), .bytes(littleEndian(7))),
        (.next(7), .errno(2)), (.next(1), .bytes(littleEndian(7))), (.take(7), .errno(524)),
      ]
    ),
    (
      MapShape(16, value: 4),
      [
        (.lookup(0), .errno(2)), (.lookup(9), .errno(2)),
        (.update(0, littleEndian(20000)), .errno(75)),
        (.update(0, littleEndian(64), 3), .errno(22)),
        (.update(0, littleEndian(64), 1), .errno(17)), (.update(9, littleEndian(64)), .errno(7)),
        (.update(0, littleEndian(64)), .done), (.lookup(0), .bytes(littleEndian(64))),
        (.update(0, littleEndian(0)), .done), (.lookup(0), .errno(2)), (.delete(0), .done),
        (.delete(9), .errno(22)), (.next(nil), .bytes(littleEndian(0))), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(17, value: 4),
      [
        (.lookup(0), .errno(95)), (.update(0, missing), .errno(9)),
        (.update(0, missing, 3), .errno(22)), (.update(9, missing), .errno(7)),
        (.delete(0), .done), (.delete(9), .errno(22)), (.next(nil), .bytes(littleEndian(0))),
        (.next(3), .errno(2)), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(15, value: 4),
      [
        (.lookup(0), .errno(28)), (.update(0, missing), .errno(22)),
        (.update(0, closed), .errno(9)), (.delete(0), .errno(22)),
        (.delete(9), .errno(22)), (.next(nil), .bytes(littleEndian(0))), (.take(0), .errno(524)),
      ]
    ),
    (
      MapShape(15, value: 8),
      [
        (.lookup(0), .errno(2)), (.lookup(9), .errno(2)),
        (.update(0, missing + missing), .errno(22)),
        (.update(0, missing + littleEndian(0)), .errno(22)),
        (.update(0, closed + littleEndian(0)), .errno(9)), (.delete(0), .errno(22)),
      ]
    ),
    (
      MapShape(18, value: 8),
      [
        (.lookup(0), .errno(2)), (.update(0, missing + missing), .errno(22)),
        (.update(0, missing + littleEndian(0)), .errno(22)),
        (.update(0, closed + littleEndian(0)), .errno(9)), (.delete(0), .errno(2)),
        (.next(nil), .errno(2)), (.next(4), .errno(2)), (.take(0), .errno(524)),
      ]
    ),
  ]
}
