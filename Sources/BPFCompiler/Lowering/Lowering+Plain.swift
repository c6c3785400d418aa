import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// What no step says better than the instruction itself.
  mutating func lowerPlain(_ step: Step, _ block: Plan.Block) throws(LoadError) {
    let index = Int(step.origin)
    let i = unit.instructions[index]
    switch i.operation.kind {
    case .arithmetic(let operation, let width, let operand):
      if unit.functionAddresses[index] != nil {
        lowerFunctionAddress(i, at: index)
      } else if operation == .add || operation == .subtract {
        lowerMovement(operation, i, at: index)
      } else if operation == .divide || operation == .modulo || operation == .signedDivide
        || operation == .signedModulo
      {
        let size = width == .bits32 ? .word : step.size
        lowerDivision(operation, size, operand, i, liveBehind: step.liveBehind)
      } else {
        lowerShiftInPlace(operation, width.size, i)
      }
    case .byteOrder:
      let register = machine(i.destination)
      out.shift(.rotateLeft, .half, register, by: 8)
      out.moveZeroExtended(.half, register, register)
    case .mayGoto: lowerMayGoto(to: block.taken)
    case .tailCall: lowerTailCall(i)
    case .callHelper:
      let address = step.hasImmediate ? step.immediate : i.immediate
      lowerHelperCall(UInt64(bitPattern: address), callsBack: i.source != 0)
    case .callSubprogram: lowerSubprogramCall(index + 1 + Int(i.offset))
    case .callKernelFunction:
      throw .kernelFunction(Int32(truncatingIfNeeded: i.immediate), instruction: 0)
    case .callRegister: lowerRegisterCall(i, at: index)
    case .exit: lowerExit()
    case .loadPacket(let size, let indirect): lowerPacketLoad(size, indirect: indirect, i)
    case .load(let size, let signExtended):
      lowerLoad(size, signExtended: signExtended, i, at: index)
    case .store(let size, let operand): lowerStore(size, operand, i, at: index)
    case .atomic(let update, let size): lowerAtomic(update, size.operandSize, i)
    // Loads and stores of x86-64 acquire and release by themselves.
    case .loadAcquire(let size): lowerLoad(size, signExtended: false, i, at: index)
    case .storeRelease(let size): lowerStore(size, .register, i, at: index)
    case .signExtendingMove, .negate, .jump, .branch, .loadImmediate64:
      preconditionFailure("these are steps or the ends of blocks")
    }
  }

  /// A shift by a register without BMI2.
  private mutating func lowerShiftInPlace(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ i: DecodedInstruction
  ) {
    let destination = machine(i.destination)
    let count = machine(i.source)
    let shift = operation.shift
    if count == .rcx {
      out.shiftByCL(shift, size, destination)
      // A 32-bit shift by zero writes nothing, so the upper half stays.
      if size == .word { out.move(.word, destination, destination) }
    } else {
      // r4 is in rcx: it waits elsewhere.
      let saved = RegisterAssignment.scratch2
      out.move(.doubleWord, saved, .rcx)
      out.move(.word, .rcx, count)
      let shifted = destination == .rcx ? saved : destination
      out.shiftByCL(shift, size, shifted)
      if size == .word { out.move(.word, shifted, shifted) }
      out.move(.doubleWord, .rcx, saved)
    }
  }
}

extension Operation.Arithmetic {
  /// The machine's name of a shift.
  var shift: ShiftOperation {
    switch self {
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    default: .arithmeticShiftRight
    }
  }
}
