import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// `destination = destination operation operand`, in 32 or 64 bits. A 32-bit result clears the
  /// upper half, on x86-64 as in BPF.
  mutating func lowerArithmetic(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ operand: Operation.Operand,
    _ i: DecodedInstruction
  ) {
    switch operation {
    case .divide, .modulo, .signedDivide, .signedModulo:
      lowerDivision(operation, size, operand, i)
    case .shiftLeft, .shiftRight, .arithmeticShiftRight:
      lowerShift(operation, size, operand, i)
    case .move: lowerMove(size, operand, i)
    default:
      if operand == .register {
        lowerBinary(operation, size, machine(i.destination), machine(i.source))
      } else {
        lowerBinary(
          operation, size, machine(i.destination), Int32(truncatingIfNeeded: i.immediate))
      }
    }
  }

  private mutating func lowerMove(
    _ size: OperandSize, _ operand: Operation.Operand, _ i: DecodedInstruction
  ) {
    let destination = machine(i.destination)
    guard operand == .register else {
      let value = UInt64(bitPattern: i.immediate)
      loadConstant(destination, size == .word ? value & 0xffff_ffff : value)
      return
    }
    if i.destination == i.source, size == .doubleWord || known.isZeroExtended(i.source) { return }
    // Zero-extended already, the whole register can be moved as well; 32 bits are shorter.
    let isWord = size == .word || known.isZeroExtended(i.source)
    out.move(isWord ? .word : .doubleWord, destination, machine(i.source))
  }

  /// Puts a number into a register; flags may change.
  mutating func loadConstant(_ destination: MachineRegister, _ value: UInt64) {
    if value == 0 {
      out.binary(.xor, .word, destination, destination)
    } else {
      out.move(destination, value)
    }
  }

  private mutating func lowerBinary(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ destination: MachineRegister,
    _ source: MachineRegister
  ) {
    switch operation {
    case .add: out.binary(.add, size, destination, source)
    case .subtract: out.binary(.subtract, size, destination, source)
    case .or: out.binary(.or, size, destination, source)
    case .and: out.binary(.and, size, destination, source)
    case .xor: out.binary(.xor, size, destination, source)
    default: out.multiply(size, destination, source)
    }
  }

  private mutating func lowerBinary(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ destination: MachineRegister,
    _ immediate: Int32
  ) {
    switch operation {
    case .add: out.binary(.add, size, destination, immediate)
    case .subtract: out.binary(.subtract, size, destination, immediate)
    case .or: out.binary(.or, size, destination, immediate)
    case .and: lowerMask(size, destination, destination, immediate)
    case .xor: out.binary(.xor, size, destination, immediate)
    default:
      switch immediate {
      case 3: scaleByAddress(size, destination, .two)
      case 5: scaleByAddress(size, destination, .four)
      case 9: scaleByAddress(size, destination, .eight)
      default: out.multiply(size, destination, destination, immediate)
      }
    }
  }

  /// `lea` multiplies by 3, 5 and 9 in one cycle, `imul` takes three.
  private mutating func scaleByAddress(
    _ size: OperandSize, _ register: MachineRegister, _ scale: MemoryOperand.Scale
  ) {
    out.loadAddress(size, register, MemoryOperand(register, index: register, scale))
  }

  /// `destination = source & immediate`.
  mutating func lowerMask(
    _ size: OperandSize, _ destination: MachineRegister, _ source: MachineRegister,
    _ immediate: Int32
  ) {
    switch immediate {
    case 0xff: out.moveZeroExtended(.byte, destination, source)
    case 0xffff: out.moveZeroExtended(.half, destination, source)
    default:
      // A mask whose upper half is zero leaves nothing of the register's upper half.
      let size = immediate >= 0 ? .word : size
      if destination != source { out.move(size, destination, source) }
      out.binary(.and, size, destination, immediate)
    }
  }

  private mutating func lowerShift(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ operand: Operation.Operand,
    _ i: DecodedInstruction
  ) {
    let destination = machine(i.destination)
    let shift = operation.shift
    guard operand == .register else {
      let count = UInt8(truncatingIfNeeded: i.immediate) & (size == .word ? 31 : 63)
      if count != 0 {
        out.shift(shift, size, destination, by: count)
      } else if size == .word {
        out.move(.word, destination, destination)
      }
      return
    }
    let count = machine(i.source)
    if hasBMI2 {
      out.shift(shift, size, destination, destination, by: count)
    } else if count == .rcx {
      out.shiftByCL(shift, size, destination)
      // A 32-bit shift by zero writes nothing, so the upper half stays.
      if size == .word { out.move(.word, destination, destination) }
    } else {
      // r4 is in rcx: it waits elsewhere.
      let saved = RegisterAssignment.scratch2
      out.move(.doubleWord, saved, .rcx)
      out.move(.word, .rcx, count)
      let shifted = destination == .rcx ? saved : destination
      out.shiftByCL(shift, size, shifted)
      if size == .word { out.move(.word, shifted, shifted) }
      out.move(.doubleWord, .rcx, saved)
    }
  }

  /// Conversions of byte order; the host is little-endian.
  mutating func lowerByteOrder(
    _ order: Operation.ByteOrder, _ bits: Int, _ i: DecodedInstruction
  ) {
    let register = machine(i.destination)
    switch (order, bits) {
    case (.toLittleEndian, 16): out.moveZeroExtended(.half, register, register)
    case (.toLittleEndian, 32): out.move(.word, register, register)
    case (.toLittleEndian, _): break
    case (_, 16):
      out.shift(.rotateLeft, .half, register, by: 8)
      out.moveZeroExtended(.half, register, register)
    case (_, 32): out.swapBytes(.word, register)
    default: out.swapBytes(.doubleWord, register)
    }
  }
}

extension Operation.Arithmetic {
  /// The machine's name of a shift.
  var shift: ShiftOperation {
    switch self {
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    default: .arithmeticShiftRight
    }
  }
}
