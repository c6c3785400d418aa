extension MapScript {
  private static func value(_ value: UInt64) -> [UInt8] { bytes(value) }

  /// A prefix of an IPv4 address.
  private static func prefix(_ length: UInt32, _ address: [UInt8]) -> [UInt8] {
    bytes(length) + address
  }

  static let lru = MapScript(
    "an LRU hash has the keys that were put in", MapShape(9, entries: 4096),
    [
      (.lookup(bytes(UInt32(1))), .errno(2)),
      (.programLookup(bytes(UInt32(1))), .null),
      (.update(bytes(UInt32(1)), value(1), flags: 2), .errno(2)),
      (.update(bytes(UInt32(1)), value(1), flags: 3), .errno(22)),
      (.update(bytes(UInt32(1)), value(1), flags: 4), .errno(22)),
      (.update(bytes(UInt32(1)), value(1), flags: 1), .done),
      (.update(bytes(UInt32(1)), value(2), flags: 1), .errno(17)),
      (.programUpdate(bytes(UInt32(1)), value(3), flags: 2), .done),
      (.programUpdate(bytes(UInt32(2)), value(3), flags: 2), .errno(2)),
      (.programUpdate(bytes(UInt32(2)), value(3), flags: 4), .errno(22)),
      (.programUpdate(bytes(UInt32(2)), value(4), flags: 1), .done),
      (.programUpdate(bytes(UInt32(2)), value(4), flags: 1), .errno(17)),
      (.keys, .bytes(bytes(UInt32(1)) + bytes(UInt32(2)))),
      (.programLookup(bytes(UInt32(1))), .bytes(value(3))),
      (.take(bytes(UInt32(1))), .bytes(value(3))),
      (.take(bytes(UInt32(1))), .errno(2)),
      (.programDelete(bytes(UInt32(2))), .done),
      (.programDelete(bytes(UInt32(2))), .errno(2)),
      (.next(nil), .errno(2)),
    ])

  static let trie = MapScript(
    "a trie finds the longest prefix, and walks from the most specific one",
    MapShape(11, key: 8, entries: 4, flags: 1),
    [
      (.lookup(prefix(32, [10, 0, 0, 1])), .errno(2)),
      (.programLookup(prefix(32, [10, 0, 0, 1])), .null),
      (.next(nil), .errno(2)),
      (.update(prefix(33, [10, 0, 0, 0]), value(1)), .errno(22)),
      (.update(prefix(8, [10, 0, 0, 0]), value(1), flags: 2), .errno(2)),
      (.update(prefix(8, [10, 0, 0, 0]), value(1), flags: 3), .errno(22)),
      (.update(prefix(8, [10, 0, 0, 0]), value(1), flags: 4), .errno(22)),
      (.update(prefix(8, [10, 0, 0, 0]), value(1), flags: 1), .done),
      (.update(prefix(8, [10, 0, 0, 0]), value(2), flags: 1), .errno(17)),
      (.update(prefix(8, [10, 0, 0, 0]), value(2), flags: 2), .done),
      (.programUpdate(prefix(24, [10, 1, 2, 0]), value(3), flags: 1), .done),
      (.programUpdate(prefix(24, [10, 1, 2, 0]), value(3), flags: 1), .errno(17)),
      (.programUpdate(prefix(24, [10, 1, 3, 0]), value(4)), .done),
      // The node where the two part is no entry.
      (.lookup(prefix(23, [10, 1, 2, 0])), .bytes(value(2))),
      (.delete(prefix(23, [10, 1, 2, 0])), .errno(2)),
      (.update(prefix(23, [10, 1, 2, 0]), value(5), flags: 2), .errno(2)),
      (.lookup(prefix(32, [10, 1, 2, 9])), .bytes(value(3))),
      (.programLookup(prefix(32, [10, 1, 3, 9])), .bytes(value(4))),
      (.lookup(prefix(32, [10, 9, 9, 9])), .bytes(value(2))),
      (.lookup(prefix(16, [10, 1, 0, 0])), .bytes(value(2))),
      (.lookup(prefix(7, [10, 0, 0, 0])), .errno(2)),
      (.lookup(prefix(33, [10, 1, 2, 9])), .errno(2)),
      (.programLookup(prefix(33, [10, 1, 2, 9])), .null),
      (.update(prefix(0, [0, 0, 0, 0]), value(6)), .done),
      (.update(prefix(32, [1, 2, 3, 4]), value(7)), .errno(28)),
      (.programUpdate(prefix(32, [1, 2, 3, 4]), value(7)), .errno(28)),
      (.programUpdate(prefix(32, [1, 2, 3, 4]), value(7), flags: 2), .errno(2)),
      (.update(prefix(24, [10, 1, 3, 0]), value(8)), .done),
      (.lookup(prefix(32, [9, 9, 9, 9])), .bytes(value(6))),
      (.next(nil), .bytes(prefix(24, [10, 1, 2, 0]))),
      (.next(prefix(24, [10, 1, 2, 0])), .bytes(prefix(24, [10, 1, 3, 0]))),
      (.next(prefix(24, [10, 1, 3, 0])), .bytes(prefix(8, [10, 0, 0, 0]))),
      (.next(prefix(8, [10, 0, 0, 0])), .bytes(prefix(0, [0, 0, 0, 0]))),
      (.next(prefix(0, [0, 0, 0, 0])), .errno(2)),
      (.next(prefix(9, [10, 0, 0, 0])), .bytes(prefix(24, [10, 1, 2, 0]))),
      (.next(prefix(40, [10, 0, 0, 0])), .bytes(prefix(24, [10, 1, 2, 0]))),
      (.take(prefix(8, [10, 0, 0, 0])), .errno(524)),
      (.delete(prefix(33, [10, 0, 0, 0])), .errno(22)),
      (.programDelete(prefix(33, [10, 0, 0, 0])), .errno(22)),
      (.delete(prefix(8, [10, 0, 0, 0])), .done),
      (.lookup(prefix(32, [10, 9, 9, 9])), .bytes(value(6))),
      (.programDelete(prefix(24, [10, 1, 2, 0])), .done),
      (.programDelete(prefix(24, [10, 1, 2, 0])), .errno(2)),
      (.lookup(prefix(32, [10, 1, 2, 9])), .bytes(value(6))),
      (.update(prefix(32, [10, 1, 3, 255]), value(9), flags: 1), .done),
      (.programLookup(prefix(32, [10, 1, 3, 255])), .bytes(value(9))),
    ])

  static let queue = MapScript(
    "a queue gives the oldest value first", MapShape(22, key: 0, entries: 2),
    [
      (.lookup([]), .errno(2)), (.take([]), .errno(2)), (.programPop, .errno(2)),
      (.programPeek(), .errno(2)),
      (.update([], value(1)), .done), (.programPush(value(2)), .done),
      (.update([], value(3)), .errno(7)), (.programPush(value(3)), .errno(7)),
      (.update([], value(3), flags: 1), .errno(22)),
      (.update([], value(3), flags: 3), .errno(22)),
      (.programPush(value(3), flags: 1), .errno(22)),
      (.programPush(value(3), flags: 4), .errno(22)),
      (.lookup([]), .bytes(value(1))), (.programPeek(), .bytes(value(1))),
      (.programPush(value(3), flags: 2), .done),
      (.take([]), .bytes(value(2))), (.programPop, .bytes(value(3))), (.programPop, .errno(2)),
      (.delete([]), .errno(22)), (.next(nil), .errno(22)),
    ])

  static let stack = MapScript(
    "a stack gives the newest value first", MapShape(23, key: 0, value: 5, entries: 2),
    [
      (.lookup([]), .errno(2)), (.programPop, .errno(2)),
      (.update([], [1, 1, 1, 1, 1]), .done), (.programPush([2, 2, 2, 2, 2]), .done),
      (.programPush([3, 3, 3, 3, 3]), .errno(7)),
      (.lookup([]), .bytes([2, 2, 2, 2, 2])),
      (.update([], [3, 3, 3, 3, 3], flags: 2), .done),
      (.programPeek(), .bytes([3, 3, 3, 3, 3])),
      (.programPop, .bytes([3, 3, 3, 3, 3])), (.take([]), .bytes([2, 2, 2, 2, 2])),
      (.take([]), .errno(2)), (.delete([]), .errno(22)), (.next(nil), .errno(22)),
    ])

  static let filter = MapScript(
    "a filter knows what was put in", MapShape(30, key: 0, entries: 1000),
    [
      (.mayContain(value(1)), .errno(2)), (.programPeek(value(1)), .errno(2)),
      (.update([], value(1), flags: 1), .errno(22)),
      (.update([], value(1), flags: 2), .errno(22)),
      (.programPush(value(1), flags: 2), .errno(22)),
      (.update([], value(1)), .done), (.programPush(value(2)), .done),
      (.mayContain(value(1)), .done), (.programPeek(value(2)), .done),
      (.mayContain(value(3)), .errno(2)),
      (.take([]), .errno(524)), (.delete([]), .errno(95)), (.next(nil), .errno(95)),
    ])

  /// Shapes of further kinds with the errno that creating such a map gives, `nil` for none.
  public static let furtherCreations: [(shape: MapShape, errno: Int32?)] = [
    (MapShape(9), nil), (MapShape(9, flags: 1), 524), (MapShape(9, flags: 2), nil),
    (MapShape(9, flags: 4), nil), (MapShape(9, flags: 64), nil), (MapShape(9, flags: 1024), 22),
    (MapShape(9, key: 0), 22), (MapShape(9, entries: 0), 22), (MapShape(9, flags: 384), 22),
    (MapShape(10), nil), (MapShape(10, flags: 1), 524), (MapShape(10, flags: 4), 22),
    (MapShape(10, value: 32769, entries: 1), 7), (MapShape(5, flags: 2), 22),
    (MapShape(11, key: 8, flags: 1), nil), (MapShape(11, key: 8), 22),
    (MapShape(11, key: 4, flags: 1), 22), (MapShape(11, key: 5, flags: 1), nil),
    (MapShape(11, key: 260, flags: 1), nil), (MapShape(11, key: 261, flags: 1), 22),
    (MapShape(11, key: 8, value: 0, flags: 1), 22), (MapShape(11, key: 8, flags: 5), nil),
    (MapShape(11, key: 8, flags: 65), 22), (MapShape(11, key: 8, flags: 129), nil),
    (MapShape(11, key: 8, flags: 385), 22), (MapShape(11, key: 8, entries: 0, flags: 1), 22),
    (MapShape(22, key: 0), nil), (MapShape(22, key: 4), 22), (MapShape(22, key: 0, value: 0), 22),
    (MapShape(22, key: 0, entries: 0), 22), (MapShape(22, key: 0, flags: 1), 22),
    (MapShape(22, key: 0, flags: 4), nil), (MapShape(22, key: 0, flags: 64), 22),
    (MapShape(22, key: 0, flags: 128), nil), (MapShape(22, key: 0, flags: 384), 22),
    (MapShape(23, key: 0, value: 3), nil), (MapShape(23, key: 1), 22),
    (MapShape(30, key: 0), nil), (MapShape(30, key: 4), 22), (MapShape(30, key: 0, value: 0), 22),
    (MapShape(30, key: 0, flags: 64), nil), (MapShape(30, key: 0, flags: 1), 22),
    (MapShape(30, key: 0, extra: 15), nil), (MapShape(30, key: 0, extra: 16), 22),
    (MapShape(1, extra: 1), 22), (MapShape(22, key: 0, extra: 1), 22),
  ]
}
