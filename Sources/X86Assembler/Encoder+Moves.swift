extension Encoder {
  /// `mov destination, source`.
  public mutating func move(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister
  ) {
    emit(sized(0x89, size), size, reg: source.rawValue, destination)
  }

  /// Puts a number into a register, in the shortest form that changes no flags.
  public mutating func move(_ destination: MachineRegister, _ value: UInt64) {
    buffer.reserve()
    if value <= UInt64(UInt32.max) {
      if destination.high != 0 { buffer.append(UInt8(0x41)) }
      buffer.append(0xb8 | destination.low)
      buffer.append(UInt32(truncatingIfNeeded: value))
    } else if let signed = Int32(exactly: Int64(bitPattern: value)) {
      emit(0xc7, .doubleWord, reg: 0, destination)
      buffer.append(signed)
    } else {
      buffer.append(0x48 | destination.high)
      buffer.append(0xb8 | destination.low)
      buffer.append(value)
    }
  }

  /// `mov destination, [memory]`.
  public mutating func load(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(sized(0x8b, size), size, reg: destination.rawValue, memory)
  }

  /// `mov [memory], source`.
  public mutating func store(
    _ size: OperandSize, _ memory: MemoryOperand, _ source: MachineRegister
  ) {
    emit(sized(0x89, size), size, reg: source.rawValue, memory)
  }

  /// `mov [memory], immediate`; sign-extended to 64 bits.
  public mutating func store(_ size: OperandSize, _ memory: MemoryOperand, _ immediate: Int32) {
    emit(sized(0xc7, size), size, reg: 0, memory, extended: true)
    append(immediate: immediate, size)
  }

  /// `movzx destination, source`: a byte or a half, extended to 64 bits.
  public mutating func moveZeroExtended(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister
  ) {
    emit(
      size == .byte ? 0x0fb6 : 0x0fb7, .word, reg: destination.rawValue, source,
      byteRegister: size == .byte)
  }

  /// `movzx destination, [memory]`: a byte or a half, extended to 64 bits.
  public mutating func loadZeroExtended(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(size == .byte ? 0x0fb6 : 0x0fb7, .word, reg: destination.rawValue, memory)
  }

  /// `movsx` or `movsxd destination, source`: a byte, half or word, extended to `width`.
  public mutating func moveSignExtended(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister,
    to width: OperandSize = .doubleWord
  ) {
    emit(
      signExtending(size), width, reg: destination.rawValue, source, byteRegister: size == .byte)
  }

  /// `movsx` or `movsxd destination, [memory]`: a byte, half or word, extended to 64 bits.
  public mutating func loadSignExtended(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(signExtending(size), .doubleWord, reg: destination.rawValue, memory)
  }

  private func signExtending(_ size: OperandSize) -> UInt32 {
    switch size {
    case .byte: 0x0fbe
    case .half: 0x0fbf
    case .word, .doubleWord: 0x63
    }
  }

  /// `movbe destination, [memory]`: a load that swaps the bytes. Not for bytes.
  public mutating func loadSwapped(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(0x0f38f0, size, reg: destination.rawValue, memory)
  }

  /// `movbe [memory], source`: a store that swaps the bytes. Not for bytes.
  public mutating func storeSwapped(
    _ size: OperandSize, _ memory: MemoryOperand, _ source: MachineRegister
  ) {
    emit(0x0f38f1, size, reg: source.rawValue, memory)
  }

  /// `lea destination, [memory]`, of 32 or 64 bits.
  public mutating func loadAddress(
    _ size: OperandSize, _ destination: MachineRegister, _ memory: MemoryOperand
  ) {
    emit(0x8d, size, reg: destination.rawValue, memory)
  }

  /// `lea destination, [rip + label]`.
  public mutating func loadAddress(_ destination: MachineRegister, of label: Label) {
    buffer.reserve()
    buffer.append(0x48 | destination.high << 2)
    buffer.append(UInt8(0x8d))
    buffer.append(destination.low << 3 | 5)
    appendDistance(to: label, isShort: false)
  }

  /// `cmovcc destination, source`. Not for bytes.
  public mutating func move(
    if condition: ConditionCode, _ size: OperandSize, _ destination: MachineRegister,
    _ source: MachineRegister
  ) {
    emit(0x0f40 | UInt32(condition.rawValue), size, reg: destination.rawValue, source)
  }

  /// `setcc destination`: 1 or 0 in the low byte.
  public mutating func set(if condition: ConditionCode, _ destination: MachineRegister) {
    emit(0x0f90 | UInt32(condition.rawValue), .byte, reg: 0, destination, extended: true)
  }

  /// `xchg left, right`.
  public mutating func exchange(
    _ size: OperandSize, _ left: MachineRegister, _ right: MachineRegister
  ) {
    emit(sized(0x87, size), size, reg: right.rawValue, left)
  }

  /// `push source`.
  public mutating func push(_ source: MachineRegister) {
    buffer.reserve()
    if source.high != 0 { buffer.append(UInt8(0x41)) }
    buffer.append(0x50 | source.low)
  }

  /// `push immediate`, sign-extended to 64 bits.
  public mutating func push(_ immediate: Int32) {
    buffer.reserve()
    buffer.append(UInt8(0x68))
    buffer.append(immediate)
  }

  /// `pop destination`.
  public mutating func pop(_ destination: MachineRegister) {
    buffer.reserve()
    if destination.high != 0 { buffer.append(UInt8(0x41)) }
    buffer.append(0x58 | destination.low)
  }
}
