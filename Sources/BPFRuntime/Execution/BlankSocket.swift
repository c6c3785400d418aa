/// The socket behind contexts whose type promises one: it has nothing but zeros, and programs can
/// only read it.
enum BlankSocket {
  /// As large as any structure that a handle can be read through.
  private static let memory: StableMemory = {
    guard let memory = try? StableMemory(byteCount: 256) else {
      fatalError("no memory for 256 bytes")
    }
    return memory
  }()

  /// Where it is.
  static var address: UInt64 { memory.address }

  /// Whether bytes are a part of it.
  static func contains(_ address: UInt64, end: UInt64) -> Bool {
    address >= memory.address && end <= memory.address &+ UInt64(memory.byteCount)
  }
}

extension ContextLayout {
  /// The fields that yield handles of sockets.
  var sockets: [(name: String, offset: Int, orNull: Bool)] {
    fields.compactMap { field in
      guard case .socket(_, let orNull) = field.value else { return nil }
      return (field.name, field.offset, orNull)
    }
  }

  /// Where addresses of flow keys are.
  var flowKeysOffsets: [Int] { fields.filter { $0.value == .flowKeys }.map(\.offset) }
}
