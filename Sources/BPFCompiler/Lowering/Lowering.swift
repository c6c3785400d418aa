import BPFInstructions
import BPFRuntime
import X86Assembler

/// Turns a program into machine code, instruction by instruction.
///
/// The extensions of this type are the table of what each operation becomes.
struct Lowering: ~Copyable {
  var out: Encoder
  let unit: CompilationUnit
  let shape: ProgramShape
  let context: ContextTracking?
  let entryCode: EntryCode
  let region: Range<UInt64>
  /// Whether shifts by a register may use BMI2.
  let hasBMI2: Bool
  /// Whether jumps may be short where an estimate says that they reach.
  let usesShortJumps: Bool

  /// One per instruction, used where a jump leads to it.
  let labels: [Encoder.Label]
  /// The entries of functions, by their first instruction.
  let functionLabels: [Int: Encoder.Label]
  /// The function that is being compiled.
  var function: ProgramShape.Function
  var known = KnownValues()
  /// What comes behind the last instruction, because it is rarely executed.
  var cold: [ColdCode] = []
  /// Sums of the instructions' longest codes, for the reach of short jumps.
  private let longest: [Int32]

  init(
    _ unit: CompilationUnit, _ region: CodeRegion, hasBMI2: Bool, usesShortJumps: Bool
  ) throws(LoadError) {
    let shape = try ProgramShape(unit)
    var out = Encoder(capacity: unit.instructions.count * 8 + 256)
    labels = out.makeLabels(unit.instructions.count)
    functionLabels = Dictionary(
      uniqueKeysWithValues: shape.functions.map { ($0.range.lowerBound, out.makeLabel()) })
    function = shape.functions[0]
    let context = unit.context.isKeptAsSeen ? nil : ContextTracking(unit, shape)
    self.context = context
    var sum: Int32 = 0
    longest = unit.instructions.enumerated().map { index, instruction in
      defer { sum &+= Self.longestCode(of: instruction.operation, context != nil) }
      if shape.isLoopHead[index] { sum &+= Int32(CodeRegion.granule) }
      return sum
    }
    self.out = out
    self.unit = unit
    self.shape = shape
    self.hasBMI2 = hasBMI2
    self.usesShortJumps = usesShortJumps
    entryCode = region.entryCode
    self.region = region.addresses
  }

  /// Compiles the whole program.
  consuming func lower() throws(LoadError) -> Encoder {
    for function in shape.functions {
      self.function = function
      if let label = functionLabels[function.range.lowerBound] { out.bind(label) }
      enterFunction()
      known.forget()
      var index = function.range.lowerBound
      while index < function.range.upperBound {
        if shape.isTarget[index] { known.forget() }
        if shape.isLoopHead[index] { alignLoop() }
        out.bind(labels[index])
        let count = lowerFused(at: index)
        if count == 0 { try lower(at: index) }
        for followed in index..<index + max(count, 1) { follow(followed) }
        index += max(count, 1)
      }
    }
    lowerCold()
    return out
  }

  private mutating func follow(_ index: Int) {
    let i = unit.instructions[index]
    let mayYieldPointer =
      (i.operation == .loadWord || i.operation == .loadAcquireWord)
      && redirectedWord(at: Int(i.offset), base: i.source, i, index) != nil
    known.follow(i, mayYieldPointer: mayYieldPointer)
  }

  /// Loops start where a fetch of the processor starts.
  private mutating func alignLoop() {
    var padding = -(out.count + CodeRegion.headerByteCount) & (CodeRegion.granule - 1)
    while padding > 0 {
      out.nop(byteCount: min(padding, 9))
      padding -= min(padding, 9)
    }
  }

