extension Instruction {
  /// Encodes an operation: fields that are part of its encoding get their fixed value, the others
  /// the operands given here.
  ///
  /// Of ``Operation/loadImmediate64`` this is the first slot; see
  /// ``loadImmediate64(_:_:source:)`` for both.
  public init(
    _ operation: Operation, destination: Register = .r0, source: Register = .r0,
    offset: Int16 = 0, immediate: Int32 = 0
  ) {
    let encoding = operation.encoding
    self.init(
      opcode: encoding.opcode,
      destination: Register(
        rawValue: UInt8(
          truncatingIfNeeded: encoding.destination.value(Int32(destination.rawValue)))),
      source: Register(
        rawValue: UInt8(truncatingIfNeeded: encoding.source.value(Int32(source.rawValue)))),
      offset: Int16(truncatingIfNeeded: encoding.offset.value(Int32(offset))),
      immediate: encoding.immediate.value(immediate))
  }
}

extension Encoding.Field {
  /// What the field holds when its operand is `operand`.
  fileprivate func value(_ operand: Int32) -> Int32 {
    switch self {
    case .operand: operand
    case .fixed(let fixed): fixed
    }
  }
}

extension Operation {
  /// The operation of this kind; `nil` when BPF has none, as for a 48-bit byte swap.
  public init?(_ kind: Kind) {
    guard let operation = Self.byKind[kind] else { return nil }
    self = operation
  }

  private static let byKind = Dictionary(uniqueKeysWithValues: allCases.map { ($0.kind, $0) })
}
