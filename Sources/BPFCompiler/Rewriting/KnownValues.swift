/// What is certain about registers at a place: constants, and upper halves that are zero.
struct KnownValues {
  private var constants = InlineArray<16, UInt64>(repeating: 0)
  private var isConstant: UInt16 = 0
  private var isZeroExtended: UInt16 = 0

  /// The number in a register, if it is known.
  func constant(_ register: UInt8) -> UInt64? {
    isConstant >> UInt16(register & 0xf) & 1 != 0 ? constants[Int(register & 0xf)] : nil
  }

  /// Whether the upper half of a register is zero.
  func isZeroExtended(_ register: UInt8) -> Bool {
    isZeroExtended >> UInt16(register & 0xf) & 1 != 0
  }

  /// A register of BPF that holds a number.
  func register(holding value: UInt64) -> UInt8? {
    var register: UInt8 = 0
    while register < 10 {
      if isConstant >> UInt16(register) & 1 != 0, constants[Int(register)] == value {
        return register
      }
      register += 1
    }
    return nil
  }

  /// Nothing is known.
  mutating func forget() {
    isConstant = 0
    isZeroExtended = 0
  }

  /// Registers got values of which nothing, or only the upper half, is known.
  mutating func forget(_ registers: UInt16, zeroExtended: UInt16 = 0) {
    isConstant &= ~registers
    isZeroExtended = isZeroExtended & ~registers | zeroExtended
  }

  /// Some of what is known is void: constants of the registers, and upper halves of some of them.
  mutating func forget(constants registers: UInt16, upperHalves: UInt16) {
    isConstant &= ~registers
    isZeroExtended &= ~upperHalves
  }

  /// A register got a number.
  mutating func set(_ register: UInt8, _ value: UInt64) {
    let bit: UInt16 = 1 << UInt16(register & 0xf)
    constants[Int(register & 0xf)] = value
    isConstant |= bit
    if value <= UInt64(UInt32.max) { isZeroExtended |= bit } else { isZeroExtended &= ~bit }
  }

  /// What holds here and in another place.
  mutating func formCommon(with other: KnownValues) {
    isZeroExtended &= other.isZeroExtended
    isConstant &= other.isConstant
    var register = 0
    while register < 16 {
      if isConstant >> UInt16(register) & 1 != 0, constants[register] != other.constants[register] {
        isConstant &= ~(1 << UInt16(register))
      }
      register += 1
    }
  }
}
