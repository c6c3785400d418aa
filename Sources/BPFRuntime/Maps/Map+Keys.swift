// UNSAFE. Walks the keys of a map of any kind.
//
// Relies on the invariant of Map: keys are buffers of exactly the map's key size.

extension Map {
  /// The keys that there are now, each once; at most as many as there can be.
  func keys() -> AnySequence<[UInt8]> {
    if definition.type == .array || definition.type == .perCPUArray {
      return AnySequence(
        (0..<definition.maxEntries).lazy.map { index in
          (0..<4).map { UInt8(truncatingIfNeeded: index &>> UInt32($0 &* 8)) }
        })
    }
    var keys: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: keySize)
    var last: [UInt8]?
    while keys.count < Int(definition.maxEntries) {
      let error = unsafe buffer.withUnsafeMutableBytes { next in
        guard let next = next.baseAddress else { return LinuxError.noEntry as LinuxError? }
        guard let last else { return unsafe nextKey(after: nil, into: next) }
        return unsafe last.withUnsafeBytes { unsafe nextKey(after: $0.baseAddress, into: next) }
      }
      guard error == nil else { break }
      keys.append(buffer)
      last = buffer
    }
    return AnySequence(keys)
  }
}
