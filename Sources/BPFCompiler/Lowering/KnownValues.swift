import BPFInstructions
import BPFRuntime

/// What is certain about registers at a place, found on the way down a straight line of
/// instructions: constants, and upper halves that are zero.
struct KnownValues {
  private var constants = InlineArray<16, UInt64>(repeating: 0)
  private var isConstant: UInt16 = 0
  private var isZeroExtended: UInt16 = 0

  /// The number in a register, if it is known.
  func constant(_ register: UInt8) -> UInt64? {
    isConstant >> UInt16(register) & 1 != 0 ? constants[Int(register & 0xf)] : nil
  }

  /// Whether the upper half of a register is zero.
  func isZeroExtended(_ register: UInt8) -> Bool { isZeroExtended >> UInt16(register) & 1 != 0 }

  /// Nothing is known where paths meet.
  mutating func forget() {
    isConstant = 0
    isZeroExtended = 0
  }

  /// Follows an instruction.
  mutating func follow(_ instruction: DecodedInstruction) {
    let destination = instruction.destination & 0xf
    let bit: UInt16 = 1 << UInt16(destination)
    switch instruction.operation {
    case .move64Immediate, .move32Immediate:
      let value = UInt64(bitPattern: instruction.immediate)
      set(destination, instruction.operation == .move64Immediate ? value : value & 0xffff_ffff)
      return
    case .move64Register:
      let zero = isZeroExtended(instruction.source)
      if let value = constant(instruction.source & 0xf) {
        set(destination, value)
      } else {
        isConstant &= ~bit
        if zero { isZeroExtended |= bit } else { isZeroExtended &= ~bit }
      }
      return
    default: break
    }
    let written = RegisterUse.writes(instruction)
    isConstant &= ~written
    if instruction.operation.clearsUpperHalf {
      isZeroExtended |= bit & written
    } else {
      isZeroExtended &= ~written
    }
  }

  private mutating func set(_ register: UInt8, _ value: UInt64) {
    let bit: UInt16 = 1 << UInt16(register)
    constants[Int(register)] = value
    isConstant |= bit
    if value <= UInt64(UInt32.max) { isZeroExtended |= bit } else { isZeroExtended &= ~bit }
  }
}

extension Operation {
  /// Whether the result's upper half is zero, whatever the operands are.
  fileprivate var clearsUpperHalf: Bool {
    switch kind {
    case .arithmetic(_, .bits32, _), .negate(.bits32), .signExtendingMove(_, .bits32): true
    case .byteOrder(_, let bits): bits < 64
    case .load(let size, false), .loadAcquire(let size): size != .doubleWord
    default: false
    }
  }
}
