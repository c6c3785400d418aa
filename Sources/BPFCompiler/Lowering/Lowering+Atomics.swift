import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// Atomic updates (RFC 9669 section 5.3).
  mutating func lowerAtomic(
    _ update: Operation.AtomicUpdate, _ size: OperandSize, _ i: DecodedInstruction
  ) {
    let memory = MemoryOperand(machine(i.destination), i.offset)
    let source = machine(i.source)
    switch update {
    case .add: out.lockedBinary(.add, size, memory, source)
    case .or: out.lockedBinary(.or, size, memory, source)
    case .and: out.lockedBinary(.and, size, memory, source)
    case .xor: out.lockedBinary(.xor, size, memory, source)
    case .fetchAdd: out.lockedExchangeAdd(size, memory, source)
    case .fetchOr: lowerFetch(.or, size, i)
    case .fetchAnd: lowerFetch(.and, size, i)
    case .fetchXor: lowerFetch(.xor, size, i)
    case .exchange: out.exchange(size, memory, source)
    case .compareExchange:
      out.lockedCompareExchange(size, memory, source)
      // A successful 32-bit comparison leaves the upper half of rax as it was.
      if size == .word { out.move(.word, .rax, .rax) }
    }
  }

  /// The machine has no instruction that yields the old value here, so a loop tries until nobody
  /// came between. rax, which is r0, is where the comparison expects the old value.
  private mutating func lowerFetch(
    _ operation: BinaryOperation, _ size: OperandSize, _ i: DecodedInstruction
  ) {
    let saved = RegisterAssignment.scratch
    let next = RegisterAssignment.scratch2
    let source = machine(i.source)
    let base = machine(i.destination) == .rax ? saved : machine(i.destination)
    let operand = source == .rax ? saved : source
    let memory = MemoryOperand(base, i.offset)
    let again = out.makeLabel()
    out.move(.doubleWord, saved, .rax)
    out.load(size, .rax, memory)
    out.bind(again)
    out.move(size, next, .rax)
    out.binary(operation, size, next, operand)
    out.lockedCompareExchange(size, memory, next)
    out.jump(if: .notEqual, again, isShort: true)
    if source == .rax {
      if size == .word { out.move(.word, .rax, .rax) }
    } else {
      out.move(size, source, .rax)
      out.move(.doubleWord, .rax, saved)
    }
  }
}
