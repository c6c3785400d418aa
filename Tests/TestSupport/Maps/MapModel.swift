/// What a hash or an array is supposed to do, written down in the simplest way.
public final class MapModel: MapUnderTest {
  private let shape: MapShape
  private var elements: [[UInt8]: [UInt8]] = [:]
  private var isHash: Bool { [1, 9].contains(shape.type) }

  /// A model of a hash, or of an array, with every value being zero.
  public init(_ shape: MapShape) {
    self.shape = shape
    if isHash { return }
    for index in 0..<shape.maxEntries {
      elements[bytes(index)] = [UInt8](repeating: 0, count: Int(shape.valueSize))
    }
  }

  /// Tries one operation; `next` gives all keys, as the order is open.
  public func perform(_ operation: MapOperation) -> MapOutcome {
    switch operation {
    case .lookup(_, let flags) where flags != 0: return .errno(22)
    case .lookup(let key, _): return elements[key].map { .bytes($0) } ?? .errno(2)
    case .programLookup(let key): return elements[key].map { .bytes($0) } ?? .null
    case .update(_, _, let flags) where flags & 4 != 0: return .errno(22)
    case .update(let key, let value, let flags), .programUpdate(let key, let value, let flags):
      return update(key, value, flags)
    case .delete(let key), .programDelete(let key):
      if !isHash { return .errno(22) }
      return elements.removeValue(forKey: key) == nil ? .errno(2) : .done
    case .take(_, let flags) where flags != 0: return .errno(22)
    case .take(let key, _):
      if !isHash { return .errno(524) }
      return elements.removeValue(forKey: key).map { .bytes($0) } ?? .errno(2)
    case .freeze, .mayContain, .programPush, .programPop, .programPeek: return .errno(22)
    case .keys, .next: return .bytes(Array(elements.keys).sortedAndJoined)
    }
  }

  private func update(_ key: [UInt8], _ value: [UInt8], _ flags: UInt64) -> MapOutcome {
    // No value has a lock, but an array asks about that last.
    if flags > 2, isHash || flags & ~4 > 2 { return .errno(22) }
    let exists = elements[key] != nil
    if !isHash, !exists { return .errno(7) }
    if flags & ~4 == 1, exists { return .errno(17) }
    if flags > 2 { return .errno(22) }
    if flags == 2, !exists { return .errno(2) }
    if !exists, elements.count == Int(shape.maxEntries) { return .errno(7) }
    elements[key] = value
    return .done
  }
}
