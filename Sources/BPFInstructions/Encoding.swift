/// Numbers of RFC 9669's opcode byte that code outside the table needs by name.
public enum Opcode {
  /// `ld_imm64`, the only two-slot instruction.
  public static let loadImmediate64: UInt8 = 0x18
  /// `call`: helper, subprogram or kernel function by the source field.
  public static let call: UInt8 = 0x85
  /// The number of the helper `bpf_tail_call` (tail-calls.md R1.1).
  public static let tailCallHelper: Int32 = 12
  /// `exit`.
  public static let exit: UInt8 = 0x95
}

/// What the immediate of `ld_imm64` stands for: the source field (RFC 9669 section 5.4).
public enum PseudoSource: UInt8, CaseIterable, Sendable {
  /// The 64-bit value itself.
  case immediate = 0
  /// A map, by file descriptor.
  case mapDescriptor = 1
  /// The address of a byte in a map's first value: descriptor in the low half, offset in the upper.
  case mapValueByDescriptor = 2
  /// A variable of the host, by BTF id.
  case variable = 3
  /// A subprogram of the same program, by distance.
  case function = 4
  /// A map, by index.
  case mapIndex = 5
  /// The address of a byte in a map's first value, map by index.
  case mapValueByIndex = 6
}

/// How an operation stands in a slot: the opcode byte, and which values the other fields may have.
public struct Encoding: Hashable, Sendable {
  /// What a field may hold.
  public enum Field: Hashable, Sendable {
    /// An operand: any value that makes sense for the field.
    case operand
    /// Part of the operation: just this value. Unused fields are fixed at zero.
    case fixed(Int32)

    /// Whether the field is an operand.
    public var isOperand: Bool { self == .operand }
  }

  /// The opcode byte.
  public var opcode: UInt8
  /// The destination register's field.
  public var destination = Field.fixed(0)
  /// The source register's field.
  public var source = Field.fixed(0)
  /// The offset's field.
  public var offset = Field.fixed(0)
  /// The immediate's field.
  public var immediate = Field.fixed(0)
}

extension Operation {
  /// How the operation is encoded.
  public var encoding: Encoding { Self.encodings[Int(rawValue)] }

  private static let encodings: [Encoding] = allCases.map { Encoding($0.kind) }

  /// Finds the operation of a slot, if its fixed fields are those of one; the operands are not
  /// looked at.
  @inline(__always)
  static func matching(_ instruction: Instruction) -> OperationTable.Entry? {
    table.entry(for: instruction)
  }

  /// Whether any operation has this opcode byte.
  static func isKnown(_ opcode: UInt8) -> Bool { table.contains(opcode) }

  private static let table = OperationTable()
}

/// All operations by opcode byte, for decoding.
struct OperationTable {
  /// One operation: a slot is one if its word is `value` where `mask` has ones.
  struct Entry {
    let operation: Operation
    let operands: Operands
    fileprivate let mask: UInt64
    fileprivate let value: UInt64
    /// The highest registers that the fields may name, as far as that is all there is to check.
    fileprivate let lastDestination: UInt8
    fileprivate let lastSource: UInt8

    /// Whether the registers of a slot are in order for sure.
    @inline(__always)
    func takes(_ instruction: Instruction) -> Bool {
      instruction.destination.rawValue <= lastDestination
        && instruction.source.rawValue <= lastSource && !operands.contains(.special)
    }
  }

  /// Which registers are operands, and which of them get new values.
  struct Operands: OptionSet {
    let rawValue: UInt8

    static let destination = Operands(rawValue: 1)
    static let source = Operands(rawValue: 2)
    static let writesDestination = Operands(rawValue: 4)
    static let readsIntoSource = Operands(rawValue: 8)
    /// Fields are checked by a rule of the operation's own.
    static let special = Operands(rawValue: 16)
  }

  private var entries: [Entry] = []
  /// By opcode byte: its first entry; one more for the end.
  private var starts: [Int] = []

  fileprivate init() {
    for opcode in UInt8.min...UInt8.max {
      starts.append(entries.count)
      for operation in Operation.allCases where operation.encoding.opcode == opcode {
        entries.append(Entry(operation))
      }
    }
    starts.append(entries.count)
  }

  fileprivate func contains(_ opcode: UInt8) -> Bool {
    starts[Int(opcode)] < starts[Int(opcode) + 1]
  }

