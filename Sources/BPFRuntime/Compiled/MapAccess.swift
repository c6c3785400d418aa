// UNSAFE. Turns the functions behind a map's header into addresses for compiled code.
//
// Invariant: functions are never freed; the header belongs to a map that the program keeps alive.

/// What compiled code may know about one map: enough to reach values without going through the
/// map object.
package struct MapAccess: Sendable {
  /// The kind.
  package var type: MapType
  /// Bytes of a key.
  package var keySize: UInt32
  /// Bytes of a value.
  package var valueSize: UInt32
  /// The functions to call instead of helpers 1, 2 and 3 when r1 is this map: the same arguments in
  /// the same registers, the running CPU the sixth, the same result. `nil` where the helper
  /// itself has to be called.
  package var lookup: UInt64?
  /// Instead of helper 2.
  package var update: UInt64?
  /// Instead of helper 3.
  package var delete: UInt64?

  init(_ map: Map) {
    type = map.definition.type
    keySize = map.definition.keySize
    valueSize = map.definition.valueSize
    unsafe MapHeader.withWords(at: map.header.address) { words in
      lookup = unsafe words.lookup.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
      update = unsafe words.update.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
      delete = unsafe words.delete.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
    }
  }
}