  private mutating func lower(at index: Int) throws(LoadError) {
    let i = unit.instructions[index]
    switch i.operation.kind {
    case .arithmetic(let operation, let width, let operand):
      if unit.functionAddresses[index] != nil {
        lowerFunctionAddress(i, at: index)
      } else {
        lowerArithmetic(operation, width.size, operand, i)
      }
    case .signExtendingMove(let bits, let width):
      out.moveSignExtended(
        bits == 8 ? .byte : bits == 16 ? .half : .word, machine(i.destination),
        machine(i.source), to: width.size)
    case .negate(let width): out.unary(.negate, width.size, machine(i.destination))
    case .byteOrder(let order, let bits): lowerByteOrder(order, bits, i)
    case .jump: lowerJump(to: index + 1 + Int(i.offset), from: index)
    case .mayGoto: lowerMayGoto(i, at: index)
    case .branch(let condition, let width, let operand):
      lowerBranch(condition, width.size, operand, i, at: index)
    case .tailCall: lowerTailCall(i)
    case .callHelper:
      lowerHelperCall(UInt64(bitPattern: i.immediate), callsBack: i.source != 0)
    case .callSubprogram: lowerSubprogramCall(index + 1 + Int(i.offset))
    case .callKernelFunction:
      throw .kernelFunction(Int32(truncatingIfNeeded: i.immediate), instruction: 0)
    case .callRegister: lowerRegisterCall(i, at: index)
    case .exit: lowerExit()
    case .loadImmediate64:
      out.move(machine(i.destination), UInt64(bitPattern: i.immediate))
    case .loadPacket(let size, let indirect): lowerPacketLoad(size, indirect: indirect, i)
    case .load(let size, let signExtended):
      lowerLoad(size, signExtended: signExtended, i, at: index)
    case .store(let size, let operand): lowerStore(size, operand, i, at: index)
    case .atomic(let update, let size): lowerAtomic(update, size.operandSize, i)
    // Loads and stores of x86-64 acquire and release by themselves.
    case .loadAcquire(let size): lowerLoad(size, signExtended: false, i, at: index)
    case .storeRelease(let size): lowerStore(size, .register, i, at: index)
    }
  }

  /// The machine register of a BPF register.
  func machine(_ register: UInt8) -> MachineRegister {
    RegisterAssignment.machine[Int(register)]
  }

  /// Whether the instruction belongs to the straight line that the one before it is in.
  func continues(at index: Int) -> Bool {
    function.range.contains(index) && !shape.isTarget[index]
  }

  /// Whether a short jump between two instructions surely reaches.
  func isShort(from index: Int, to target: Int) -> Bool {
    guard usesShortJumps else { return false }
    if target <= index {
      guard let position = out.position(of: labels[target]) else { return false }
      // The jump itself, with its comparison in front.
      return out.count - position <= 126 - 12
    }
    return longest[target] &- longest[index] <= 127
  }

  /// How many bytes the code of an operation can have; what is behind the program does not count.
  private static func longestCode(of operation: Operation, _ comparesContext: Bool) -> Int32 {
    switch operation.kind {
    case .arithmetic(.divide, _, _), .arithmetic(.signedDivide, _, _), .arithmetic(.modulo, _, _),
      .arithmetic(.signedModulo, _, _):
      48
    case .arithmetic, .signExtendingMove, .negate, .byteOrder, .loadImmediate64: 14
    case .jump: 5
    case .branch: 13
    case .mayGoto: 16
    case .load, .loadAcquire: comparesContext ? 24 : 9
    case .store, .storeRelease: comparesContext ? 40 : 13
    case .atomic: 40
    case .callHelper: 64
    case .exit: 6
    case .tailCall, .callSubprogram, .callKernelFunction, .callRegister, .loadPacket: 128
    }
  }
}

extension Operation.Width {
  var size: OperandSize { self == .bits32 ? .word : .doubleWord }
}

extension Operation.Size {
  var operandSize: OperandSize {
    switch self {
    case .byte: .byte
    case .half: .half
    case .word: .word
    case .doubleWord: .doubleWord
    }
  }
}

extension ContextLayout {
  /// Whether every field is in memory as the program sees it.
  var isKeptAsSeen: Bool { !fields.contains { $0.value != .stored || $0.storage != .plain } }
}