  @inline(__always)
  fileprivate func entry(for instruction: Instruction) -> Entry? {
    let word = instruction.littleEndianWord
    var index = starts[Int(instruction.opcode)]
    let end = starts[Int(instruction.opcode) &+ 1]
    while index < end {
      if word & entries[index].mask == entries[index].value { return entries[index] }
      index &+= 1
    }
    return nil
  }
}

extension OperationTable.Entry {
  fileprivate init(_ operation: Operation) {
    let encoding = operation.encoding
    var mask: UInt64 = 0xff
    var value = UInt64(encoding.opcode)
    let fields: [(field: Encoding.Field, shift: UInt64, mask: UInt64)] = [
      (encoding.destination, 8, 0xf), (encoding.source, 12, 0xf),
      (encoding.offset, 16, 0xffff), (encoding.immediate, 32, 0xffff_ffff),
    ]
    for field in fields {
      guard case .fixed(let fixed) = field.field else { continue }
      mask |= field.mask << field.shift
      value |= (UInt64(UInt32(bitPattern: fixed)) & field.mask) << field.shift
    }
    var operands: OperationTable.Operands = []
    if encoding.destination.isOperand { operands.insert(.destination) }
    if encoding.source.isOperand { operands.insert(.source) }
    if operation.writesDestination { operands.insert(.writesDestination) }
    if operation.readsIntoSource { operands.insert(.readsIntoSource) }
    if operation == .loadImmediate64 || operation == .callRegister { operands.insert(.special) }
    lastDestination =
      operands.contains(.writesDestination) ? 9 : operands.contains(.destination) ? 10 : .max
    lastSource = operands.contains(.readsIntoSource) ? 9 : operands.contains(.source) ? 10 : .max
    self.operation = operation
    self.operands = operands
    self.mask = mask
    self.value = value
  }
}

// The instruction classes, and the bits that say where the operand comes from and how memory is
// addressed (RFC 9669 section 3).
private enum Bits {
  static let ld: UInt8 = 0x00
  static let ldx: UInt8 = 0x01
  static let st: UInt8 = 0x02
  static let stx: UInt8 = 0x03
  static let alu: UInt8 = 0x04
  static let jmp: UInt8 = 0x05
  static let jmp32: UInt8 = 0x06
  static let alu64: UInt8 = 0x07
  static let register: UInt8 = 0x08
  static let absolute: UInt8 = 0x20
  static let indirect: UInt8 = 0x40
  static let memory: UInt8 = 0x60
  static let memorySignExtended: UInt8 = 0x80
  static let atomic: UInt8 = 0xc0
}

extension Encoding {
  fileprivate init(_ kind: Operation.Kind) {
    switch kind {
    case .arithmetic, .signExtendingMove, .negate, .byteOrder: self.init(arithmetic: kind)
    case .jump, .mayGoto, .branch, .tailCall, .callHelper, .callSubprogram, .callKernelFunction,
      .callRegister, .exit:
      self.init(jump: kind)
    case .loadImmediate64, .loadPacket, .load, .store, .atomic, .loadAcquire, .storeRelease:
      self.init(memory: kind)
    }
  }

  private init(arithmetic kind: Operation.Kind) {
    switch kind {
    case .arithmetic(let operation, let width, let operand):
      self.init(opcode: width.arithmeticClass | operation.bits | operand.bits)
      (source, immediate) = operand.fields
      if operation == .signedDivide || operation == .signedModulo { offset = .fixed(1) }
    case .signExtendingMove(let bits, let width):
      self.init(
        opcode: width.arithmeticClass | Operation.Arithmetic.move.bits | Bits.register,
        source: .operand, offset: .fixed(Int32(bits)))
    case .negate(let width):
      self.init(opcode: width.arithmeticClass | 0x80)
    case .byteOrder(let order, let bits):
      let opcode: UInt8 =
        switch order {
        case .toLittleEndian: Bits.alu | 0xd0
        case .toBigEndian: Bits.alu | 0xd0 | Bits.register
        case .swap: Bits.alu64 | 0xd0
        }
      self.init(opcode: opcode, immediate: .fixed(Int32(bits)))
    default:
      fatalError("not arithmetic: \(kind)")
    }
    destination = .operand
  }

