import BPFInstructions
import BPFRuntime
import X86Assembler

/// Code behind the program that is rarely executed: from a label, and back to another one.
struct ColdCode {
  var label: Encoder.Label
  /// Where it continues; `nil` when it does not, or runs on into the next piece.
  var resume: Encoder.Label?
  var work: Work

  enum Work {
    case divisionByZero(isModulo: Bool, size: OperandSize, destination: MachineRegister)
    case divisionByMinusOne(isModulo: Bool, size: OperandSize, destination: MachineRegister)
    /// Gives back the hop that was taken off the budget, and runs on into the tail call.
    case budgetSpent
    case tailCall(site: UInt64, hasIterations: Bool)
    case call(Encoder.Label, readsPreserved: UInt16)
    case load(MachineRegister, MemoryOperand)
    /// Keeps the low half of a value, or nothing from 0xffff on unless all are allowed.
    case storeHalf(MachineRegister, MemoryOperand, allowsAll: Bool)
    case exitWithZero(hasIterations: Bool)
    /// Ends the run after a fault.
    case abort
    /// Adds to a register what was put off in a loop.
    case add(MachineRegister, Int32)
    case zero(MachineRegister)
  }

  init(_ label: Encoder.Label, _ resume: Encoder.Label?, _ work: Work) {
    self.label = label
    self.resume = resume
    self.work = work
  }
}

extension Lowering {
  /// Everything that was put off.
  mutating func lowerCold() {
    for code in cold {
      out.bind(code.label)
      lower(code.work, code.resume)
      if let resume = code.resume { out.jump(resume) }
    }
  }

  private mutating func lower(_ work: ColdCode.Work, _ resume: Encoder.Label?) {
    switch work {
    case .divisionByZero(let isModulo, let size, let destination):
      lowerDivisionByZero(isModulo, size, destination)
    case .divisionByMinusOne(let isModulo, let size, let destination):
      lowerDivisionByMinusOne(isModulo, size, destination)
    case .budgetSpent: out.binary(.add, .word, RegisterAssignment.budget, 1)
    case .tailCall(let site, let hasIterations):
      out.move(RegisterAssignment.scratch2, site)
      out.move(RegisterAssignment.scratch, unit.header)
      out.call(address: entryCode.tailCall)
      let entry = RegisterAssignment.scratch
      out.test(.doubleWord, entry, entry)
      if let resume { out.jump(if: .equal, resume) }
      leaveFunction(hasIterations: hasIterations)
      out.jump(entry)
    case .call(let function, let readsPreserved):
      callFunction(function, readsPreserved: readsPreserved)
    case .load(let destination, let memory): out.load(.doubleWord, destination, memory)
    case .storeHalf(let value, let memory, let allowsAll):
      if !allowsAll, let resume {
        out.binary(.compare, .doubleWord, value, 0xffff)
        out.jump(if: .aboveOrEqual, resume)
      }
      out.moveZeroExtended(.half, value, value)
      out.store(.word, memory, value)
    case .exitWithZero(let hasIterations):
      out.binary(.xor, .word, .rax, .rax)
      leaveFunction(hasIterations: hasIterations)
      out.ret()
    case .abort: out.jump(toAddress: entryCode.abort)
    case .add(let register, let amount): out.binary(.add, .doubleWord, register, amount)
    case .zero(let register): out.binary(.xor, .word, register, register)
    }
  }
}
