extension Operation {
  /// How many bits an arithmetic or comparing instruction works on.
  public enum Width: Hashable, Sendable {
    /// The low half; the upper half of a result is zero.
    case bits32
    /// The whole register.
    case bits64
  }

  /// Where the second operand comes from.
  public enum Operand: Hashable, Sendable {
    /// The sign-extended 32-bit immediate.
    case immediate
    /// The source register.
    case register
  }

  /// How many bytes a memory access moves.
  public enum Size: UInt8, Hashable, Sendable, CaseIterable {
    /// One byte.
    case byte = 1
    /// Two bytes.
    case half = 2
    /// Four bytes.
    case word = 4
    /// Eight bytes.
    case doubleWord = 8

    /// The access's width in bytes.
    public var byteCount: Int { Int(rawValue) }
  }

  /// Arithmetic with two operands (RFC 9669 section 4.1); the result goes to the destination.
  public enum Arithmetic: Hashable, Sendable, CaseIterable {
    case add
    case subtract
    case multiply
    /// Unsigned; division by zero gives zero.
    case divide
    /// Rounds towards zero; division by zero gives zero.
    case signedDivide
    case or
    case and
    /// Only the low 5 or 6 bits of the count matter.
    case shiftLeft
    /// Only the low 5 or 6 bits of the count matter.
    case shiftRight
    /// Unsigned; modulo zero leaves the destination as it was.
    case modulo
    /// The sign of the dividend; modulo zero leaves the destination as it was.
    case signedModulo
    case xor
    case move
    /// Only the low 5 or 6 bits of the count matter.
    case arithmeticShiftRight
  }

  /// What a conditional jump tests (RFC 9669 section 4.3).
  public enum Condition: Hashable, Sendable, CaseIterable {
    case equal
    case greater
    case greaterOrEqual
    /// Any bit in common.
    case bitsSet
    case notEqual
    case signedGreater
    case signedGreaterOrEqual
    case less
    case lessOrEqual
    case signedLess
    case signedLessOrEqual
  }

  /// What an atomic read-modify-write does (RFC 9669 section 5.3).
  public enum AtomicUpdate: Hashable, Sendable, CaseIterable {
    case add
    case or
    case and
    case xor
    case fetchAdd
    case fetchOr
    case fetchAnd
    case fetchXor
    case exchange
    /// Compares with r0 and leaves the old value there.
    case compareExchange
  }

  /// Byte order conversions (RFC 9669 section 4.2).
  public enum ByteOrder: Hashable, Sendable, CaseIterable {
    case toLittleEndian
    case toBigEndian
    case swap
  }

  /// What an operation means, with its parameters: for the parts that reason about programs.
  ///
  /// All payloads are bytes: the whole fits in a register, and is looked at all the time.
  public enum Kind: Hashable, Sendable {
    case arithmetic(Arithmetic, Width, Operand)
    /// `dst = (s8) src` and its like: sign extension from the low bits of the source.
    case signExtendingMove(fromBits: UInt8, Width)
    case negate(Width)
    case byteOrder(ByteOrder, bits: UInt8)
    /// Unconditional; the long form takes its distance from the immediate.
    case jump(long: Bool)
    /// Jumps until the frame's iteration budget is spent.
    case mayGoto
    case branch(Condition, Width, Operand)
    /// Helper 12, `bpf_tail_call(context, array, index)`: an operation of its own, because it moves
    /// control (tail-calls.md R1.1).
    case tailCall
    case callHelper
    case callSubprogram
    case callKernelFunction
    case callRegister
    case exit
    /// Two slots; the source field says what the immediate stands for.
    case loadImmediate64
    /// Legacy packet access; the result is in host byte order in r0.
    case loadPacket(Size, indirect: Bool)
    case load(Size, signExtended: Bool)
    case store(Size, Operand)
    case atomic(AtomicUpdate, Size)
    case loadAcquire(Size)
    case storeRelease(Size)
  }
}
