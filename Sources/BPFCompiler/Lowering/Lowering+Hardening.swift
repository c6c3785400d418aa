import BPFInstructions
import BPFRuntime
import X86Assembler

/// What makes the code of strangers harder to abuse, where the compiler is asked for it.
///
/// - No number that a program chooses stands in the code: it is put together from two numbers of
///   which one is random, so that nobody can write instructions as constants and jump into them.
///   Shift counts, and distances of up to 16 bits from an address, stay as they are.
/// - An index is masked behind the comparison with its bound, so that a processor that guesses the
///   comparison's outcome does not read beyond an array meanwhile.
/// - A number that an address is moved by is kept between the lowest and the highest that a
///   verifier has seen there, whatever a processor guesses.
extension Lowering {
  /// A step with the same effect whose numbers are in registers; loads them.
  mutating func hardened(_ step: Step) -> Step {
    var step = step
    switch step.form {
    case .binary, .compare, .store:
      if step.hasImmediate, step.immediate != 0 {
        loadBlinded(RegisterAssignment.scratch, UInt64(bitPattern: step.immediate))
        step.hasImmediate = false
        step.right = Self.scratchNumber
      }
    default: break
    }
    switch step.form {
    case .address, .load, .binaryLoad, .store:
      guard Int16(exactly: step.displacement) == nil else { break }
      let sum = RegisterAssignment.scratch2
      loadBlinded(sum, UInt64(bitPattern: Int64(step.displacement)))
      out.binary(.add, .doubleWord, sum, machine(step.base))
      step.base = Self.scratch2Number
      step.displacement = 0
    default: break
    }
    return step
  }

  /// What steps call the two registers that no BPF register is in.
  private static var scratchNumber: UInt8 { 11 }
  private static var scratch2Number: UInt8 { 12 }

  /// Puts a number into a register without writing it down as it is. Flags change.
  mutating func loadBlinded(_ destination: MachineRegister, _ value: UInt64) {
    flags = nil
    let key = Int32.random(in: .min ... .max)
    if value <= UInt64(UInt32.max) {
      let low = Int32(truncatingIfNeeded: value)
      out.move(destination, UInt64(UInt32(bitPattern: low ^ key)))
      return out.binary(.xor, .word, destination, key)
    }
    if let low = Int32(exactly: Int64(bitPattern: value)) {
      out.move(destination, UInt64(bitPattern: Int64(low ^ key)))
      return out.binary(.xor, .doubleWord, destination, key)
    }
    // The sign of the lower half goes over the upper half when it is put in.
    let low = Int32(truncatingIfNeeded: value)
    let high = Int32(truncatingIfNeeded: value >> 32) ^ (low < 0 ? -1 : 0)
    let lowKey = Int32.random(in: .min ... .max)
    out.move(destination, UInt64(UInt32(bitPattern: high ^ key)))
    out.binary(.xor, .word, destination, key)
    out.shift(.shiftLeft, .doubleWord, destination, by: 32)
    out.binary(.xor, .doubleWord, destination, low ^ lowKey)
    out.binary(.xor, .doubleWord, destination, lowKey)
  }

  /// Puts a number that a program may have chosen into a register. Flags may change.
  mutating func load(_ destination: MachineRegister, _ value: UInt64) {
    if isHardened, value != 0 {
      loadBlinded(destination, value)
    } else {
      out.move(destination, value)
    }
  }

  /// Right behind a comparison of an index with its bound: makes the index 0 where it is not below
  /// the bound.
  mutating func maskIndex(_ index: MachineRegister, with mask: MachineRegister) {
    guard isHardened else { return }
    // All bits of the mask are the comparison's borrow.
    out.binary(.subtractWithBorrow, .word, mask, mask)
    out.binary(.and, .word, index, mask)
  }

  /// An addition to an address, or a subtraction from it.
  mutating func lowerMovement(
    _ operation: Operation.Arithmetic, _ i: DecodedInstruction, at index: Int
  ) {
    let (destination, source) = (machine(i.destination), machine(i.source))
    let binary = operation == .add ? BinaryOperation.add : .subtract
    switch unit.movement(at: index) {
    case .none, .varies:
      // No limits: nothing that depends on the sum is executed before everything else is certain.
      out.binary(binary, .doubleWord, destination, source)
      out.loadFence()
    case .bySource(let range):
      keep(source, in: range)
      out.binary(binary, .doubleWord, destination, RegisterAssignment.scratch)
    case .byDestination(let range):
      keep(destination, in: range)
      out.loadAddress(
        .doubleWord, destination, MemoryOperand(source, index: RegisterAssignment.scratch))
    }
  }

  /// Puts a number into the first of the two registers; the lowest one instead if it is out of a
  /// range, which it never is but for a processor's guesses.
  private mutating func keep(_ number: MachineRegister, in range: ClosedRange<Int32>) {
    let (kept, mask) = (RegisterAssignment.scratch, RegisterAssignment.scratch2)
    let lowest = Int64(range.lowerBound)
    out.move(.doubleWord, kept, number)
    if lowest != 0 { advance(kept, by: -lowest, with: mask) }
    let count = Int64(range.upperBound) - lowest + 1
    if count <= 1 << 16 {
      out.binary(.compare, .doubleWord, kept, Int32(truncatingIfNeeded: count))
    } else {
      load(mask, UInt64(bitPattern: count))
      out.binary(.compare, .doubleWord, kept, mask)
    }
    // All bits of the mask are the comparison's borrow.
    out.binary(.subtractWithBorrow, .doubleWord, mask, mask)
    out.binary(.and, .doubleWord, kept, mask)
    if lowest != 0 { advance(kept, by: lowest, with: mask) }
  }

  /// Adds a number, which stands in the code if it has 16 bits at most.
  private mutating func advance(
    _ register: MachineRegister, by number: Int64, with other: MachineRegister
  ) {
    if let short = Int16(exactly: number) {
      return out.binary(.add, .doubleWord, register, Int32(short))
    }
    load(other, UInt64(bitPattern: number))
    out.binary(.add, .doubleWord, register, other)
  }
}

extension CompilationUnit {
  /// How an instruction moves an address, as far as a verifier has seen it.
  func movement(at index: Int) -> InstructionFacts.Movement {
    facts.isEmpty ? .none : facts[Int(slots[index])].movement
  }
}
