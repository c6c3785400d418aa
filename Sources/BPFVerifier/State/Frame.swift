import BPFInstructions

/// What a byte of the stack holds.
enum StackByte {
  static let invalid: UInt8 = 0
  /// Part of a register that was stored here.
  static let spilled: UInt8 = 1
  /// Anything.
  static let anything: UInt8 = 2
  static let zero: UInt8 = 3
  /// Part of a dynptr.
  static let dynptr: UInt8 = 4
}

/// Eight bytes of a stack, aligned.
struct StackSlot: Hashable, Sendable {
  /// One ``StackByte`` per byte, the lowest address first.
  var bytes: UInt64 = 0
  /// The register of which the first bytes hold a copy.
  var value: RegisterState = .uninitialized

  @inline(__always)
  subscript(byte index: Int) -> UInt8 {
    get { UInt8(truncatingIfNeeded: bytes &>> UInt64(truncatingIfNeeded: index &* 8)) }
    set {
      let shift = UInt64(truncatingIfNeeded: index &* 8)
      bytes = bytes & ~(0xff &<< shift) | UInt64(newValue) &<< shift
    }
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101

  @inline(__always)
  var isSpilled: Bool { bytes & 0xff == UInt64(StackByte.spilled) }

  /// How many bytes of the register are here.
  @inline(__always)
  var spilledByteCount: Int {
    if bytes == Self.ones { return 8 }
    var count = 0
    while count < 8, self[byte: count] == StackByte.spilled { count += 1 }
    return count
  }

  /// All eight bytes the same.
  static func filled(_ byte: UInt8) -> StackSlot {
    StackSlot(bytes: UInt64(byte) &* ones)
  }

  /// Notes that the first bytes are those of a register.
  @inline(__always)
  mutating func markSpilled(_ byteCount: Int) {
    let mask: UInt64 =
      byteCount == 8 ? .max : (1 &<< UInt64(truncatingIfNeeded: byteCount &* 8)) &- 1
    bytes = bytes & ~mask | Self.ones & mask
  }

  /// Forgets the register: its bytes are just bytes.
  mutating func scrub() {
    for index in 0..<8 where self[byte: index] == StackByte.spilled {
      self[byte: index] = StackByte.anything
    }
    value = .uninitialized
  }
}

/// One activation of a function.
struct Frame: Sendable {
  static let registerCount = 11

  /// r0 to r10. An array, not a part of the frame itself: reading one register must not copy all.
  var registers: [RegisterState]
  /// From the upper end down: slot 0 is at r10 - 8.
  var stack: [StackSlot] = []
  /// Which of the program's functions.
  var function: Int
  /// Slot of the call in the caller.
  var callSite: Int
  /// How the frame came about, for returning from it.
  var purpose: Purpose = .call
  /// How often the helper that the frame is calling has called back already.
  var callbackDepth: UInt32 = 0

  /// Why a function runs.
  enum Purpose: Hashable, Sendable {
    case call
    /// A helper calls it; these are the values that its result may have.
    case callback(helper: Int32, maximum: UInt64)
    /// It runs on its own, after the program.
    case later
  }

  /// A frame in which only the frame pointer is readable.
  init(function: Int, callSite: Int, depth: Int) {
    registers = [RegisterState](repeating: .uninitialized, count: Self.registerCount)
    registers[10] = .stackPointer(frame: depth)
    self.function = function
    self.callSite = callSite
  }

  /// Makes room for the slot.
  mutating func reach(_ slot: Int) {
    while stack.count <= slot { stack.append(StackSlot()) }
  }
}

/// One point of one path.
struct PathState: Sendable {
  /// The frames below the running one, the program's own first.
  var callers: [Frame] = []
  /// The running frame.
  var frame: Frame
  /// Handles that have to be given back.
  var references: [Reference] = []
  /// The id of the value whose lock is held; 0 for none.
  var lock: UInt32 = 0
  /// How often a `may_goto` went on.
  var mayGotoDepth: UInt32 = 0
  /// Whether a dynptr was made on this path.
  var hasDynptrs = false

  /// A handle that a helper gave out.
  struct Reference: Hashable, Sendable {
    var id: UInt32
    /// Slot of the call.
    var instruction: Int
  }

  var depth: Int { callers.count }

  subscript(frame index: Int) -> Frame {
    get { index == callers.count ? frame : callers[index] }
  }

  /// Applies a change to a frame in place.
  @inline(__always)
  mutating func withFrame<Result>(
    _ index: Int, _ body: (inout Frame) -> Result
  ) -> Result {
    index == callers.count ? body(&frame) : body(&callers[index])
  }

  /// Applies a change to every register and every spilled one that it is about.
  @inline(__always)
  mutating func change(
    where isMeant: (RegisterState) -> Bool, by body: (inout RegisterState) -> Void
  ) {
    for index in callers.indices where callers[index].contains(where: isMeant) {
      callers[index].change(where: isMeant, by: body)
    }
    frame.change(where: isMeant, by: body)
  }
}

extension Frame {
  /// Whether a register or a spilled one is such.
  @inline(__always)
  func contains(where isMeant: (RegisterState) -> Bool) -> Bool {
    for index in registers.indices where isMeant(registers[index]) { return true }
    for index in stack.indices where stack[index].isSpilled && isMeant(stack[index].value) {
      return true
    }
    return false
  }

  /// Touches only what changes: what is shared with other states stays shared.
  @inline(__always)
  mutating func change(
    where isMeant: (RegisterState) -> Bool, by body: (inout RegisterState) -> Void
  ) {
    for index in registers.indices where isMeant(registers[index]) { body(&registers[index]) }
    for index in stack.indices where stack[index].isSpilled && isMeant(stack[index].value) {
      body(&stack[index].value)
    }
  }
}
