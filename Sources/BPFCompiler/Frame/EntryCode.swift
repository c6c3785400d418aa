import BPFRuntime
import X86Assembler

/// The code that all programs of a region share: the way in and out, and calls to the runtime that
/// have to leave the program's registers alone.
///
/// Inside a program the stack pointer is a multiple of 16, so C functions are called directly.
package struct EntryCode: Sendable {
  /// Called by Swift: see ``BPFRuntime/ProgramCompiler/Entrance``.
  package struct Entrance: Sendable {
    package var enter: UInt64
    package var enterBatch: UInt64
  }

  /// For any program.
  package var entrance: Entrance
  /// For verified programs.
  package var verifiedEntrance: Entrance
  /// For verified programs that leave r6 to r9 alone, and make no tail calls.
  package var lightEntrance: Entrance
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
    var out = Encoder(capacity: 1024)
    let abort = out.makeLabel()
    var addresses: [UInt64] = []
    for emitPart in [
      { emitEnter(&$0, clears: true) }, { emitEnterBatch(&$0, clears: true) },
      { emitEnter(&$0, clears: false) }, { emitEnterBatch(&$0, clears: false) },
      emitEnterLight, emitEnterBatchLight, emitTailCall, emitLoadPacket,
      { emitResolveHelper(&$0, abort) }, emitCallBack,
    ] as [(inout Encoder) -> Void] {
      while !out.count.isMultiple(of: CodeRegion.granule) { out.nop(byteCount: 1) }
      addresses.append(address &+ UInt64(out.count))
      emitPart(&out)
    }
    // A fault returns 0 to whoever entered the program, from any depth.
    out.bind(abort)
    out.load(.doubleWord, .rsp, MemoryOperand(.r12, CompiledServices.entryStackOffset))
    out.binary(.xor, .word, .rax, .rax)
    out.ret()
    let code = EntryCode(
      entrance: Entrance(enter: addresses[0], enterBatch: addresses[1]),
      verifiedEntrance: Entrance(enter: addresses[2], enterBatch: addresses[3]),
      lightEntrance: Entrance(enter: addresses[4], enterBatch: addresses[5]),
      tailCall: addresses[6], loadPacket: addresses[7], resolveHelper: addresses[8],
      callBack: addresses[9], abort: address &+ UInt64(out.position(of: abort) ?? 0))
    return (try out.finish(at: address), code)
  }

  /// What C functions preserve and programs use.
  private static let kept: [MachineRegister] = [.rbp, .rbx, .r12, .r13, .r14, .r15]

  /// - Parameter clears: Whether registers other than r1, r2 and r10 start as 0, as in the
  ///   interpreter.
  private static func emitEnter(_ out: inout Encoder, clears: Bool) {
    for register in kept { out.push(register) }
    // r1 and r2 are where C has its first two arguments.
    out.move(.doubleWord, .r12, .rcx)
    emitEntryStack(&out)
    out.load(.word, .r9, MemoryOperand(.r12, CompiledServices.startBudgetOffset))
    out.load(.doubleWord, .rbp, MemoryOperand(.r12, CompiledServices.stackTopOffset))
    if clears {
      out.move(.doubleWord, .r10, .rdx)
      emitZeros(&out)
      out.call(.r10)
    } else {
      out.call(.rdx)
    }
    out.move(.rdx, UInt64(Limits.tailCalls))
    out.binary(.subtract, .word, .rdx, .r9)
    emitLeave(&out, kept)
  }

  /// The same for programs that neither touch r6 to r9 nor make tail calls. So they have no use for
  /// a budget, and whatever is in its register goes into the words and back around calls.
  private static func emitEnterLight(_ out: inout Encoder) {
    out.push(.rbp)
    out.push(.r12)
    out.move(.doubleWord, .r12, .rcx)
    out.load(.doubleWord, .rbp, MemoryOperand(.r12, CompiledServices.stackTopOffset))
    out.call(.rdx)
    out.binary(.xor, .word, .rdx, .rdx)
    emitLeave(&out, [.rbp, .r12])
  }

  /// As entering, with four arguments and a frame below the caller's.
  private static func emitCallBack(_ out: inout Encoder) {
    for register in kept { out.push(register) }
    out.move(.doubleWord, .r12, .rsi)
    emitEntryStack(&out)
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
    out.store(.word, MemoryOperand(.r12, CompiledServices.budgetOffset), .r9)
    emitLeave(&out, kept)
  }

  /// Notes where the call that follows puts its return address.
  private static func emitEntryStack(_ out: inout Encoder) {
    out.loadAddress(.doubleWord, .rax, MemoryOperand(.rsp, -8))
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.entryStackOffset), .rax)
  }

  private static func emitZeros(_ out: inout Encoder) {
    for register in [MachineRegister.rax, .rdx, .rcx, .r8, .rbx, .r13, .r14, .r15] {
      out.binary(.xor, .word, register, register)
    }
  }

  /// A loop that lies in one line of the cache takes four fifths of the time of one that does not.
  private static func alignLoop(_ out: inout Encoder) {
    while !out.count.isMultiple(of: 64) { out.nop(byteCount: 1) }
  }

  private static func emitLeave(_ out: inout Encoder, _ registers: [MachineRegister]) {
    for register in registers.reversed() { out.pop(register) }
    out.ret()
  }

  /// Where the state of a batch is on the host's stack while its programs run.
  private enum BatchFrame {
    static let cursor = MemoryOperand(.rsp, 0)
    static let entry = MemoryOperand(.rsp, 8)
    static let end = MemoryOperand(.rsp, 16)
    /// The hops that are left when a run starts.
    static let budget = MemoryOperand(.rsp, 24)
    static let byteCount: Int32 = 32
  }

  /// One run after the other, each with a fresh budget (tail-calls.md R2.4), until there are no
  /// more items or one has a fault.
  ///
  /// - Parameter clears: Whether all registers but r1, r2 and r10 start as 0.
  private static func emitEnterBatch(_ out: inout Encoder, clears: Bool) {
    let next = out.makeLabel()
    let finished = out.makeLabel()
    let remains = out.makeLabel()
    let leave = out.makeLabel()
    for register in kept { out.push(register) }
    out.binary(.subtract, .doubleWord, .rsp, BatchFrame.byteCount)
    out.move(.doubleWord, .r12, .rsi)
    emitEntryStack(&out)
    out.store(.doubleWord, BatchFrame.entry, .rdi)
    out.store(.doubleWord, BatchFrame.end, .rcx)
    out.load(.doubleWord, .rbp, MemoryOperand(.r12, CompiledServices.stackTopOffset))
    out.load(.word, .rax, MemoryOperand(.r12, CompiledServices.startBudgetOffset))
    out.store(.word, BatchFrame.budget, .rax)
    out.move(.doubleWord, .rax, .rdx)
    out.binary(.compare, .doubleWord, .rax, .rcx)
    out.jump(if: .equal, leave)
    alignLoop(&out)
    out.bind(next)
    emitBatchedRun(&out, clears: clears)
    out.binary(.compare, .doubleWord, MemoryOperand(.r12, CompiledServices.remainsOffset), 0)
    out.jump(if: .notEqual, remains)
    out.bind(finished)
    out.binary(.add, .doubleWord, .rax, BatchItem.byteCount)
    out.binary(.compare, .doubleWord, .rax, BatchFrame.end)
    out.jump(if: .notEqual, next)
    out.bind(leave)
    out.binary(.add, .doubleWord, .rsp, BatchFrame.byteCount)
    emitLeave(&out, kept)
    out.bind(remains)
    out.binary(.compare, .byte, MemoryOperand(.r12, CompiledServices.faultOffset), 0)
    out.jump(if: .notEqual, leave)
    // Somebody has begun to record tail calls in the middle of a run.
    out.store(.word, MemoryOperand(.r12, CompiledServices.hopsLeftOffset), 0)
    out.jump(finished)
  }

  /// Runs the item that rax points to, writes its result and leaves rax as it was.
  private static func emitBatchedRun(_ out: inout Encoder, clears: Bool) {
    out.load(.doubleWord, .rdi, MemoryOperand(.rax, BatchItem.contextOffset))
    out.load(.doubleWord, .r10, MemoryOperand(.rax, BatchItem.packetOffset))
    out.store(.doubleWord, BatchFrame.cursor, .rax)
    out.binary(.xor, .word, .rsi, .rsi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.contextOffset), .rdi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.packetOffset), .r10)
    out.load(.word, .r9, BatchFrame.budget)
    if clears { emitZeros(&out) }
    out.call(BatchFrame.entry)
    out.move(.doubleWord, .rdx, .rax)
    out.load(.doubleWord, .rax, BatchFrame.cursor)
    out.store(.doubleWord, MemoryOperand(.rax, BatchItem.resultOffset), .rdx)
  }

  /// The same for programs that neither touch r6 to r9 nor make tail calls: their registers hold
  /// the state of the batch. Such programs end without a fault.
  private static func emitEnterBatchLight(_ out: inout Encoder) {
    let cursor = MachineRegister.rbx
    let end = MachineRegister.r13
    let entry = MachineRegister.r14
    let next = out.makeLabel()
    let leave = out.makeLabel()
    for register in kept { out.push(register) }
    out.move(.doubleWord, .r12, .rsi)
    out.move(.doubleWord, entry, .rdi)
    out.move(.doubleWord, cursor, .rdx)
    out.move(.doubleWord, end, .rcx)
    out.load(.doubleWord, .rbp, MemoryOperand(.r12, CompiledServices.stackTopOffset))
    out.binary(.compare, .doubleWord, cursor, end)
    out.jump(if: .equal, leave)
    alignLoop(&out)
    out.bind(next)
    out.load(.doubleWord, .rdi, MemoryOperand(cursor, BatchItem.contextOffset))
    out.load(.doubleWord, .rax, MemoryOperand(cursor, BatchItem.packetOffset))
    out.binary(.xor, .word, .rsi, .rsi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.contextOffset), .rdi)
    out.store(.doubleWord, MemoryOperand(.r12, CompiledServices.packetOffset), .rax)
    out.call(entry)
    out.store(.doubleWord, MemoryOperand(cursor, BatchItem.resultOffset), .rax)
    out.binary(.add, .doubleWord, cursor, BatchItem.byteCount)
    out.binary(.compare, .doubleWord, cursor, end)
    out.jump(if: .notEqual, next)
    out.bind(leave)
    out.move(.doubleWord, .rax, cursor)
    emitLeave(&out, kept)
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
