/// What is certain about registers at a place: constants, and upper halves that are zero.
///
/// The methods are so short, and asked so often, that they are always inlined, and what looks a
/// constant up counts as a change: a call of one that does not would copy the whole to pass it.
struct KnownValues {
  /// By register of BPF.
  private var constants = InlineArray<11, UInt64>(repeating: 0)
  private var isConstant: UInt16 = 0
  private var isZeroExtended: UInt16 = 0

  @inline(__always)
  private static func bit(_ register: UInt8) -> UInt16 { 1 &<< UInt16(register & 0xf) }

  /// The number in a register, if it is known.
  @inline(__always)
  mutating func constant(_ register: UInt8) -> UInt64? {
    guard isConstant & Self.bit(register) != 0 else { return nil }
    return constants[Int(register & 0xf)]
  }

  /// Whether the upper half of a register is zero.
  @inline(__always)
  func isZeroExtended(_ register: UInt8) -> Bool { isZeroExtended & Self.bit(register) != 0 }

  /// A register of BPF that holds a number.
  func register(holding value: UInt64) -> UInt8? {
    var candidates = isConstant
    while candidates != 0 {
      let register = candidates.trailingZeroBitCount
      if constants[register] == value { return UInt8(truncatingIfNeeded: register) }
      candidates &= candidates &- 1
    }
    return nil
  }

  /// Nothing is known.
  mutating func forget() {
    isConstant = 0
    isZeroExtended = 0
  }

  /// Registers got values of which nothing, or only the upper half, is known.
  @inline(__always)
  mutating func forget(_ registers: UInt16, zeroExtended: UInt16 = 0) {
    isConstant &= ~registers
    isZeroExtended = isZeroExtended & ~registers | zeroExtended
  }

  /// Some of what is known is void: constants of the registers, and upper halves of some of them.
  @inline(__always)
  mutating func forget(constants registers: UInt16, upperHalves: UInt16) {
    isConstant &= ~registers
    isZeroExtended &= ~upperHalves
  }

  /// A register got a number. Of the machine's registers that no BPF register is in, nothing is
  /// noted.
  @inline(__always)
  mutating func set(_ register: UInt8, _ value: UInt64) {
    guard register <= 10 else { return }
    constants[Int(register)] = value
    isConstant |= Self.bit(register)
    if value <= UInt64(UInt32.max) {
      isZeroExtended |= Self.bit(register)
    } else {
      isZeroExtended &= ~Self.bit(register)
    }
  }

  /// What holds here and in another place.
  mutating func formCommon(with other: borrowing KnownValues) {
    isZeroExtended &= other.isZeroExtended
    isConstant &= other.isConstant
    var candidates = isConstant
    while candidates != 0 {
      let register = candidates.trailingZeroBitCount
      if constants[register] != other.constants[register] {
        isConstant &= ~(1 &<< UInt16(register))
      }
      candidates &= candidates &- 1
    }
  }
}
