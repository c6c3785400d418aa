/// Operations on a map with what must come of each: the rules of Linux, checked against the
/// runtime and against Linux itself.
public struct MapScript: Sendable, CustomStringConvertible {
  /// What it is about.
  public var description: String
  /// The map that the operations go to.
  public var shape: MapShape
  /// The operations, each with what must come of it.
  public var steps: [(operation: MapOperation, outcome: MapOutcome)]

  init(
    _ description: String, _ shape: MapShape,
    _ steps: [(operation: MapOperation, outcome: MapOutcome)]
  ) {
    self.description = description
    self.shape = shape
    self.steps = steps
  }

  private static func key(_ value: UInt32) -> [UInt8] { bytes(value) }
  private static func value(_ value: UInt64) -> [UInt8] { bytes(value) }

  /// All of them; no per-CPU map, whose values depend on the system.
  public static let all = [
    array, arrayOfOddSizes, hash, fullHash, hashWalk, longKeys, lru, trie, queue, stack, filter,
  ]

  private static let array = MapScript(
    "an array has all its keys, and no others", MapShape(2),
    [
      (.lookup(key(0)), .bytes(value(0))),
      (.lookup(key(3)), .bytes(value(0))),
      (.lookup(key(4)), .errno(2)),
      (.programLookup(key(3)), .bytes(value(0))),
      (.programLookup(key(4)), .null),
      (.programLookup(key(.max)), .null),
      (.update(key(1), value(7)), .done),
      (.update(key(1), value(8), flags: 1), .errno(17)),
      (.update(key(1), value(9), flags: 2), .done),
      (.update(key(1), value(9), flags: 3), .errno(22)),
      (.update(key(1), value(9), flags: 4), .errno(22)),
      (.update(key(4), value(9)), .errno(7)),
      (.update(key(4), value(9), flags: 1), .errno(7)),
      (.update(key(4), value(9), flags: 3), .errno(22)),
      (.lookup(key(1)), .bytes(value(9))),
      (.programUpdate(key(2), value(5)), .done),
      (.programUpdate(key(2), value(6), flags: 1), .errno(17)),
      (.programUpdate(key(2), value(7), flags: 2), .done),
      (.programUpdate(key(2), value(8), flags: 3), .errno(22)),
      (.programUpdate(key(2), value(8), flags: 4), .errno(22)),
      (.programUpdate(key(2), value(8), flags: .max), .errno(22)),
      (.programUpdate(key(4), value(8)), .errno(7)),
      (.lookup(key(2)), .bytes(value(7))),
      (.delete(key(1)), .errno(22)),
      (.delete(key(9)), .errno(22)),
      (.programDelete(key(1)), .errno(22)),
      (.take(key(1)), .errno(524)),
      (.next(nil), .bytes(key(0))),
      (.next(key(0)), .bytes(key(1))),
      (.next(key(2)), .bytes(key(3))),
      (.next(key(3)), .errno(2)),
      (.next(key(4)), .bytes(key(0))),
      (.next(key(.max)), .bytes(key(0))),
    ])

  private static let arrayOfOddSizes = MapScript(
    "values whose size is no multiple of eight do not touch each other",
    MapShape(2, value: 5, entries: 3),
    [
      (.update(key(0), [1, 1, 1, 1, 1]), .done),
      (.update(key(1), [2, 2, 2, 2, 2]), .done),
      (.programUpdate(key(2), [3, 3, 3, 3, 3]), .done),
      (.lookup(key(0)), .bytes([1, 1, 1, 1, 1])),
      (.programLookup(key(1)), .bytes([2, 2, 2, 2, 2])),
      (.lookup(key(2)), .bytes([3, 3, 3, 3, 3])),
    ])

  private static let hash = MapScript(
    "a hash has the keys that were put in", MapShape(1),
    [
      (.lookup(key(1)), .errno(2)),
      (.programLookup(key(1)), .null),
      (.delete(key(1)), .errno(2)),
      (.programDelete(key(1)), .errno(2)),
      (.take(key(1)), .errno(2)),
      (.next(nil), .errno(2)),
      (.next(key(1)), .errno(2)),
      (.update(key(1), value(1), flags: 2), .errno(2)),
      (.update(key(1), value(1), flags: 3), .errno(22)),
      (.update(key(1), value(1), flags: 4), .errno(22)),
      (.update(key(1), value(1), flags: 1), .done),
      (.update(key(1), value(2), flags: 1), .errno(17)),
      (.update(key(1), value(3), flags: 2), .done),
      (.lookup(key(1)), .bytes(value(3))),
      (.update(key(1), value(4)), .done),
      (.programLookup(key(1)), .bytes(value(4))),
      (.programUpdate(key(2), value(5), flags: 2), .errno(2)),
      (.programUpdate(key(2), value(5), flags: 1), .done),
      (.programUpdate(key(2), value(6), flags: 1), .errno(17)),
      (.programUpdate(key(2), value(7), flags: 2), .done),
      (.programUpdate(key(2), value(7), flags: 3), .errno(22)),
      (.programUpdate(key(2), value(7), flags: 4), .errno(22)),
      (.programUpdate(key(2), value(7), flags: .max), .errno(22)),
      (.keys, .bytes(key(1) + key(2))),
      (.take(key(2)), .bytes(value(7))),
      (.take(key(2)), .errno(2)),
      (.programDelete(key(1)), .done),
      (.lookup(key(1)), .errno(2)),
      (.keys, .bytes([])),
    ])

