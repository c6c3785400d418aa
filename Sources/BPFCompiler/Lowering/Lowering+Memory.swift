import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// `destination = *(size *)(source + offset)`.
  mutating func lowerLoad(
    _ size: Operation.Size, signExtended: Bool, _ i: DecodedInstruction, at index: Int
  ) {
    let destination = machine(i.destination)
    let memory = MemoryOperand(machine(i.source), i.offset)
    guard size == .word || size == .doubleWord, !signExtended,
      let word = redirectedWord(
        at: Int(i.offset), byteCount: size.byteCount, base: i.source, i, index)
    else {
      load(size, signExtended, destination, memory)
      return
    }
    let redirected = MemoryOperand(machine(i.source), Int32(truncatingIfNeeded: word))
    if context?.base(of: i, at: index, i.source) == .context {
      out.load(.doubleWord, destination, redirected)
      return
    }
    let resume = out.makeLabel()
    let isContext = out.makeLabel()
    cold.append(ColdCode(isContext, resume, .load(destination, redirected)))
    compareWithContext(machine(i.source))
    out.jump(if: .equal, isContext)
    load(size, signExtended, destination, memory)
    out.bind(resume)
  }

  /// A load as it stands, from any address.
  mutating func load(
    _ size: Operation.Size, _ signExtended: Bool, _ destination: MachineRegister,
    _ memory: MemoryOperand
  ) {
    switch (size, signExtended) {
    case (.doubleWord, _): out.load(.doubleWord, destination, memory)
    case (_, true): out.loadSignExtended(size.operandSize, destination, memory)
    case (.word, false): out.load(.word, destination, memory)
    default: out.loadZeroExtended(size.operandSize, destination, memory)
    }
  }

  /// `*(size *)(destination + offset) = source`, or an immediate.
  mutating func lowerStore(
    _ size: Operation.Size, _ operand: Operation.Operand, _ i: DecodedInstruction, at index: Int
  ) {
    let memory = MemoryOperand(machine(i.destination), i.offset)
    let storage =
      size == .word && context?.base(of: i, at: index, i.destination) != .other
      ? unit.context.storage(ofStoreAt: Int(i.offset)) : .plain
    guard context != nil, storage != .plain else {
      store(size, operand, i, memory)
      return
    }
    let value = RegisterAssignment.scratch2
    if operand == .register {
      out.move(.doubleWord, value, machine(i.source))
    } else {
      load(value, UInt64(bitPattern: i.immediate))
    }
    let resume = out.makeLabel()
    let isContext = out.makeLabel()
    let isHalf = storage == .lowHalf
    cold.append(ColdCode(isContext, resume, .storeHalf(value, memory, allowsAll: isHalf)))
    if context?.base(of: i, at: index, i.destination) == .context {
      out.jump(isContext)
    } else {
      compareWithContext(machine(i.destination))
      out.jump(if: .equal, isContext)
      out.store(.word, memory, value)
    }
    out.bind(resume)
  }

  private mutating func store(
    _ size: Operation.Size, _ operand: Operation.Operand, _ i: DecodedInstruction,
    _ memory: MemoryOperand
  ) {
    if operand == .register {
      out.store(size.operandSize, memory, machine(i.source))
    } else if isHardened {
      load(RegisterAssignment.scratch2, UInt64(bitPattern: i.immediate))
      out.store(size.operandSize, memory, RegisterAssignment.scratch2)
    } else {
      out.store(size.operandSize, memory, Int32(truncatingIfNeeded: i.immediate))
    }
  }

  private mutating func compareWithContext(_ base: MachineRegister) {
    isBare = false
    out.binary(
      .compare, .doubleWord, base,
      MemoryOperand(RegisterAssignment.cpu, CompiledServices.contextOffset))
  }

  /// Where a load of a word goes instead, relative to its base, if the base may be the context.
  func redirectedWord(
    at offset: Int, byteCount: Int, base: UInt8, _ i: DecodedInstruction, _ index: Int
  ) -> Int? {
    guard let context, context.base(of: i, at: index, base) != .other else { return nil }
    return unit.context.redirectedWord(ofLoadAt: offset, byteCount: byteCount)
  }

  /// A load from the packet (RFC 9669 section 5.5); outside of it the function returns 0.
  mutating func lowerPacketLoad(
    _ size: Operation.Size, indirect: Bool, _ i: DecodedInstruction
  ) {
    let offset = Int32(truncatingIfNeeded: i.immediate)
    if indirect, !isHardened {
      out.loadAddress(
        .word, RegisterAssignment.scratch, MemoryOperand(machine(i.source), offset))
    } else {
      load(RegisterAssignment.scratch, UInt64(UInt32(bitPattern: offset)))
      if indirect { out.binary(.add, .word, RegisterAssignment.scratch, machine(i.source)) }
    }
    out.move(RegisterAssignment.scratch2, UInt64(size.rawValue))
    out.call(address: entryCode.loadPacket)
    let outside = out.makeLabel()
    cold.append(ColdCode(outside, nil, .exitWithZero(hasIterations: function.hasIterations)))
    // -1 stands for outside: no value has more than 32 bits.
    out.binary(.compare, .doubleWord, RegisterAssignment.scratch, -1)
    out.jump(if: .equal, outside)
    out.move(.word, .rax, RegisterAssignment.scratch)
  }
}
