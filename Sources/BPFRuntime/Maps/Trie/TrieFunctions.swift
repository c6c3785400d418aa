// UNSAFE. What helpers 1 to 3 do with tries.
//
// Invariant: the first argument is the header of a trie, because only those have these functions
// in their headers; keys and values were tested against the helper's signature.

/// The functions that tries put into their headers.
enum TrieFunctions {
  /// Gives a map its functions.
  static func register(_ map: TrieMap) {
    let words = unsafe map.header.words
    unsafe words.pointee.lookup = map.trie.dataSize == 4 ? findFourBytes : find
    // Without the right the helper itself refuses.
    guard !map.definition.flags.contains(.readOnlyForPrograms) else { return }
    unsafe words.pointee.update = update
    unsafe words.pointee.delete = delete
  }

  private static let findFourBytes: Helper.Function = { map, key, _, _, _, _ in
    let words = unsafe MapHeader.words(at: map)
    let node = unsafe words.pointee.trie.findFourBytes(key)
    return unsafe node == 0 ? 0 : node &+ words.pointee.trie.valueOffset
  }

  private static let find: Helper.Function = { map, key, _, _, _, _ in
    let words = unsafe MapHeader.words(at: map)
    let node = unsafe words.pointee.trie.find(key)
    return unsafe node == 0 ? 0 : node &+ words.pointee.trie.valueOffset
  }

  private static let update: Helper.Function = { map, key, value, flags, _, cpu in
    let slot = RunningCPU(address: cpu).slot
    return MapHeader.withMap(at: map) { map in
      unsafe unsafeDowncast(map, to: TrieMap.self).insert(key, value, flags, slot)
    }?.helperResult ?? 0
  }

  private static let delete: Helper.Function = { map, key, _, _, _, cpu in
    let slot = RunningCPU(address: cpu).slot
    return MapHeader.withMap(at: map) { map in
      unsafe unsafeDowncast(map, to: TrieMap.self).remove(key, slot)
    }?.helperResult ?? 0
  }
}
