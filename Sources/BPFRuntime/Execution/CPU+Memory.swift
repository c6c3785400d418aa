extension CPU {
  /// The bytes at an address, as far as programs of this runtime may read them and up to a limit:
  /// for helpers that get an address no signature speaks of. Slow, and safe for any address.
  func readableBytes(at address: UInt64, limit: Int) -> [UInt8] {
    for range in [stackAddresses, packetAddresses] where range.contains(address) {
      let count = min(UInt64(max(limit, 0)), range.upperBound - address)
      return GuestMemory.bytes(at: address, count: Int(count))
    }
    return runtime.registry.withMap(containing: address) { map in
      var count = 0
      while count < limit, map.valueContains(address: address, count: count + 1) { count += 1 }
      return GuestMemory.bytes(at: address, count: count)
    } ?? []
  }
}

extension RunningCPU {
  /// The bytes at an address, as far as programs may read them.
  func readableBytes(at address: UInt64, limit: Int) -> [UInt8] {
    withOwner { $0.readableBytes(at: address, limit: limit) }
  }
}
