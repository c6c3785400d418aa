/// The eight operations that share their encodings; the raw value is their number.
public enum BinaryOperation: UInt8, CaseIterable, Sendable {
  case add, or, addWithCarry, subtractWithBorrow, and, subtract, xor, compare
}

/// The operations on one operand; the raw value is their number. Multiplication and division work
/// on rdx:rax.
public enum UnaryOperation: UInt8, CaseIterable, Sendable {
  case not = 2
  case negate = 3
  case multiply = 4
  case signedMultiply = 5
  case divide = 6
  case signedDivide = 7
}

extension Encoder {
  /// `operation destination, source`.
  public mutating func binary(
    _ operation: BinaryOperation, _ size: OperandSize, _ destination: MachineRegister,
    _ source: MachineRegister
  ) {
    emit(
      sized(UInt32(operation.rawValue) << 3 | 1, size), size, reg: source.rawValue, destination)
  }

  /// `operation destination, [memory]`.
  public mutating func binary(
    _ operation: BinaryOperation, _ size: OperandSize, _ destination: MachineRegister,
    _ memory: MemoryOperand
  ) {
    emit(sized(UInt32(operation.rawValue) << 3 | 3, size), size, reg: destination.rawValue, memory)
  }

  /// `operation [memory], source`.
  public mutating func binary(
    _ operation: BinaryOperation, _ size: OperandSize, _ memory: MemoryOperand,
    _ source: MachineRegister
  ) {
    emit(sized(UInt32(operation.rawValue) << 3 | 1, size), size, reg: source.rawValue, memory)
  }

  /// `operation destination, immediate`; the immediate is sign-extended.
  public mutating func binary(
    _ operation: BinaryOperation, _ size: OperandSize, _ destination: MachineRegister,
    _ immediate: Int32
  ) {
    let number = operation.rawValue
    if size == .byte {
      emit(0x80, size, reg: number, destination, extended: true)
      append(immediate: immediate, size)
    } else if let short = Int8(exactly: immediate) {
      emit(0x83, size, reg: number, destination, extended: true)
      buffer.append(short)
    } else {
      emit(0x81, size, reg: number, destination, extended: true)
      append(immediate: immediate, size)
    }
  }

  /// `operation [memory], immediate`; the immediate is sign-extended.
  public mutating func binary(
    _ operation: BinaryOperation, _ size: OperandSize, _ memory: MemoryOperand, _ immediate: Int32
  ) {
    let number = operation.rawValue
    if size == .byte {
      emit(0x80, size, reg: number, memory, extended: true)
      append(immediate: immediate, size)
    } else if let short = Int8(exactly: immediate) {
      emit(0x83, size, reg: number, memory, extended: true)
      buffer.append(short)
    } else {
      emit(0x81, size, reg: number, memory, extended: true)
      append(immediate: immediate, size)
    }
  }

  /// `test left, right`.
  public mutating func test(
    _ size: OperandSize, _ left: MachineRegister, _ right: MachineRegister
  ) {
    emit(sized(0x85, size), size, reg: right.rawValue, left)
  }

  /// `test left, immediate`; the immediate is sign-extended.
  public mutating func test(_ size: OperandSize, _ left: MachineRegister, _ immediate: Int32) {
    emit(sized(0xf7, size), size, reg: 0, left, extended: true)
    append(immediate: immediate, size)
  }

  /// `operation operand`.
  public mutating func unary(
    _ operation: UnaryOperation, _ size: OperandSize, _ operand: MachineRegister
  ) {
    emit(sized(0xf7, size), size, reg: operation.rawValue, operand, extended: true)
  }

  /// `imul destination, source`: the low half of the product. Not for bytes.
  public mutating func multiply(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister
  ) {
    emit(0x0faf, size, reg: destination.rawValue, source)
  }

  /// `imul destination, [memory]`. Not for bytes.
  public mutating func multiply(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(0x0faf, size, reg: destination.rawValue, memory)
  }

  /// `imul destination, source, immediate`; the immediate is sign-extended. Not for bytes.
  public mutating func multiply(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister,
    _ immediate: Int32
  ) {
    if let short = Int8(exactly: immediate) {
      emit(0x6b, size, reg: destination.rawValue, source)
      buffer.append(short)
    } else {
      emit(0x69, size, reg: destination.rawValue, source)
      append(immediate: immediate, size)
    }
  }

  /// `cdq` or `cqo`: the sign of eax or rax in every bit of edx or rdx.
  public mutating func signExtendAccumulator(_ size: OperandSize) {
    buffer.reserve()
    if size == .doubleWord { buffer.append(UInt8(0x48)) }
    buffer.append(UInt8(0x99))
  }

  /// `bswap operand`, of 32 or 64 bits.
  public mutating func swapBytes(_ size: OperandSize, _ operand: MachineRegister) {
    buffer.reserve()
    let rex = (size == .doubleWord ? 0x48 : 0x40) | operand.high
    if rex != 0x40 { buffer.append(rex) }
    buffer.append(UInt8(0x0f))
    buffer.append(0xc8 | operand.low)
  }
}
