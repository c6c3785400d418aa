import BPFRuntime
import X86Assembler

/// A program in machine code, before it has a place.
struct LoweredCode: ~Copyable {
  var encoder: Encoder
  /// Whether it has anything to do with the registers that hold r6 to r9.
  var usesPreserved: Bool
  /// Which instruction the code comes from, by ascending offset.
  var origins: [CodeOrigin]
}

extension Plan {
  /// Whether the code reads or changes one of r6 to r9, or goes to programs that may: steps use no
  /// registers of BPF but those of the instructions, and those that hold constants.
  func usesPreserved(_ shape: ProgramShape) -> Bool {
    shape.usesPreserved
      || held.joined().contains { 1 << UInt16($0.register) & ProgramShape.preserved != 0 }
  }
}
