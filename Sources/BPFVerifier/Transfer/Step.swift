import BPFInstructions

extension Explorer {
  /// Checks one instruction and applies it to the state.
  mutating func step() throws(Refusal) -> Flow {
    guard let kind = code.kinds[slot] else { throw malformed() }
    let instruction = program.instructions[slot]
    switch kind {
    case .arithmetic(.move, let width, let operand): try move(instruction, width, operand)
    case .arithmetic(let operation, let width, let operand):
      try arithmetic(instruction, operation, width, operand)
    case .signExtendingMove(let bits, let width):
      try signExtend(instruction, from: Int(bits), width)
    case .negate(let width): try negate(instruction, width)
    case .byteOrder(let order, let bits): try swapBytes(instruction, order, bits: Int(bits))
    case .jump(let long):
      jumps &+= 1
      return .to(slot &+ 1 &+ (long ? Int(instruction.immediate) : Int(instruction.offset)))
    case .mayGoto: return try mayGoto(instruction)
    case .branch(let condition, let width, let operand):
      return try branch(instruction, condition, width, operand)
    case .tailCall: return try tailCall()
    case .callHelper: return try callHelper(instruction)
    case .callSubprogram: return try callSubprogram(instruction)
    case .callKernelFunction:
      throw .invalid("calling kernel function \(instruction.immediate) is not allowed")
    case .callRegister: throw .invalid("unknown opcode 8d")
    case .exit:
      jumps &+= 1
      return try exit()
    case .loadImmediate64:
      try loadImmediate(instruction)
      return .to(slot &+ 2)
    case .loadPacket(let size, let indirect):
      try loadPacket(instruction, size, indirect: indirect)
    case .load(let size, let signExtended):
      try load(instruction, size, signExtended: signExtended)
    case .loadAcquire(let size): try loadAcquire(instruction, size)
    case .store(let size, let operand): try store(instruction, size, operand)
    case .storeRelease(let size): try storeRelease(instruction, size)
    case .atomic(let update, let size): try atomic(instruction, update, size)
    }
    return .next
  }

  /// A path got to something that is no instruction.
  private func malformed() -> Refusal {
    guard let error = code.malformed[slot] else {
      return .invalid("jump into the middle of ldimm64 insn \(slot - 1)")
    }
    let instruction = program.instructions[slot]
    switch error.reason {
    case .invalidRegister(let number): return .invalid("R\(number) is invalid")
    case .framePointerWritten: return .access("frame pointer is read only", register: 10)
    case .reservedFields where instruction.opcode & 0xe7 == 0xc3:
      let isWide = instruction.opcode & 0x18 == 0 || instruction.opcode & 0x18 == 0x18
      let code = String(UInt32(bitPattern: instruction.immediate), radix: 16)
      return .invalid(
        isWide
          ? "BPF_ATOMIC uses invalid atomic opcode \(code.count < 2 ? "0" : "")\(code)"
          : "invalid atomic operand size")
    case .reservedFields:
      return .invalid("\(Self.reservedName(instruction.opcode)) uses reserved fields")
    case .unknownOpcode(let opcode): return .invalid("unknown opcode \(String(opcode, radix: 16))")
    default: return .invalid("\(error.reason)")
    }
  }

  /// Linux's word for an instruction in its message about reserved fields.
  private static func reservedName(_ opcode: UInt8) -> String {
    let operation = opcode & 0xf0
    switch opcode & 7 {
    case 0: return opcode == Opcode.loadImmediate64 ? "BPF_LD_IMM64" : "BPF_LD_[ABS|IND]"
    case 1: return "BPF_LDX"
    case 2: return "BPF_ST"
    case 3: return "BPF_STX"
    case 4, 7:
      switch operation {
      case 0x80: return "BPF_NEG"
      case 0xd0: return "BPF_END"
      case 0xb0: return "BPF_MOV"
      default: return "BPF_ALU"
      }
    default:
      switch operation {
      case 0x00: return "BPF_JA"
      case 0x80: return "BPF_CALL"
      case 0x90: return "BPF_EXIT"
      default: return "BPF_JMP/JMP32"
      }
    }
  }
}
