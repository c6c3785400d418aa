import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  /// Division and modulo (RFC 9669 section 4.1): a zero divisor gives 0, or the dividend; the most
  /// negative number divided by -1 gives itself, modulo 0. The machine traps in both cases.
  mutating func lowerDivision(
    _ operation: Operation.Arithmetic, _ size: OperandSize, _ operand: Operation.Operand,
    _ i: DecodedInstruction, liveBehind: UInt16
  ) {
    let destination = machine(i.destination)
    let isSigned = operation == .signedDivide || operation == .signedModulo
    let isModulo = operation == .modulo || operation == .signedModulo
    if operand == .immediate {
      let divisor =
        size == .word ? Int64(Int32(truncatingIfNeeded: i.immediate)) : i.immediate
      if divisor == 0 { return lowerDivisionByZero(isModulo, size, destination) }
      if isSigned, divisor == -1 { return lowerDivisionByMinusOne(isModulo, size, destination) }
      load(RegisterAssignment.scratch2, UInt64(bitPattern: divisor))
      divide(
        size, destination, RegisterAssignment.scratch2, isSigned, isModulo, liveBehind)
      return
    }
    let divisor = machine(i.source)
    let resume = out.makeLabel()
    let zero = out.makeLabel()
    cold.append(
      ColdCode(
        zero, resume, .divisionByZero(isModulo: isModulo, size: size, destination: destination)))
    out.test(size, divisor, divisor)
    out.jump(if: .equal, zero)
    if isSigned {
      let minusOne = out.makeLabel()
      cold.append(
        ColdCode(
          minusOne, resume,
          .divisionByMinusOne(isModulo: isModulo, size: size, destination: destination)))
      out.binary(.compare, size, divisor, -1)
      out.jump(if: .equal, minusOne)
    }
    divide(size, destination, divisor, isSigned, isModulo, liveBehind)
    out.bind(resume)
  }

  mutating func lowerDivisionByZero(
    _ isModulo: Bool, _ size: OperandSize, _ destination: MachineRegister
  ) {
    if !isModulo {
      out.binary(.xor, .word, destination, destination)
    } else if size == .word {
      out.move(.word, destination, destination)
    }
  }

  mutating func lowerDivisionByMinusOne(
    _ isModulo: Bool, _ size: OperandSize, _ destination: MachineRegister
  ) {
    if isModulo {
      out.binary(.xor, .word, destination, destination)
    } else {
      out.unary(.negate, size, destination)
    }
  }

  /// The machine divides rdx:rax, which are r3 and r0: what is still needed of them waits
  /// elsewhere.
  private mutating func divide(
    _ size: OperandSize, _ destination: MachineRegister, _ divisor: MachineRegister,
    _ isSigned: Bool, _ isModulo: Bool, _ liveBehind: UInt16
  ) {
    let saved = RegisterAssignment.scratch
    let keepsAccumulator = destination != .rax && liveBehind & 1 != 0
    let keepsHigh = destination != .rdx && liveBehind & 1 << 3 != 0
    if keepsAccumulator { out.move(.doubleWord, saved, .rax) }
    if keepsHigh { out.push(.rdx) }
    var divisor = divisor
    if divisor == .rax, keepsAccumulator {
      divisor = saved
    } else if divisor == .rax || divisor == .rdx {
      out.move(.doubleWord, RegisterAssignment.scratch2, divisor)
      divisor = RegisterAssignment.scratch2
    }
    if destination != .rax { out.move(size, .rax, destination) }
    if isSigned {
      out.signExtendAccumulator(size)
      out.unary(.signedDivide, size, divisor)
    } else {
      out.binary(.xor, .word, .rdx, .rdx)
      out.unary(.divide, size, divisor)
    }
    // What is restored is never the destination.
    let result: MachineRegister = isModulo ? .rdx : .rax
    if result != destination { out.move(size, destination, result) }
    if keepsHigh { out.pop(.rdx) }
    if keepsAccumulator { out.move(.doubleWord, .rax, saved) }
  }
}
