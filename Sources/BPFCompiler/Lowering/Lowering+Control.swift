import BPFInstructions
import BPFRuntime
import X86Assembler

extension Lowering {
  // MARK: Frames

  /// What is on the host's stack for a function, besides its return address: its `may_goto`
  /// iterations, if it has any, and eight bytes that keep the stack aligned.
  private static let iterationsByteCount: Int32 = 16

  mutating func enterFunction() {
    guard function.hasIterations else { return }
    let iterations = Int32(truncatingIfNeeded: Limits.mayGotoIterations)
    out.push(iterations)
    out.push(iterations)
  }

  /// Leaves the stack as it was when the function was entered. No flags are needed any more.
  mutating func leaveFunction(hasIterations: Bool) {
    guard hasIterations else { return }
    out.binary(.add, .doubleWord, .rsp, Self.iterationsByteCount)
  }

  mutating func lowerMayGoto(to target: Int) {
    let iterations = MemoryOperand(.rsp)
    out.binary(.compare, .doubleWord, iterations, 0)
    out.jump(if: .equal, labels[target])
    out.binary(.subtract, .doubleWord, iterations, 1)
  }

  mutating func lowerExit() {
    leaveFunction(hasIterations: function.hasIterations)
    // What is entered without any code in between says itself that it has made no hops.
    if isBare { out.binary(.xor, .word, .rdx, .rdx) }
    out.ret()
  }

  // MARK: Calls

  /// Calls a C function whose first five arguments are r1 to r5, and whose sixth is the CPU.
  ///
  /// One that calls back is told where the caller's frame is, and may leave a fault behind.
  mutating func lowerHelperCall(_ address: UInt64, callsBack: Bool = false) {
    if callsBack {
      let frame = MemoryOperand(RegisterAssignment.cpu, CompiledServices.callerFrameOffset)
      out.store(.doubleWord, frame, machine(10))
    }
    let budget = MemoryOperand(RegisterAssignment.cpu, CompiledServices.budgetOffset)
    out.store(.word, budget, RegisterAssignment.budget)
    out.move(.doubleWord, RegisterAssignment.budget, RegisterAssignment.cpu)
    if isNear(address) {
      out.call(address: address)
    } else {
      out.move(RegisterAssignment.scratch2, address)
      out.call(RegisterAssignment.scratch2)
    }
    out.load(.word, RegisterAssignment.budget, budget)
    guard callsBack else { return }
    let abort = out.makeLabel()
    cold.append(ColdCode(abort, nil, .abort))
    let fault = MemoryOperand(RegisterAssignment.cpu, CompiledServices.faultOffset)
    out.binary(.compare, .byte, fault, 0)
    out.jump(if: .notEqual, abort)
  }

  /// Whether every place of the region reaches an address with a 32-bit distance.
  @inline(__always)
  private func isNear(_ address: UInt64) -> Bool {
    [region.lowerBound, region.upperBound].allSatisfy { end in
      Int32(exactly: Int64(bitPattern: address &- end)) != nil
    }
  }

  /// Where the function with a first instruction starts.
  private func functionLabel(_ first: Int) -> Encoder.Label? {
    shape.function(startingAt: first).map { functionLabels[$0] }
  }

  mutating func lowerSubprogramCall(_ target: Int) {
    guard let label = functionLabel(target) else { return }
    callFunction(label, readsPreserved: function.readsPreserved)
  }

  /// Calls a subprogram with a fresh frame on the program's stack.
  ///
  /// The caller keeps what it needs of r6 to r9: the program that a tail call puts in the
  /// subprogram's place knows nothing of this frame, and returns with nothing but `ret`.
  mutating func callFunction(_ label: Encoder.Label, readsPreserved: UInt16) {
    let saved = RegisterAssignment.preserved.filter { readsPreserved >> UInt16($0) & 1 != 0 }
    for register in saved { out.push(machine(register)) }
    // With the return address, an odd number of words keeps the stack aligned.
    let isPadded = saved.count.isMultiple(of: 2)
    if isPadded { out.push(.rax) }
    let frameByteCount = Int32(truncatingIfNeeded: Limits.frameByteCount)
    out.binary(.subtract, .doubleWord, .rbp, frameByteCount)
    out.call(label)
    out.binary(.add, .doubleWord, .rbp, frameByteCount)
    if isPadded { out.pop(RegisterAssignment.scratch2) }
    for register in saved.reversed() { out.pop(machine(register)) }
  }

  /// The address of a function is a number that only `callx` understands.
  mutating func lowerFunctionAddress(_ i: DecodedInstruction, at index: Int) {
    guard let target = unit.functionAddresses[index], let label = functionLabel(target) else {
      return
    }
    out.loadAddress(machine(i.destination), of: label)
  }

  /// `callx`: one of the functions whose addresses the program takes, or the number of a helper.
  mutating func lowerRegisterCall(_ i: DecodedInstruction, at index: Int) {
    let target = machine(i.destination)
    let resume = out.makeLabel()
    for entry in shape.addressed {
      guard let function = functionLabel(entry) else { continue }
      let call = out.makeLabel()
      cold.append(
        ColdCode(
          call, resume, .call(function, readsPreserved: self.function.readsPreserved)))
      out.loadAddress(RegisterAssignment.scratch2, of: function)
      out.binary(.compare, .doubleWord, target, RegisterAssignment.scratch2)
      out.jump(if: .equal, call)
    }
    out.move(.doubleWord, RegisterAssignment.scratch, target)
    out.move(RegisterAssignment.scratch2, UInt64(index))
    out.move(.rax, unit.header)
    out.call(address: entryCode.resolveHelper)
    let budget = MemoryOperand(RegisterAssignment.cpu, CompiledServices.budgetOffset)
    out.store(.word, budget, RegisterAssignment.budget)
    out.move(.doubleWord, RegisterAssignment.budget, RegisterAssignment.cpu)
    out.call(RegisterAssignment.scratch)
    out.load(.word, RegisterAssignment.budget, budget)
    out.bind(resume)
  }
}

extension Operation.Condition {
  /// The machine's condition after a comparison.
  var code: ConditionCode {
    switch self {
    case .equal: .equal
    case .greater: .above
    case .greaterOrEqual: .aboveOrEqual
    case .bitsSet, .notEqual: .notEqual
    case .signedGreater: .greater
    case .signedGreaterOrEqual: .greaterOrEqual
    case .less: .below
    case .lessOrEqual: .belowOrEqual
    case .signedLess: .less
    case .signedLessOrEqual: .lessOrEqual
    }
  }
}
