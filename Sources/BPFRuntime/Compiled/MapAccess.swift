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
  /// Of arrays: where the values are.
  package var array: Array?
  /// The functions to call instead of helpers 1, 2 and 3 when r1 is this map: the same arguments in
  /// the same registers, the running CPU the sixth, the same result. `nil` where the helper
  /// itself has to be called.
  package var lookup: UInt64?
  /// Instead of helper 2.
  package var update: UInt64?
  /// Instead of helper 3.
  package var delete: UInt64?

  /// Where the values of an array are: the one of `index` at `base + index * stride`, and in
  /// per-CPU arrays `copyStride` times the CPU's number further.
  package struct Array: Sendable {
    /// Address of value 0, of CPU 0.
    package var base: UInt64
    /// Bytes from one value to the next.
    package var stride: UInt64
    /// Number of values; a lookup with a larger index gives 0.
    package var count: UInt32
    /// Bytes from one CPU's values to the next one's; 0 when all CPUs share them.
    package var copyStride: UInt64
  }

  init(_ map: Map) {
    type = map.definition.type
    keySize = map.definition.keySize
    valueSize = map.definition.valueSize
    unsafe MapHeader.withWords(at: map.header.address) { words in
      lookup = unsafe words.lookup.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
      update = unsafe words.update.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
      delete = unsafe words.delete.map { unsafe UInt64(unsafeBitCast($0, to: UInt.self)) }
      guard type == .array || type == .perCPUArray else { return }
      array = unsafe Array(
        base: words.base, stride: words.stride, count: words.count,
        copyStride: words.copyStride)
    }
  }
}
