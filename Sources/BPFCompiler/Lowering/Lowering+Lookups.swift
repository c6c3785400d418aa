import BPFRuntime
import X86Assembler

extension Lowering {
  /// The address of a value of an array (maps-and-helpers.md: arrays), or 0 if there is none with
  /// that number.
  mutating func lowerLookup(_ step: Step) {
    flags = nil
    let map = UInt64(bitPattern: step.immediate)
    guard let array = unit.valueArrays[map] else { return }
    let result = machine(step.destination)
    let base = RegisterAssignment.scratch
    if step.hasImmediate {
      let number = UInt64(UInt32(bitPattern: step.displacement))
      loadCopyOffset(result, array)
      load(base, array.base &+ number &* array.stride)
      out.binary(.add, .doubleWord, result, base)
      return
    }
    if step.left == Step.none {
      out.load(.word, result, memory(step))
    } else {
      out.move(.word, result, machine(step.left))
    }
    let missing = out.makeLabel()
    let resume = out.makeLabel()
    cold.append(ColdCode(missing, resume, .zero(result)))
    out.binary(.compare, .word, result, Int32(bitPattern: array.count))
    out.jump(if: .aboveOrEqual, missing)
    maskIndex(result, with: base)
    out.move(base, array.base)
    if array.stride == 8 {
      out.loadAddress(.doubleWord, result, MemoryOperand(base, index: result, .eight))
    } else {
      scale(result, by: array.stride)
      out.binary(.add, .doubleWord, result, base)
    }
    if array.copyStride != 0 {
      loadCopyOffset(RegisterAssignment.scratch2, array)
      out.binary(.add, .doubleWord, result, RegisterAssignment.scratch2)
    }
    out.bind(resume)
  }

  private mutating func scale(_ register: MachineRegister, by stride: UInt64) {
    if stride.nonzeroBitCount == 1 {
      let count = UInt8(truncatingIfNeeded: stride.trailingZeroBitCount)
      out.shift(.shiftLeft, .doubleWord, register, by: count)
    } else {
      out.multiply(.doubleWord, register, register, Int32(truncatingIfNeeded: stride))
    }
  }

  /// How far the running CPU's copy of the values is from the first one.
  private mutating func loadCopyOffset(
    _ register: MachineRegister, _ array: CompilationUnit.ValueArray
  ) {
    out.load(
      .word, register, MemoryOperand(RegisterAssignment.cpu, CompiledServices.processorOffset))
    scale(register, by: array.copyStride)
  }
}