  private static let fullHash = MapScript(
    "a full hash takes no new key, but new values", MapShape(1, entries: 2),
    [
      (.update(key(1), value(1)), .done),
      (.programUpdate(key(2), value(2)), .done),
      (.update(key(3), value(3)), .errno(7)),
      (.programUpdate(key(3), value(3)), .errno(7)),
      (.programUpdate(key(3), value(3), flags: 2), .errno(2)),
      (.update(key(1), value(4)), .done),
      (.programUpdate(key(2), value(5), flags: 2), .done),
      (.delete(key(1)), .done),
      (.update(key(3), value(6), flags: 1), .done),
      (.update(key(1), value(7)), .errno(7)),
      (.keys, .bytes(key(2) + key(3))),
    ])

  private static let hashWalk = MapScript(
    "a walk over one key starts again at an unknown one", MapShape(1),
    [
      (.update(key(5), value(1)), .done),
      (.next(nil), .bytes(key(5))),
      (.next(key(5)), .errno(2)),
      (.next(key(6)), .bytes(key(5))),
    ])

  private static let longKeys = MapScript(
    "every byte of a key counts", MapShape(1, key: 13, value: 1, entries: 16),
    (0..<13).map { position in
      var key = [UInt8](repeating: 0, count: 13)
      key[position] = 1
      return (.update(key, [UInt8(position)], flags: 1), .done)
    }
      + (0..<13).map { position in
        var key = [UInt8](repeating: 0, count: 13)
        key[position] = 1
        return (.programLookup(key), .bytes([UInt8(position)]))
      })

  /// Shapes with the errno that creating such a map gives, `nil` for none.
  public static let creations: [(shape: MapShape, errno: Int32?)] = [
    (MapShape(1, entries: (1 << 27) + 1), 7), (MapShape(1, entries: .max), 7),
    (MapShape(1, key: 600, entries: 1), nil), (MapShape(1, value: 4_194_251, entries: 1), nil),
    (MapShape(1, value: 4_194_252, entries: 1), 7), (MapShape(1, flags: 1), nil),
    (MapShape(1, flags: 2), 22), (MapShape(1, flags: 4), nil), (MapShape(1, flags: 64), nil),
    (MapShape(1, flags: 128), nil), (MapShape(1, flags: 256), nil), (MapShape(1, flags: 384), 22),
    (MapShape(1, flags: 24), 22), (MapShape(1, flags: 1 << 10), 22),
    (MapShape(1, flags: 1 << 12), 22), (MapShape(1, key: 0), 22), (MapShape(1, value: 0), 22),
    (MapShape(1, entries: 0), 22), (MapShape(2, key: 8), 22), (MapShape(2, key: 2), 22),
    (MapShape(2, value: 0), 22), (MapShape(2, entries: 0), 22),
    (MapShape(2, value: 1 << 31, entries: 1), 7),
    (MapShape(2, value: 0x7fff_ffff, entries: .max), 12), (MapShape(2, flags: 1), 22),
    (MapShape(2, flags: 2), 22), (MapShape(2, flags: 4), nil), (MapShape(2, flags: 8), nil),
    (MapShape(2, flags: 16), nil), (MapShape(2, flags: 24), 22), (MapShape(2, flags: 64), 22),
    (MapShape(2, flags: 128), nil), (MapShape(2, flags: 256), nil), (MapShape(2, flags: 384), 22),
    (MapShape(2, flags: 1 << 9), 22), (MapShape(2, flags: 1 << 10), nil),
    (MapShape(2, flags: 1 << 11), 22), (MapShape(2, flags: 1 << 12), nil),
    (MapShape(5, flags: 4), 22), (MapShape(5, flags: 64), nil),
    (MapShape(5, value: 32768, entries: 1), nil), (MapShape(5, value: 32769, entries: 1), 7),
    (MapShape(6, flags: 1), 22), (MapShape(6, flags: 4), 22), (MapShape(6, flags: 128), nil),
    (MapShape(6, flags: 1 << 10), 22), (MapShape(6, flags: 1 << 12), 22),
    (MapShape(6, value: 32761, entries: 1), nil), (MapShape(6, value: 32768, entries: 1), nil),
    (MapShape(6, value: 32769, entries: 1), 7),
  ]
}
