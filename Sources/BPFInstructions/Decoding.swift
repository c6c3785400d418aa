extension Operation {
  /// Finds the operation that a slot encodes and checks every field of the slot.
  ///
  /// Checks what can be told from the slot alone: see ``Swift/Array/validate()`` for jump targets
  /// and the second halves of wide instructions.
  ///
  /// - Parameters:
  ///   - instruction: The slot.
  ///   - index: Its place in the program, for the error.
  /// - Throws: ``InstructionError`` with the first thing that is wrong.
  public init(_ instruction: Instruction, at index: Int) throws(InstructionError) {
    guard let entry = Self.matching(instruction) else {
      throw InstructionError(
        index: index,
        reason: Self.isKnown(instruction.opcode)
          ? .reservedFields(opcode: instruction.opcode) : .unknownOpcode(instruction.opcode))
    }
    // The check that finds out what is wrong is only needed where something may be.
    if !entry.takes(instruction) {
      try entry.operation.checkOperands(entry.operands, of: instruction, at: index)
    }
    self = entry.operation
  }

  private func checkOperands(
    _ operands: OperationTable.Operands, of instruction: Instruction, at index: Int
  ) throws(InstructionError) {
    if operands.contains(.destination) {
      try Self.check(instruction.destination, at: index)
      if operands.contains(.writesDestination), instruction.destination == .r10 {
        throw InstructionError(index: index, reason: .framePointerWritten)
      }
    }
    if operands.contains(.special) {
      try checkSpecial(instruction, at: index)
    }
    if operands.contains(.source), self != .loadImmediate64 {
      try Self.check(instruction.source, at: index)
      if operands.contains(.readsIntoSource), instruction.source == .r10 {
        throw InstructionError(index: index, reason: .framePointerWritten)
      }
    }
  }

  private func checkSpecial(
    _ instruction: Instruction, at index: Int
  ) throws(InstructionError) {
    if self == .loadImmediate64 {
      guard PseudoSource(rawValue: instruction.source.rawValue) != nil else {
        throw InstructionError(
          index: index, reason: .unknownPseudoSource(instruction.source.rawValue))
      }
    }
    if self == .callRegister {
      let inImmediate = instruction.destination == .r0 && (1...10).contains(instruction.immediate)
      guard instruction.immediate == 0 || inImmediate else {
        throw InstructionError(index: index, reason: .reservedFields(opcode: instruction.opcode))
      }
    }
  }

  private static func check(_ register: Register, at index: Int) throws(InstructionError) {
    guard register.isValid else {
      throw InstructionError(index: index, reason: .invalidRegister(register.rawValue))
    }
  }

  /// Whether the destination register gets a new value.
  public var writesDestination: Bool {
    switch kind {
    case .arithmetic, .signExtendingMove, .negate, .byteOrder, .loadImmediate64, .load,
      .loadAcquire:
      true
    default: false
    }
  }

  /// Whether the source register gets the old value of memory: atomics that fetch, except
  /// compare-and-exchange, which leaves it in r0.
  public var readsIntoSource: Bool {
    guard case .atomic(let update, _) = kind else { return false }
    switch update {
    case .fetchAdd, .fetchOr, .fetchAnd, .fetchXor, .exchange: return true
    case .add, .or, .and, .xor, .compareExchange: return false
    }
  }
}

extension Instruction {
  /// The register that `callx` calls through: in the destination field, or, as compilers before
  /// LLVM 19 wrote it, in the immediate.
  public var calledRegister: Register {
    immediate == 0 ? destination : Register(rawValue: UInt8(truncatingIfNeeded: immediate))
  }

  /// The 64-bit immediate of a wide instruction whose second slot is `next`.
  public func wideImmediate(next: Instruction) -> UInt64 {
    UInt64(UInt32(bitPattern: immediate)) | UInt64(UInt32(bitPattern: next.immediate)) << 32
  }
}

extension [Instruction] {
  /// Checks that the program is well formed and returns the operation of every slot; `nil` stands
  /// for the second slot of a wide instruction.
  ///
  /// After this every jump and subprogram call lands on an instruction, no path runs off the end,
  /// and every field is meaningful. Nothing is said about what the program does.
  ///
  /// - Throws: ``InstructionError`` for the first malformed instruction.
  @discardableResult
  public func validate() throws(InstructionError) -> [Operation?] {
    guard let last = indices.last else { throw InstructionError(index: 0, reason: .empty) }
    var operations: [Operation?] = []
    operations.reserveCapacity(count)
    while operations.count < count {
      let index = operations.count
      let operation = try Operation(self[index], at: index)
      operations.append(operation)
      guard operation == .loadImmediate64 else { continue }
      guard index < last, self[index + 1].isSecondHalf else {
        throw InstructionError(index: index, reason: .malformedWideImmediate)
      }
      operations.append(nil)
    }
    for index in indices where self[index].mayRefer {
      guard let operation = operations[index], let target = jumpTarget(of: operation, at: index)
      else { continue }
      guard indices.contains(target) else {
        throw InstructionError(index: index, reason: .targetOutOfRange(target))
      }
      guard operations[target] != nil else {
        throw InstructionError(index: index, reason: .targetInsideWideInstruction(target))
      }
    }
    guard let end = operations[last], end.endsBlock else {
      throw InstructionError(index: last, reason: .fallsOffTheEnd)
    }
    return operations
  }

  /// The slot that a jump, a subprogram call or a function address refers to, if the instruction
  /// is one; it may lie outside the program.
  public func jumpTarget(of operation: Operation, at index: Int) -> Int? {
    let instruction = self[index]
    guard instruction.mayRefer else { return nil }
    switch operation.kind {
    case .jump(long: false), .branch, .mayGoto: return index + 1 + Int(instruction.offset)
    case .jump(long: true), .callSubprogram: return index + 1 + Int(instruction.immediate)
    case .loadImmediate64 where instruction.source.rawValue == PseudoSource.function.rawValue:
      return index + 1 + Int(instruction.immediate)
    default: return nil
    }
  }
}

extension Instruction {
  /// Whether this can be the second slot of a wide instruction: nothing but an immediate.
  var isSecondHalf: Bool {
    opcode == 0 && destination == .r0 && source == .r0 && offset == 0
  }

  /// Whether this can refer to another instruction: most cannot.
  var mayRefer: Bool { opcode & 7 == 5 || opcode & 7 == 6 || opcode == Opcode.loadImmediate64 }
}

extension Operation {
  /// Whether execution never continues with the next instruction.
  public var endsBlock: Bool { self == .exit || self == .jump || self == .jumpLong }
}
