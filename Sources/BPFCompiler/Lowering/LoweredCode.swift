import BPFInstructions
import BPFRuntime
import X86Assembler

/// A program in machine code, before it has a place.
struct LoweredCode: ~Copyable {
  var encoder: Encoder
  /// Whether it has anything to do with the registers that hold r6 to r9.
  var usesPreserved: Bool
  /// Whether it can be called as a function of C: see ``Plan/canBeBare(_:_:)``.
  var isBare: Bool
  /// Which instruction the code comes from, by ascending offset.
  var origins: [CodeOrigin]
}

extension Plan {
  /// Whether the code of a verified program may be a function of C as it stands: it calls nothing,
  /// and needs neither stack nor registers that such functions preserve. That it looks at the CPU's
  /// words for no other reason is known when it is written.
  func canBeBare(_ unit: CompilationUnit, _ shape: ProgramShape) -> Bool {
    // r6 to r10, and the address of the CPU's words.
    let others: UInt16 = 0b10_0111_1100_0000
    return !unit.facts.isEmpty && !usesPreserved(shape)
      && zip(unit.instructions, shape.effects).allSatisfy { instruction, effect in
        switch instruction.operation.kind {
        case .arithmetic, .signExtendingMove, .negate, .byteOrder, .loadImmediate64, .load,
          .store, .jump, .branch, .exit:
          effect.used & others == 0
        default: false
        }
      }
      && !steps.contains { ($0.reads | $0.writes) & others != 0 }
      && !held.joined().contains { 1 << UInt16($0.register) & others != 0 }
  }

  /// Whether the code reads or changes one of r6 to r9, or goes to programs that may: steps use no
  /// registers of BPF but those of the instructions, and those that hold constants.
  func usesPreserved(_ shape: ProgramShape) -> Bool {
    shape.usesPreserved
      || held.joined().contains { 1 << UInt16($0.register) & ProgramShape.preserved != 0 }
  }
}
