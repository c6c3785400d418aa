import X86Assembler

// How the disassembler writes operands.

extension MachineRegister {
  func name(_ size: OperandSize) -> String {
    let old = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
    let number = Int(rawValue)
    guard number < 8 else {
      return "r\(number)" + [1: "b", 2: "w", 4: "d", 8: ""][Int(size.rawValue), default: ""]
    }
    switch size {
    case .byte: return number < 4 ? "\(old[number].first ?? "?")l" : old[number] + "l"
    case .half: return old[number]
    case .word: return "e" + old[number]
    case .doubleWord: return "r" + old[number]
    }
  }
}

extension OperandSize {
  var pointer: String {
    switch self {
    case .byte: "BYTE PTR "
    case .half: "WORD PTR "
    case .word: "DWORD PTR "
    case .doubleWord: "QWORD PTR "
    }
  }

  /// A sign-extended immediate as an operand of this size.
  func text(_ immediate: Int32) -> String {
    let bits = UInt64(bitPattern: Int64(immediate))
    let mask = self == .doubleWord ? UInt64.max : (1 << (UInt64(rawValue) * 8)) - 1
    return "0x" + String(bits & mask, radix: 16)
  }
}

extension MemoryOperand {
  var text: String {
    var text = "[" + base.name(.doubleWord)
    if let index {
      text += "+\(index.name(.doubleWord))*\(1 << Int(scale.rawValue))"
    }
    let needsDisplacement = displacement != 0 || base == .rbp || base == .r13
    if needsDisplacement {
      let magnitude = String(displacement.magnitude, radix: 16)
      text += displacement < 0 ? "-0x\(magnitude)" : "+0x\(magnitude)"
    }
    return text + "]"
  }

  /// Every kind of operand, with the registers whose encodings are special.
  static let samples: [MemoryOperand] = {
    var samples: [MemoryOperand] = []
    for base in MachineRegister.allCases {
      for displacement: Int32 in [0, 8, -8, 127, -128, 128, -129, .max, .min] {
        samples.append(MemoryOperand(base, displacement))
      }
    }
    for base in [MachineRegister.rax, .rbp, .rsp, .r12, .r13, .r15] {
      for index in MachineRegister.allCases where index != .rsp {
        for scale in Scale.allCases {
          samples.append(MemoryOperand(base, index: index, scale, scale == .two ? 0x40 : 0))
        }
      }
    }
    return samples
  }()

  static let few: [MemoryOperand] = [
    MemoryOperand(.rax), MemoryOperand(.rbp), MemoryOperand(.rsp, 8), MemoryOperand(.r12, -300),
    MemoryOperand(.r13), MemoryOperand(.rdi, index: .r9, .eight, 16),
  ]
}

extension ConditionCode {
  var suffix: String {
    [
      "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
    ][Int(rawValue)]
  }
}

extension BinaryOperation {
  var name: String { ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"][Int(rawValue)] }
}

extension ShiftOperation {
  var name: String { ["rol", "ror", "", "", "shl", "shr", "", "sar"][Int(rawValue)] }
}

extension UnaryOperation {
  var name: String { ["", "", "not", "neg", "mul", "imul", "div", "idiv"][Int(rawValue)] }
}
