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
  /// Whether the code reads or changes one of r6 to r9, or goes to programs that may.
  func usesPreserved(_ unit: CompilationUnit) -> Bool {
    let preserved: UInt16 = 0b11_1100_0000
    return ProgramShape.usesPreserved(unit.instructions)
      || steps.contains { ($0.reads | $0.writes) & preserved != 0 }
      || held.joined().contains { 1 << UInt16($0.register) & preserved != 0 }
  }
}
