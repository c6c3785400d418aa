import BPFRuntime
import X86Assembler

/// The code that all programs of a region share: the way in and out, and calls to the runtime that
/// have to leave the program's registers alone.
///
/// Inside a program the stack pointer is a multiple of 16, so C functions are called directly.
package struct EntryCode: Sendable {
  /// Called by Swift: see ``BPFRuntime/ProgramCompiler/EnterFunction``.
  package var enter: UInt64
  /// Called with the site's number in r11 and the program's header in r10; returns the entry to
  /// jump to in r10, or 0.
  package var tailCall: UInt64
  /// Called with the size in r11 and the offset in r10; returns the value in r10.
  package var loadPacket: UInt64
  /// Called with a register's value in r10, the instruction's number in r11 and the program's
  /// header in rax; returns a helper's address in r10, or does not return.
  package var resolveHelper: UInt64
  /// Called by Swift: see ``BPFRuntime/ProgramCompiler/CallBackFunction``.
  package var callBack: UInt64
  /// Jumped to after a fault: leaves what was entered last with 0.
  package var abort: UInt64
}

extension EntryCode {
  /// The code and where its parts are, for a place in memory.
  static func emit(at address: UInt64) throws(Encoder.PlacementError) -> ([UInt8], EntryCode) {
    var out = Encoder(capacity: 512)
    let parts = out.makeLabels(5)
    let leave = out.makeLabel()
    let abort = out.makeLabel()
    out.bind(parts[0])
    emitEnter(&out)
    out.bind(leave)
    emitLeave(&out)
    out.bind(abort)
    out.load(.doubleWord, .rsp, MemoryOperand(.r12, CompiledServices.entryStackOffset))
    out.binary(.xor, .word, .rax, .rax)
    out.jump(leave)
    out.bind(parts[1])
    emitTailCall(&out)
    out.bind(parts[2])
    emitLoadPacket(&out)
    out.bind(parts[3])
    emitResolveHelper(&out, abort)
    out.bind(parts[4])
    emitCallBack(&out)
    out.jump(leave)
    let offsets = (parts + [abort]).map { UInt64(out.position(of: $0) ?? 0) }
    let code = EntryCode(
      enter: address &+ offsets[0], tailCall: address &+ offsets[1],
      loadPacket: address &+ offsets[2], resolveHelper: address &+ offsets[3],
      callBack: address &+ offsets[4], abort: address &+ offsets[5])
    return (try out.finish(at: address), code)
  }

  /// What C functions preserve and programs use.
  private static let kept: [MachineRegister] = [.rbp, .rbx, .r12, .r13, .r14, .r15]

  private static func emitEnter(_ out: inout Encoder) {
    for register in kept { out.push(register) }
    out.move(.doubleWord, .r12, .rsi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.entryStackOffset), .rsp)
    out.load(.word, .r9, MemoryOperand(.r12, CompiledServices.budgetOffset))
    out.move(.doubleWord, .r10, .rdi)
    out.move(.doubleWord, .rdi, .rdx)
    out.move(.doubleWord, .rsi, .rcx)
    out.move(.doubleWord, .rbp, .r8)
    // All other registers start as 0, as in the interpreter.
    for register in [MachineRegister.rax, .rdx, .rcx, .r8, .rbx, .r13, .r14, .r15] {
      out.binary(.xor, .word, register, register)
    }
    out.call(.r10)
  }

  /// As entering, with four arguments and a frame below the caller's.
  private static func emitCallBack(_ out: inout Encoder) {
    for register in kept { out.push(register) }
    out.move(.doubleWord, .r12, .rsi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.entryStackOffset), .rsp)
    out.load(.doubleWord, .rbp, MemoryOperand(.r12, CompiledServices.callerFrameOffset))
    out.move(.doubleWord, .r10, .rdi)
    out.move(.doubleWord, .rdi, .rdx)
    out.move(.doubleWord, .rsi, .rcx)
    out.move(.doubleWord, .rdx, .r8)
    out.move(.doubleWord, .rcx, .r9)
    out.load(.word, .r9, MemoryOperand(.r12, CompiledServices.budgetOffset))
    for register in [MachineRegister.rax, .r8, .rbx, .r13, .r14, .r15] {
      out.binary(.xor, .word, register, register)
    }
    out.call(.r10)
  }

  private static func emitLeave(_ out: inout Encoder) {
    out.store(.word, MemoryOperand(.r12, CompiledServices.budgetOffset), .r9)
    for register in kept.reversed() { out.pop(register) }
    out.ret()
  }

  private static func emitTailCall(_ out: inout Encoder) {
    preserving([.rax, .rdi, .rsi, .rdx, .rcx, .r8], &out) { out in
      // The array and the index are where C expects them.
      out.move(.doubleWord, .rdi, .r12)
      out.move(.doubleWord, .rcx, .r11)
      out.move(.doubleWord, .r8, .r10)
      out.move(.rax, CompiledServices.tailCall)
      out.call(.rax)
    }
    out.ret()
  }

  private static func emitLoadPacket(_ out: inout Encoder) {
    preserving([.rdi, .rsi, .rdx, .rcx, .r8], &out) { out in
      out.move(.doubleWord, .rdi, .r12)
      out.move(.doubleWord, .rsi, .r11)
      out.move(.doubleWord, .rdx, .r10)
      out.move(.rax, CompiledServices.loadPacket)
      out.call(.rax)
    }
    out.ret()
  }

  private static func emitResolveHelper(_ out: inout Encoder, _ abort: Encoder.Label) {
    preserving([.rdi, .rsi, .rdx, .rcx, .r8], &out) { out in
      out.move(.doubleWord, .rdi, .r12)
      out.move(.doubleWord, .rsi, .r10)
      out.move(.doubleWord, .rdx, .rax)
      out.move(.doubleWord, .rcx, .r11)
      out.move(.rax, CompiledServices.resolveHelper)
      out.call(.rax)
    }
    out.test(.doubleWord, .r10, .r10)
    out.jump(if: .equal, abort)
    out.ret()
  }

  /// A call to the runtime with a program's registers kept; the result goes to r10.
  private static func preserving(
    _ registers: [MachineRegister], _ out: inout Encoder, _ call: (inout Encoder) -> Void
  ) {
    for register in registers { out.push(register) }
    // With the return address, an odd number of registers keeps the stack aligned.
    let isPadded = registers.count.isMultiple(of: 2)
    if isPadded { out.binary(.subtract, .doubleWord, .rsp, 8) }
    out.store(.word, MemoryOperand(.r12, CompiledServices.budgetOffset), .r9)
    call(&out)
    out.move(.doubleWord, .r10, .rax)
    out.load(.word, .r9, MemoryOperand(.r12, CompiledServices.budgetOffset))
    if isPadded { out.binary(.add, .doubleWord, .rsp, 8) }
    for register in registers.reversed() { out.pop(register) }
  }
}