  private init(jump kind: Operation.Kind) {
    switch kind {
    case .jump(long: false): self.init(opcode: Bits.jmp, offset: .operand)
    case .jump(long: true): self.init(opcode: Bits.jmp32, immediate: .operand)
    case .mayGoto: self.init(opcode: Bits.jmp | 0xe0, offset: .operand)
    case .branch(let condition, let width, let operand):
      self.init(
        opcode: (width == .bits64 ? Bits.jmp : Bits.jmp32) | condition.bits | operand.bits,
        destination: .operand, offset: .operand)
      (source, immediate) = operand.fields
    case .tailCall:
      self.init(opcode: Opcode.call, immediate: .fixed(Opcode.tailCallHelper))
    case .callHelper: self.init(opcode: Opcode.call, immediate: .operand)
    case .callSubprogram:
      self.init(opcode: Opcode.call, source: .fixed(1), immediate: .operand)
    case .callKernelFunction:
      self.init(opcode: Opcode.call, source: .fixed(2), offset: .operand, immediate: .operand)
    case .callRegister:
      // Compilers before LLVM 19 name the register in the immediate, later ones in the destination.
      self.init(
        opcode: Opcode.call | Bits.register, destination: .operand, immediate: .operand)
    case .exit: self.init(opcode: Opcode.exit)
    default: fatalError("not a jump: \(kind)")
    }
  }

  private init(memory kind: Operation.Kind) {
    switch kind {
    case .loadImmediate64:
      self.init(
        opcode: Opcode.loadImmediate64, destination: .operand, source: .operand,
        immediate: .operand)
    case .loadPacket(let size, let indirect):
      self.init(
        opcode: Bits.ld | (indirect ? Bits.indirect : Bits.absolute) | size.bits,
        source: indirect ? .operand : .fixed(0), immediate: .operand)
    case .load(let size, let signExtended):
      self.init(
        opcode: Bits.ldx | (signExtended ? Bits.memorySignExtended : Bits.memory) | size.bits,
        destination: .operand, source: .operand, offset: .operand)
    case .store(let size, let operand):
      self.init(
        opcode: (operand == .immediate ? Bits.st : Bits.stx) | Bits.memory | size.bits,
        destination: .operand, offset: .operand)
      (source, immediate) = operand.fields
    case .atomic(let update, let size): self.init(atomic: update.immediate, size)
    case .loadAcquire(let size): self.init(atomic: 0x100, size)
    case .storeRelease(let size): self.init(atomic: 0x110, size)
    default: fatalError("not a memory access: \(kind)")
    }
  }

  private init(atomic immediate: Int32, _ size: Operation.Size) {
    self.init(
      opcode: Bits.stx | Bits.atomic | size.bits, destination: .operand, source: .operand,
      offset: .operand, immediate: .fixed(immediate))
  }
}

extension Operation.Width {
  fileprivate var arithmeticClass: UInt8 { self == .bits64 ? Bits.alu64 : Bits.alu }
}

extension Operation.Operand {
  fileprivate var bits: UInt8 { self == .register ? Bits.register : 0 }

  /// The fields of source register and immediate: one is the operand, the other unused.
  fileprivate var fields: (source: Encoding.Field, immediate: Encoding.Field) {
    self == .register ? (.operand, .fixed(0)) : (.fixed(0), .operand)
  }
}

extension Operation.Size {
  fileprivate var bits: UInt8 {
    switch self {
    case .word: 0x00
    case .half: 0x08
    case .byte: 0x10
    case .doubleWord: 0x18
    }
  }
}

extension Operation.Arithmetic {
  fileprivate var bits: UInt8 {
    switch self {
    case .add: 0x00
    case .subtract: 0x10
    case .multiply: 0x20
    case .divide, .signedDivide: 0x30
    case .or: 0x40
    case .and: 0x50
    case .shiftLeft: 0x60
    case .shiftRight: 0x70
    case .modulo, .signedModulo: 0x90
    case .xor: 0xa0
    case .move: 0xb0
    case .arithmeticShiftRight: 0xc0
    }
  }
}

extension Operation.Condition {
  fileprivate var bits: UInt8 {
    switch self {
    case .equal: 0x10
    case .greater: 0x20
    case .greaterOrEqual: 0x30
    case .bitsSet: 0x40
    case .notEqual: 0x50
    case .signedGreater: 0x60
    case .signedGreaterOrEqual: 0x70
    case .less: 0xa0
    case .lessOrEqual: 0xb0
    case .signedLess: 0xc0
    case .signedLessOrEqual: 0xd0
    }
  }
}

extension Operation.AtomicUpdate {
  fileprivate var immediate: Int32 {
    switch self {
    case .add: 0x00
    case .or: 0x40
    case .and: 0x50
    case .xor: 0xa0
    case .fetchAdd: 0x01
    case .fetchOr: 0x41
    case .fetchAnd: 0x51
    case .fetchXor: 0xa1
    case .exchange: 0xe1
    case .compareExchange: 0xf1
    }
  }
}
