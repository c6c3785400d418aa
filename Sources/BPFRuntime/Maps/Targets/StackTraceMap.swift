// UNSAFE. Call stacks by number.
//
// Invariant: keys are four readable bytes, values as many as the definition says.

import Synchronization

/// STACK_TRACE (maps-and-helpers.md 11.15): addresses of callers, stored by programs under a number
/// that follows from them.
package final class StackTraceMap: Map, @unchecked Sendable {
  // Sendable: what changes is behind the Mutex.

  private let stacks = Mutex<[UInt32: [UInt64]]>([:])
  private let bucketCount: UInt32

  /// Callers that a stack can have (`kernel.perf_event_max_stack`).
  private static let deepest = 127

  override init(definition: MapDefinition, id: UInt32) throws(LinuxError) {
    // With build identifiers an entry has 32 bytes.
    let size: UInt32 = definition.flags.contains(.stackBuildID) ? 32 : 8
    let accepted: MapFlags = [.numaNode, .readOnly, .writeOnly, .stackBuildID]
    guard definition.keySize == 4, definition.valueSize >= 8, definition.valueSize % size == 0,
      definition.valueSize / size <= Self.deepest, definition.maxEntries > 0,
      definition.maxEntries <= 1 << 31, definition.extra == 0,
      definition.flags.isSubset(of: accepted)
    else { throw .invalid }
    var buckets: UInt64 = 1
    while buckets < UInt64(definition.maxEntries) { buckets &<<= 1 }
    bucketCount = UInt32(truncatingIfNeeded: buckets)
    try super.init(definition: definition, id: id)
  }

  /// Calls `body` with the map at an address; `nil` when it is of another type.
  static func with<Result>(_ address: UInt64, _ body: (StackTraceMap) -> Result) -> Result? {
    MapHeader.withMap(at: address) { map in
      guard map.definition.type == .stackTrace else { return nil }
      return unsafe body(unsafeDowncast(map, to: StackTraceMap.self))
    }
  }

  /// Entries that a stack may have here.
  var depth: Int { valueSize / (definition.flags.contains(.stackBuildID) ? 32 : 8) }

  /// Stores a stack.
  ///
  /// - Parameters:
  ///   - comparesHashOnly: Whether another stack with the same hash counts as the same.
  ///   - replaces: Whether one with another hash makes room.
  /// - Returns: Its number; EEXIST when the place is taken.
  func store(
    _ stack: [UInt64], comparesHashOnly: Bool, replaces: Bool
  ) -> Result<UInt32, LinuxError> {
    let stack = Array(stack.prefix(depth))
    let hash = Self.hash(stack)
    let number = hash & (bucketCount &- 1)
    return stacks.withLock { stacks in
      if let old = stacks[number] {
        let isSame = comparesHashOnly ? Self.hash(old) == hash : old == stack
        if isSame { return .success(number) }
        if !replaces { return .failure(.exists) }
      }
      stacks[number] = stack
      return .success(number)
    }
  }

  private static func hash(_ stack: [UInt64]) -> UInt32 {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for address in stack {
      state = (state ^ address) &* 0xff51_afd7_ed55_8ccd
      state ^= state &>> 32
    }
    return UInt32(truncatingIfNeeded: state &>> 16)
  }

  // MARK: From user space

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let number = unsafe key.loadUnaligned(as: UInt32.self)
    guard let stack = stacks.withLock({ $0[number] }) else { return .noEntry }
    unsafe value.initializeMemory(as: UInt8.self, repeating: 0, count: valueSize)
    let stride = valueSize / depth
    for (index, address) in stack.enumerated() {
      if stride == 8 {
        unsafe value.storeBytes(of: address, toByteOffset: index * 8, as: UInt64.self)
      } else {
        // `struct bpf_stack_build_id` with an address instead of an offset in a file (2).
        unsafe value.storeBytes(of: 2, toByteOffset: index * 32, as: UInt32.self)
        unsafe value.storeBytes(of: address, toByteOffset: index * 32 + 24, as: UInt64.self)
      }
    }
    return nil
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? { .invalid }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    let number = unsafe key.loadUnaligned(as: UInt32.self)
    guard number < bucketCount else { return .tooBig }
    return stacks.withLock { $0.removeValue(forKey: number) } == nil ? .noEntry : nil
  }

  package override func lookupAndDelete(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    if let error = unsafe lookup(key: key, into: value) { return error }
    return unsafe deleteFromUser(key: key)
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    let number = unsafe key.map { unsafe $0.loadUnaligned(as: UInt32.self) }
    let first = number.flatMap { $0 < bucketCount ? $0 &+ 1 : nil } ?? 0
    guard let following = stacks.withLock({ $0.keys.filter { $0 >= first }.min() }) else {
      return .noEntry
    }
    unsafe next.storeBytes(of: following, as: UInt32.self)
    return nil
  }
}
