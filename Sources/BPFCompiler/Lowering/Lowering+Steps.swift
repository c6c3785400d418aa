import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// The machine register of a BPF register, or of a step's temporary.
  @inline(__always)
  func machine(_ register: UInt8) -> MachineRegister {
    RegisterAssignment.machine[Int(register)]
  }

  mutating func lower(_ step: Step) {
    if isHardened { write(hardened(step)) } else { write(step) }
  }

  private mutating func write(_ step: Step) {
    let destination = step.destination
    switch step.form {
    case .removed, .plain: break
    case .constant:
      loadConstant(machine(destination), UInt64(bitPattern: step.immediate))
      flags = nil
    case .move: out.move(step.size, machine(destination), machine(step.left))
    case .binary: lowerBinary(step)
    case .shift: lowerShift(step)
    case .signExtend:
      out.moveSignExtended(
        step.accessSize, machine(destination), machine(step.left), to: step.size)
    case .zeroExtend:
      out.moveZeroExtended(step.accessSize, machine(destination), machine(step.left))
    case .negate, .swapBytes: lowerUnary(step)
    case .countBits:
      out.countBits(step.size, machine(destination), machine(step.left))
      flags = nil
    case .address: lowerAddress(step)
    case .load: lowerLoad(step)
    case .binaryLoad:
      if step.isProduct {
        out.multiply(step.size, machine(destination), memory(step))
      } else {
        out.binary(step.binary, step.size, machine(destination), memory(step))
      }
      flags = nil
    case .lookup: lowerLookup(step)
    case .store: lowerStore(step)
    case .compare: compare(step)
    case .select:
      let code = step.condition.code
      out.move(
        if: step.hasImmediate ? code.inverted : code, .doubleWord, machine(destination),
        machine(step.left))
    }
    if let flags, step.form != .binary, flags.register == destination, step.writes != 0 {
      self.flags = nil
    }
  }

  /// Puts a number into a register; flags may change.
  mutating func loadConstant(_ destination: MachineRegister, _ value: UInt64) {
    if value == 0 {
      out.binary(.xor, .word, destination, destination)
    } else {
      load(destination, value)
    }
  }

  // MARK: Arithmetic

  private mutating func lowerBinary(_ step: Step) {
    let destination = machine(step.destination)
    let left = machine(step.left)
    flags = nil
    if step.isProduct { return lowerProduct(step, destination, left) }
    if step.hasImmediate {
      let immediate = Int32(truncatingIfNeeded: step.immediate)
      if step.binary == .add, destination != left {
        return out.loadAddress(step.size, destination, MemoryOperand(left, immediate))
      }
      if destination != left { out.move(step.size, destination, left) }
      out.binary(step.binary, step.size, destination, immediate)
    } else {
      let right = machine(step.right)
      if destination == left {
        out.binary(step.binary, step.size, destination, right)
      } else if step.binary == .add {
        return out.loadAddress(step.size, destination, MemoryOperand(left, index: right))
      } else if destination != right {
        out.move(step.size, destination, left)
        out.binary(step.binary, step.size, destination, right)
      } else if step.binary == .subtract {
        // left - d = -d + left
        out.unary(.negate, step.size, destination)
        out.binary(.add, step.size, destination, left)
      } else {
        out.binary(step.binary, step.size, destination, left)
      }
    }
    let isLogical = step.binary == .and || step.binary == .or || step.binary == .xor
    flags = Flags(register: step.destination, size: step.size, isComplete: isLogical)
  }

  private mutating func lowerProduct(
    _ step: Step, _ destination: MachineRegister, _ left: MachineRegister
  ) {
    if step.hasImmediate {
      out.multiply(step.size, destination, left, Int32(truncatingIfNeeded: step.immediate))
    } else if destination == left {
      out.multiply(step.size, destination, machine(step.right))
    } else if destination == machine(step.right) {
      out.multiply(step.size, destination, left)
    } else {
      out.move(step.size, destination, left)
      out.multiply(step.size, destination, machine(step.right))
    }
  }

  private mutating func lowerShift(_ step: Step) {
    let destination = machine(step.destination)
    let left = machine(step.left)
    guard step.hasImmediate else {
      out.shift(step.shift, step.size, destination, left, by: machine(step.right))
      return
    }
    flags = nil
    let count = UInt8(truncatingIfNeeded: step.immediate)
    if step.shift == .rotateLeft, destination != left, processor.hasBMI2 {
      let bits: UInt8 = step.size == .word ? 32 : 64
      return out.rotateRight(step.size, destination, left, by: bits - count)
    }
    if destination != left { out.move(step.size, destination, left) }
    out.shift(step.shift, step.size, destination, by: count)
  }

  private mutating func lowerUnary(_ step: Step) {
    let destination = machine(step.destination)
    flags = nil
    if step.left != step.destination { out.move(step.size, destination, machine(step.left)) }
    if step.form == .negate {
      out.unary(.negate, step.size, destination)
    } else {
      out.swapBytes(step.size, destination)
    }
  }

  private mutating func lowerAddress(_ step: Step) {
    let destination = machine(step.destination)
    let isSum = step.index != Step.none && step.scale == .one && step.displacement == 0
    if step.index == Step.none, step.displacement == 0 {
      out.move(step.size, destination, machine(step.base))
    } else if isSum, step.base == step.destination {
      flags = nil
      out.binary(.add, step.size, destination, machine(step.index))
    } else if isSum, step.index == step.destination {
      flags = nil
      out.binary(.add, step.size, destination, machine(step.base))
    } else if step.index == Step.none, step.base == step.destination {
      flags = nil
      out.binary(.add, step.size, destination, step.displacement)
    } else {
      out.loadAddress(step.size, destination, memory(step))
    }
  }

  // MARK: Memory

  @inline(__always)
  func memory(_ step: Step) -> MemoryOperand {
    step.index == Step.none
      ? MemoryOperand(machine(step.base), step.displacement)
      : MemoryOperand(
        machine(step.base), index: machine(step.index), step.scale, step.displacement)
  }

  private mutating func lowerLoad(_ step: Step) {
    let destination = machine(step.destination)
    let memory = memory(step)
    switch (step.accessSize, step.isSigned) {
    case (.doubleWord, _): out.load(.doubleWord, destination, memory)
    case (_, true): out.loadSignExtended(step.accessSize, destination, memory)
    case (.word, false): out.load(.word, destination, memory)
    default: out.loadZeroExtended(step.accessSize, destination, memory)
    }
  }

  private mutating func lowerStore(_ step: Step) {
    let memory = memory(step)
    if step.hasImmediate {
      out.store(step.accessSize, memory, Int32(truncatingIfNeeded: step.immediate))
    } else {
      out.store(step.accessSize, memory, machine(step.right))
    }
  }

  // MARK: Comparisons

  /// Sets the flags for a condition.
  mutating func compare(_ original: Step) {
    let step = isHardened ? hardened(original) : original
    let left = machine(step.left)
    let immediate = Int32(truncatingIfNeeded: step.immediate)
    switch (step.condition, step.hasImmediate) {
    case (.bitsSet, false): out.test(step.size, left, machine(step.right))
    case (.bitsSet, true):
      // A mask whose upper half is zero only looks at the lower half.
      out.test(immediate >= 0 ? .word : step.size, left, immediate)
    case (_, false): out.binary(.compare, step.size, left, machine(step.right))
    case (_, true) where immediate == 0:
      // The flags are those of a comparison with zero; they may be there already.
      if !flagsTell(step) { out.test(step.size, left, left) }
    case (_, true): out.binary(.compare, step.size, left, immediate)
    }
    flags = nil
  }

  /// Whether the flags are those of a register's comparison with zero, as far as it matters.
  @inline(__always)
  private func flagsTell(_ step: Step) -> Bool {
    guard let flags, flags.register == step.left else { return false }
    let isEquality = step.condition == .equal || step.condition == .notEqual
    // The upper half of a 32-bit result is zero.
    guard flags.size == step.size || (isEquality && flags.size == .word) else { return false }
    return isEquality || flags.isComplete
  }
}
