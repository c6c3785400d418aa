// UNSAFE. What helpers 1 to 3 do with hash tables: functions per kind and size of key.
//
// Invariant: the first argument is the header of a hash map, because only those have these
// functions in their headers; keys and values were tested against the helper's signature.

/// The functions that hash maps put into their headers.
enum HashFunctions {
  /// Gives a map its functions.
  static func register(_ map: HashMap) {
    let words = unsafe map.header.words
    let lookups =
      switch (map.isPerCPU, map.isLRU) {
      case (false, false): plainLookups
      case (false, true): markingLookups
      case (true, false): copyLookups
      case (true, true): markingCopyLookups
      }
    unsafe words.pointee.lookup = choose(map.keySize, lookups)
    // Without the right the helper itself refuses.
    guard !map.definition.flags.contains(.readOnlyForPrograms) else { return }
    unsafe words.pointee.delete = choose(map.keySize, deletes)
    unsafe words.pointee.update = choose(
      map.keySize, map.isPerCPU ? copyUpdates : map.isLRU ? recentUpdates : plainUpdates)
  }

  private struct BySize {
    var four: Helper.Function
    var eight: Helper.Function
    var sixteen: Helper.Function
    var any: Helper.Function
  }

  private static func choose(_ keySize: Int, _ functions: BySize) -> Helper.Function {
    switch keySize {
    case 4: functions.four
    case 8: functions.eight
    case 16: functions.sixteen
    default: functions.any
    }
  }

  @inline(__always)
  private static func table(_ map: UInt64) -> HashTable {
    unsafe MapHeader.withWords(at: map) { unsafe $0.table }
  }

  // MARK: Lookups

  @inline(__always)
  private static func find<Key: HashKey>(
    _ map: UInt64, _ key: UInt64, _ type: Key.Type
  ) -> UInt64 {
    let words = unsafe MapHeader.words(at: map)
    let element = unsafe words.pointee.table.find(key, type)
    return unsafe element == 0 ? 0 : element &+ words.pointee.table.valueOffset
  }

  @inline(__always)
  private static func findAndMark<Key: HashKey>(
    _ map: UInt64, _ key: UInt64, _ type: Key.Type
  ) -> UInt64 {
    let words = unsafe MapHeader.words(at: map)
    let element = unsafe words.pointee.table.find(key, type)
    guard element != 0 else { return 0 }
    RecencyList.touch(element)
    return unsafe element &+ words.pointee.table.valueOffset
  }

  @inline(__always)
  private static func findCopy<Key: HashKey>(
    _ map: UInt64, _ key: UInt64, _ cpu: UInt64, _ type: Key.Type, marks: Bool
  ) -> UInt64 {
    let words = unsafe MapHeader.words(at: map)
    let element = unsafe words.pointee.table.find(key, type)
    guard element != 0 else { return 0 }
    if marks { RecencyList.touch(element) }
    let place = unsafe element &+ words.pointee.table.valueOffset
    let index = UInt64(truncatingIfNeeded: RunningCPU(address: cpu).index)
    return unsafe GuestMemory.load(place, as: UInt64.self)
      &+ index &* words.pointee.copyStride
  }

  private static let plainLookups = BySize(
    four: { map, key, _, _, _, _ in find(map, key, FourByteKey.self) },
    eight: { map, key, _, _, _, _ in find(map, key, EightByteKey.self) },
    sixteen: { map, key, _, _, _, _ in find(map, key, SixteenByteKey.self) },
    any: { map, key, _, _, _, _ in find(map, key, AnyKey.self) })

  private static let markingLookups = BySize(
    four: { map, key, _, _, _, _ in findAndMark(map, key, FourByteKey.self) },
    eight: { map, key, _, _, _, _ in findAndMark(map, key, EightByteKey.self) },
    sixteen: { map, key, _, _, _, _ in findAndMark(map, key, SixteenByteKey.self) },
    any: { map, key, _, _, _, _ in findAndMark(map, key, AnyKey.self) })

