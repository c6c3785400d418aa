/// One of the sixteen general-purpose registers, named by its 64-bit form.
public enum MachineRegister: UInt8, CaseIterable, Sendable {
  case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15

  /// The three bits that go into ModRM, SIB or the opcode.
  var low: UInt8 { rawValue & 7 }

  /// The fourth bit, which goes into a prefix.
  var high: UInt8 { rawValue >> 3 }
}

/// How many bits of a register or of memory an instruction works on.
public enum OperandSize: UInt8, CaseIterable, Sendable {
  case byte = 1
  case half = 2
  /// Writing a register's low 32 bits clears the upper ones.
  case word = 4
  case doubleWord = 8
}

/// What a conditional instruction tests; the raw value is the condition's code.
public enum ConditionCode: UInt8, CaseIterable, Sendable {
  case overflow, notOverflow, below, aboveOrEqual, equal, notEqual, belowOrEqual, above
  case sign, notSign, parity, notParity, less, greaterOrEqual, lessOrEqual, greater

  /// The opposite condition.
  public var inverted: ConditionCode {
    // Codes come in pairs that differ in the lowest bit.
    ConditionCode(rawValue: rawValue ^ 1) ?? self
  }
}

/// A place in memory: base, scaled index and displacement.
public struct MemoryOperand: Hashable, Sendable {
  /// The register that is added as it is.
  public var base: MachineRegister
  /// The register that is added after scaling; never rsp.
  public var index: MachineRegister?
  /// What the index is multiplied by.
  public var scale: Scale
  /// Added to the sum.
  public var displacement: Int32

  /// What an index can be multiplied by; the raw value is the SIB byte's.
  public enum Scale: UInt8, CaseIterable, Sendable {
    case one, two, four, eight
  }

  /// `[base + displacement]`.
  public init(_ base: MachineRegister, _ displacement: Int32 = 0) {
    self.base = base
    index = nil
    scale = .one
    self.displacement = displacement
  }

  /// `[base + index * scale + displacement]`; the index must not be rsp.
  public init(
    _ base: MachineRegister, index: MachineRegister, _ scale: Scale = .one,
    _ displacement: Int32 = 0
  ) {
    precondition(index != .rsp, "rsp cannot be an index")
    self.base = base
    self.index = index
    self.scale = scale
    self.displacement = displacement
  }
}
