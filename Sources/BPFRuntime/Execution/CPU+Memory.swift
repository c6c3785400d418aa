// UNSAFE. Looks at one word of the running CPU: which engine runs the program.
//
// Relies on the invariant of RunningCPU. Bytes are copied only from ranges that belong to programs.

extension CPU {
  /// The bytes at an address, as far as programs of this runtime may read them and up to a limit:
  /// for helpers that get an address no signature speaks of. Slow, and safe for any address.
  func readableBytes(at address: UInt64, limit: Int) -> [UInt8] {
    for range in [stackAddresses, packetAddresses, contextAddresses]
    where range.contains(address) {
      let count = min(UInt64(max(limit, 0)), range.upperBound - address)
      return GuestMemory.bytes(at: address, count: Int(count))
    }
    return runtime.registry.withMap(containing: address) { map in
      // One byte is inside, so the longest run of them that is lies in one value.
      var inside = 1
      var outside = min(max(limit, 0), map.valueSize) + 1
      while outside - inside > 1 {
        let count = (inside + outside) / 2
        if map.valueContains(address: address, count: count) {
          inside = count
        } else {
          outside = count
        }
      }
      return GuestMemory.bytes(at: address, count: min(inside, max(limit, 0)))
    } ?? []
  }
}

extension RunningCPU {
  /// The bytes at an address, as far as programs may read them.
  func readableBytes(at address: UInt64, limit: Int) -> [UInt8] {
    withOwner { $0.readableBytes(at: address, limit: limit) }
  }
}

extension CPU {
  /// Whether bytes belong to programs of this runtime, in the way that is asked for: for helpers
  /// that find an address in memory, where no signature speaks of it.
  func mayTouch(_ address: UInt64, count: UInt64, isWrite: Bool) -> Bool {
    let (end, overflow) = address.addingReportingOverflow(count)
    guard !overflow, count <= UInt64(Int32.max) else { return false }
    let ranges = [stackAddresses, packetAddresses]
    if ranges.contains(where: { $0.lowerBound <= address && end <= $0.upperBound }) { return true }
    if running.holds(address, Int(count)) { return true }
    return runtime.registry.withMap(containing: address) { map in
      !(isWrite && map.definition.flags.contains(.readOnlyForPrograms))
        && map.valueContains(address: address, count: Int(count))
    } ?? false
  }
}

extension RunningCPU {
  /// Whether a checked run may touch bytes; unchecked ones rely on a proof.
  func mayTouch(_ address: UInt64, count: UInt64, isWrite: Bool) -> Bool {
    guard unsafe words.pointee.caller.engine == .checked else { return true }
    return withOwner { $0.mayTouch(address, count: count, isWrite: isWrite) }
  }
}
