/// Shifts and rotations; the raw value is their number.
public enum ShiftOperation: UInt8, CaseIterable, Sendable {
  case rotateLeft = 0
  case rotateRight = 1
  case shiftLeft = 4
  case shiftRight = 5
  case arithmeticShiftRight = 7
}

extension Encoder {
  /// `operation operand, count`.
  public mutating func shift(
    _ operation: ShiftOperation, _ size: OperandSize, _ operand: MachineRegister, by count: UInt8
  ) {
    if count == 1 {
      emit(sized(0xd1, size), size, reg: operation.rawValue, operand, extended: true)
    } else {
      emit(sized(0xc1, size), size, reg: operation.rawValue, operand, extended: true)
      buffer.append(count)
    }
  }

  /// `operation operand, cl`.
  public mutating func shiftByCL(
    _ operation: ShiftOperation, _ size: OperandSize, _ operand: MachineRegister
  ) {
    emit(sized(0xd3, size), size, reg: operation.rawValue, operand, extended: true)
  }

  /// `shlx`, `shrx` or `sarx destination, source, count`: BMI2, of 32 or 64 bits, without flags.
  /// There is none for rotations.
  public mutating func shift(
    _ operation: ShiftOperation, _ size: OperandSize, _ destination: MachineRegister,
    _ source: MachineRegister, by count: MachineRegister
  ) {
    let prefix: UInt8 =
      switch operation {
      case .shiftLeft: 1
      case .arithmeticShiftRight: 2
      case .shiftRight: 3
      case .rotateLeft, .rotateRight: preconditionFailure("no rotation by register in BMI2")
      }
    emitVEX(0xf7, size, map: 2, prefix, destination, vvvv: count.rawValue, source)
  }

  /// `rorx destination, source, count`: BMI2, of 32 or 64 bits, without flags.
  public mutating func rotateRight(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister,
    by count: UInt8
  ) {
    emitVEX(0xf0, size, map: 3, 3, destination, vvvv: 0, source)
    buffer.append(count)
  }

  /// `popcnt destination, source`: the number of bits that are set, of 32 or 64 bits.
  public mutating func countBits(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister
  ) {
    // This prefix comes before REX.
    buffer.reserve()
    buffer.append(UInt8(0xf3))
    emit(0x0fb8, size, reg: destination.rawValue, source)
  }

  /// The three-byte VEX form; registers are stored inverted in it.
  private mutating func emitVEX(
    _ opcode: UInt8, _ size: OperandSize, map: UInt8, _ prefix: UInt8, _ reg: MachineRegister,
    vvvv: UInt8, _ rm: MachineRegister
  ) {
    buffer.reserve()
    buffer.append(UInt8(0xc4))
    let registers: UInt8 = (reg.high ^ 1) << 7 | (rm.high ^ 1) << 5
    buffer.append(registers | 0x40 | map)
    let wide: UInt8 = size == .doubleWord ? 0x80 : 0
    buffer.append(wide | (~vvvv & 0xf) << 3 | prefix)
    buffer.append(opcode)
    buffer.append(0xc0 | reg.low << 3 | rm.low)
  }
}