  private static let copyLookups = BySize(
    four: { map, key, _, _, _, cpu in findCopy(map, key, cpu, FourByteKey.self, marks: false) },
    eight: { map, key, _, _, _, cpu in findCopy(map, key, cpu, EightByteKey.self, marks: false) },
    sixteen: { map, key, _, _, _, cpu in
      findCopy(map, key, cpu, SixteenByteKey.self, marks: false)
    },
    any: { map, key, _, _, _, cpu in findCopy(map, key, cpu, AnyKey.self, marks: false) })

  private static let markingCopyLookups = BySize(
    four: { map, key, _, _, _, cpu in findCopy(map, key, cpu, FourByteKey.self, marks: true) },
    eight: { map, key, _, _, _, cpu in findCopy(map, key, cpu, EightByteKey.self, marks: true) },
    sixteen: { map, key, _, _, _, cpu in
      findCopy(map, key, cpu, SixteenByteKey.self, marks: true)
    },
    any: { map, key, _, _, _, cpu in findCopy(map, key, cpu, AnyKey.self, marks: true) })

  // MARK: Changes

  @inline(__always)
  private static func withMap(
    _ map: UInt64, _ body: (HashMap) -> LinuxError?
  ) -> UInt64 {
    MapHeader.withMap(at: map) { body(unsafe unsafeDowncast($0, to: HashMap.self)) }?
      .helperResult ?? 0
  }

  @inline(__always)
  private static func slot(_ cpu: UInt64) -> Int { RunningCPU(address: cpu).slot }

  private static let plainUpdates = BySize(
    four: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replace(key, value, flags, slot(cpu), FourByteKey.self) }
    },
    eight: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replace(key, value, flags, slot(cpu), EightByteKey.self) }
    },
    sixteen: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replace(key, value, flags, slot(cpu), SixteenByteKey.self) }
    },
    any: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replace(key, value, flags, slot(cpu), AnyKey.self) }
    })

  private static let recentUpdates = BySize(
    four: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replaceRecent(key, value, flags, slot(cpu), FourByteKey.self) }
    },
    eight: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replaceRecent(key, value, flags, slot(cpu), EightByteKey.self) }
    },
    sixteen: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replaceRecent(key, value, flags, slot(cpu), SixteenByteKey.self) }
    },
    any: { map, key, value, flags, _, cpu in
      withMap(map) { $0.replaceRecent(key, value, flags, slot(cpu), AnyKey.self) }
    })

  private static let copyUpdates = BySize(
    four: { updateCopy($0, $1, $2, $3, $5, FourByteKey.self) },
    eight: { updateCopy($0, $1, $2, $3, $5, EightByteKey.self) },
    sixteen: { updateCopy($0, $1, $2, $3, $5, SixteenByteKey.self) },
    any: { updateCopy($0, $1, $2, $3, $5, AnyKey.self) })

  @inline(__always)
  private static func updateCopy<Key: HashKey>(
    _ map: UInt64, _ key: UInt64, _ value: UInt64, _ flags: UInt64, _ cpu: UInt64, _ type: Key.Type
  ) -> UInt64 {
    withMap(map) { map in
      let cpuIndex = RunningCPU(address: cpu).index
      return map.updateOwnCopy(key, value, flags, cpuIndex: cpuIndex, slot: slot(cpu), type)
    }
  }

  private static let deletes = BySize(
    four: { map, key, _, _, _, cpu in
      withMap(map) { $0.remove(key, slot(cpu), FourByteKey.self) }
    },
    eight: { map, key, _, _, _, cpu in
      withMap(map) { $0.remove(key, slot(cpu), EightByteKey.self) }
    },
    sixteen: { map, key, _, _, _, cpu in
      withMap(map) { $0.remove(key, slot(cpu), SixteenByteKey.self) }
    },
    any: { map, key, _, _, _, cpu in
      withMap(map) { $0.remove(key, slot(cpu), AnyKey.self) }
    })
}
