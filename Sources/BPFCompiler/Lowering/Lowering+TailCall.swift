import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// A tail call (tail-calls.md R1.12): bounds, slot, budget, jump. Nothing is unwound, because
  /// every program finds the same registers and the same stack.
  ///
  /// Whatever does not go through continues behind the program, where the runtime looks again,
  /// counts, and, when tail calls are written down, does it all: then the budget register is 0.
  mutating func lowerTailCall(_ i: DecodedInstruction) {
    let slow = out.makeLabel()
    let spent = out.makeLabel()
    let resume = out.makeLabel()
    let site = UInt64(bitPattern: i.immediate)
    cold.append(ColdCode(spent, nil, .budgetSpent))
    cold.append(
      ColdCode(slow, resume, .tailCall(site: site, hasIterations: function.hasIterations)))
    let entry = RegisterAssignment.scratch
    guard loadSlot(entry, slow) else {
      // The index is known to be out of range.
      out.jump(slow)
      out.bind(resume)
      return
    }
    out.test(.doubleWord, entry, entry)
    out.jump(if: .equal, slow)
    out.binary(.subtract, .word, RegisterAssignment.budget, 1)
    out.jump(if: .below, spent)
    leaveFunction(hasIterations: function.hasIterations)
    out.jump(entry)
    out.bind(resume)
  }

  /// Loads what is in the slot; `false` if there is none for sure.
  private mutating func loadSlot(_ entry: MachineRegister, _ slow: Encoder.Label) -> Bool {
    let array = machine(2)
    let index = machine(3)
    guard let table = known.constant(2).flatMap({ unit.arrays[$0] }) else {
      out.binary(
        .compare, .word, index, MemoryOperand(array, CompiledServices.slotCountOffset))
      out.jump(if: .aboveOrEqual, slow)
      let masked = maskedIndex(index)
      out.load(.doubleWord, entry, MemoryOperand(array, CompiledServices.tableOffsetOffset))
      out.binary(.add, .doubleWord, entry, generation)
      out.load(.doubleWord, entry, MemoryOperand(entry))
      loadSlot(entry, at: masked)
      return true
    }
    // Hardened code keeps the number in its register.
    let number = isHardened ? nil : known.constant(3)
    guard let constant = number.map({ UInt32(truncatingIfNeeded: $0) }) else {
      out.binary(.compare, .word, index, Int32(bitPattern: table.count))
      out.jump(if: .aboveOrEqual, slow)
      let masked = maskedIndex(index)
      loadSlots(entry, of: table)
      loadSlot(entry, at: masked)
      return true
    }
    guard constant < table.count else { return false }
    loadSlots(entry, of: table)
    if let offset = Int32(exactly: UInt64(constant) &* 8) {
      out.load(.doubleWord, entry, MemoryOperand(entry, offset))
    } else {
      out.move(RegisterAssignment.scratch2, UInt64(constant))
      out.load(
        .doubleWord, entry, MemoryOperand(entry, index: RegisterAssignment.scratch2, .eight))
    }
    return true
  }

  /// The word with the address of the table that the run started with.
  private var generation: MemoryOperand {
    MemoryOperand(RegisterAssignment.cpu, CompiledServices.generationOffset)
  }

  /// Loads the address of an array's slots in the run's generation. The loads do not wait for
  /// anything that the program computes, so they cost next to nothing.
  private mutating func loadSlots(
    _ slots: MachineRegister, of table: CompilationUnit.SlotTable
  ) {
    out.load(.doubleWord, slots, generation)
    out.load(.doubleWord, slots, MemoryOperand(slots, table.offset))
  }

  /// Right behind the comparison with the number of slots: the index, or 0 where it is not below.
  private mutating func maskedIndex(_ index: MachineRegister) -> MachineRegister {
    guard isHardened else { return index }
    let masked = RegisterAssignment.scratch2
    out.move(.word, masked, index)
    maskIndex(masked, with: RegisterAssignment.scratch)
    return masked
  }

  private mutating func loadSlot(_ base: MachineRegister, at index: MachineRegister) {
    var index = index
    if index == machine(3), !known.isZeroExtended(3) {
      // Only the low half of r3 is the index (R1.5).
      out.move(.word, RegisterAssignment.scratch2, index)
      index = RegisterAssignment.scratch2
    }
    out.load(.doubleWord, base, MemoryOperand(base, index: index, .eight))
  }
}
