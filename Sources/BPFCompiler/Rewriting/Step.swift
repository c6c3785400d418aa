import BPFInstructions
import X86Assembler

/// One thing to do, in the machine's terms: where BPF changes a register in place, a step has
/// a destination of its own; where BPF computes an address first, a step has the machine's modes.
struct Step {
  enum Form: UInt8 {
    /// Nothing: it was found to be superfluous.
    case removed
    /// The BPF instruction it comes from, as it stands.
    case plain
    /// `destination = immediate`
    case constant
    /// `destination = left`
    case move
    /// `destination = left operation right`
    case binary
    /// `destination = left shifted by right`
    case shift
    /// `destination = left`, extended from `accessSize`
    case signExtend
    case zeroExtend
    /// `destination = -left`
    case negate
    /// `destination = left` with its bytes in reverse order
    case swapBytes
    /// `destination =` the number of bits that are set in `left`
    case countBits
    /// `destination = base + index * scale + displacement`
    case address
    /// `destination = [base + index * scale + displacement]`
    case load
    /// `destination = destination operation [base + index * scale + displacement]`
    case binaryLoad
    /// `destination =` the address of a value of the array at `immediate`, or 0: with the number
    /// in `left`, in memory if there is no left, or in `displacement` if `hasImmediate`.
    case lookup
    /// `[base + index * scale + displacement] = right`
    case store
    /// Compares left and right for the selects that follow.
    case compare
    /// `destination = left`, if the condition holds
    case select
  }

  /// An operand that is a number; what else it is depends on the form.
  var immediate: Int64 = 0
  var displacement: Int32 = 0
  /// The instruction that it comes from.
  var origin: Int32
  /// The steps that made what is in `left` and `right`; negative for what was there before.
  var leftMaker: Int32 = -1
  var rightMaker: Int32 = -1
  /// The step that made what was in the destination before.
  var previousMaker: Int32 = -1
  /// Of plain divisions, the registers that are read later.
  var liveBehind: UInt16 = .max
  var form: Form
  var binary = BinaryOperation.add
  /// Multiplication is no operation of the machine's table.
  var isProduct = false
  var shift = ShiftOperation.shiftLeft
  var condition = Operation.Condition.equal
  /// The width of what is computed.
  var size = OperandSize.doubleWord
  /// The width of what is loaded, stored or extended.
  var accessSize = OperandSize.doubleWord
  var isSigned = false
  /// Whether the second operand is `immediate` and not `right`; of a plain call, whether it goes to
  /// the address in `immediate`.
  var hasImmediate = false
  /// Whether `immediate` is what is known to be in `right`.
  var isRightKnown = false
  var destination: UInt8 = 0
  var left: UInt8 = Self.none
  var right: UInt8 = Self.none
  var base: UInt8 = Self.none
  var index: UInt8 = Self.none
  var scale = MemoryOperand.Scale.one

  /// No register.
  static let none: UInt8 = 0xff

  init(_ form: Form, origin: Int) {
    self.form = form
    self.origin = Int32(truncatingIfNeeded: origin)
  }

  /// The registers that it reads, one bit per register, unless it is plain.
  var reads: UInt16 {
    switch form {
    case .removed, .plain, .constant: 0
    case .move, .signExtend, .zeroExtend, .negate, .swapBytes, .countBits: Self.bit(left)
    case .binary, .shift, .compare: Self.bit(left) | (hasImmediate ? 0 : Self.bit(right))
    case .lookup:
      hasImmediate ? 0 : left == Self.none ? Self.bit(base) | Self.bit(index) : Self.bit(left)
    case .address, .load: Self.bit(base) | Self.bit(index)
    case .binaryLoad: Self.bit(destination) | Self.bit(base) | Self.bit(index)
    case .store: Self.bit(base) | Self.bit(index) | (hasImmediate ? 0 : Self.bit(right))
    case .select: Self.bit(left) | Self.bit(destination)
    }
  }

  /// The registers that it writes, unless it is plain.
  var writes: UInt16 {
    switch form {
    case .removed, .plain, .store, .compare: 0
    default: Self.bit(destination)
    }
  }

  /// Whether the result's upper half is zero for sure.
  var clearsUpperHalf: Bool {
    switch form {
    case .move, .binary, .shift, .negate, .swapBytes, .address, .binaryLoad, .signExtend:
      size == .word
    case .zeroExtend, .countBits: true
    case .load: !isSigned && accessSize != .doubleWord
    default: false
    }
  }

  /// The bit of a register; none for no register, whose number is out of reach.
  @inline(__always)
  static func bit(_ register: UInt8) -> UInt16 {
    UInt16(truncatingIfNeeded: UInt32(1) &<< UInt32(register))
  }
}
