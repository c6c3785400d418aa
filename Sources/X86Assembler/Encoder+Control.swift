extension Encoder {
  /// `jmp label`. A short one reaches 127 bytes.
  public mutating func jump(_ label: Label, isShort: Bool = false) {
    buffer.reserve()
    buffer.append(UInt8(isShort ? 0xeb : 0xe9))
    appendDistance(to: label, isShort: isShort)
  }

  /// `jcc label`. A short one reaches 127 bytes.
  public mutating func jump(
    if condition: ConditionCode, _ label: Label, isShort: Bool = false
  ) {
    buffer.reserve()
    if isShort {
      buffer.append(0x70 | condition.rawValue)
    } else {
      buffer.append(UInt8(0x0f))
      buffer.append(0x80 | condition.rawValue)
    }
    appendDistance(to: label, isShort: isShort)
  }

  /// `jmp target`, through a register.
  public mutating func jump(_ target: MachineRegister) {
    emit(0xff, .word, reg: 4, target)
  }

  /// `jmp [memory]`.
  public mutating func jump(_ memory: MemoryOperand) {
    emit(0xff, .word, reg: 4, memory)
  }

  /// `jmp address`, at most 2 GiB away.
  public mutating func jump(toAddress address: UInt64) {
    buffer.reserve()
    buffer.append(UInt8(0xe9))
    appendDistance(toAddress: address)
  }

  /// `call label`.
  public mutating func call(_ label: Label) {
    buffer.reserve()
    buffer.append(UInt8(0xe8))
    appendDistance(to: label, isShort: false)
  }

  /// `call target`, through a register.
  public mutating func call(_ target: MachineRegister) {
    emit(0xff, .word, reg: 2, target)
  }

  /// `call [memory]`.
  public mutating func call(_ memory: MemoryOperand) {
    emit(0xff, .word, reg: 2, memory)
  }

  /// `call address`, at most 2 GiB away.
  public mutating func call(address: UInt64) {
    buffer.reserve()
    buffer.append(UInt8(0xe8))
    appendDistance(toAddress: address)
  }

  /// `ret`.
  public mutating func ret() {
    buffer.reserve()
    buffer.append(UInt8(0xc3))
  }

  /// `ud2`: stops with an illegal instruction.
  public mutating func undefined() {
    buffer.reserve()
    buffer.append(UInt16(0x0b0f))
  }

  /// `int3`.
  public mutating func breakpoint() {
    buffer.reserve()
    buffer.append(UInt8(0xcc))
  }

  /// One instruction that does nothing and has 1 to 9 bytes.
  public mutating func nop(byteCount: Int) {
    precondition((1...9).contains(byteCount), "a nop has 1 to 9 bytes")
    buffer.reserve()
    for byte in Self.nops[byteCount - 1] { buffer.append(byte) }
  }

  /// The processors' makers recommend these.
  private static let nops: [[UInt8]] = [
    [0x90],
    [0x66, 0x90],
    [0x0f, 0x1f, 0x00],
    [0x0f, 0x1f, 0x40, 0x00],
    [0x0f, 0x1f, 0x44, 0x00, 0x00],
    [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
    [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
    [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  ]
}
