extension Encoder {
  /// `lock operation [memory], source`. Not for comparisons.
  public mutating func lockedBinary(
    _ operation: BinaryOperation, _ size: OperandSize, _ memory: MemoryOperand,
    _ source: MachineRegister
  ) {
    emit(
      sized(UInt32(operation.rawValue) << 3 | 1, size), size, reg: source.rawValue, memory,
      lock: true)
  }

  /// `lock xadd [memory], source`: the old value goes to the source.
  public mutating func lockedExchangeAdd(
    _ size: OperandSize, _ memory: MemoryOperand, _ source: MachineRegister
  ) {
    emit(sized(0x0fc1, size), size, reg: source.rawValue, memory, lock: true)
  }

  /// `lock cmpxchg [memory], source`: compares with rax, which gets the old value.
  public mutating func lockedCompareExchange(
    _ size: OperandSize, _ memory: MemoryOperand, _ source: MachineRegister
  ) {
    emit(sized(0x0fb1, size), size, reg: source.rawValue, memory, lock: true)
  }

  /// `xchg [memory], source`: locked without saying so.
  public mutating func exchange(
    _ size: OperandSize, _ memory: MemoryOperand, _ source: MachineRegister
  ) {
    emit(sized(0x87, size), size, reg: source.rawValue, memory)
  }

  /// `lfence`: nothing behind it is executed before everything in front of it has been.
  public mutating func loadFence() {
    buffer.reserve()
    buffer.append(UInt8(0x0f))
    buffer.append(UInt16(0xe8ae))
  }

  /// `mfence`.
  public mutating func fence() {
    buffer.reserve()
    buffer.append(UInt8(0x0f))
    buffer.append(UInt16(0xf0ae))
  }
}
