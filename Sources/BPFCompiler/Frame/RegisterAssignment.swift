import BPFInstructions
package import X86Assembler

/// Which machine register holds what while compiled code runs. docs/compiler.md says why.
package enum RegisterAssignment {
  /// r0 to r10: the registers that Linux uses, so that r1 to r5 are where C functions expect their
  /// arguments, r0 is where they leave the result, and r6 to r9 survive them.
  package static let machine: [MachineRegister] = [
    .rax, .rdi, .rsi, .rdx, .rcx, .r8, .rbx, .r13, .r14, .r15, .rbp,
    // Steps may name the scratch registers and the CPU's words, too.
    .r10, .r11, .r12,
  ]

  /// Address of the words of the CPU that runs.
  package static let cpu = MachineRegister.r12
  /// Hops that are left, in the low half. It is also the sixth argument of C functions, so around
  /// a call it is in the CPU's words.
  package static let budget = MachineRegister.r9
  /// Free within one instruction.
  package static let scratch = MachineRegister.r10
  /// Free within one instruction.
  package static let scratch2 = MachineRegister.r11
  /// r6 to r9.
  package static let preserved: ClosedRange<UInt8> = 6...9
}
