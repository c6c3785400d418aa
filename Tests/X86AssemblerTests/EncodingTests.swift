import TestSupport
import Testing
import X86Assembler

/// Everything the encoder can write is read back by a disassembler that knows nothing of it.
@Suite(.enabled(if: Disassembly.isAvailable, "needs objdump (apt install binutils)"))
struct EncodingTests {
  private let registers = MachineRegister.allCases
  private let wide: [OperandSize] = [.half, .word, .doubleWord]
  private let words: [OperandSize] = [.word, .doubleWord]
  private let immediates: [Int32] = [0, 1, 127, -128, 128, -129, .max, .min]

  @Test func binaryOperations() throws {
    var table = Table()
    for operation in BinaryOperation.allCases {
      let name = operation.name
      for size in OperandSize.allCases {
        for left in registers {
          for right in registers {
            table.add("\(name) \(left.name(size)),\(right.name(size))") {
              $0.binary(operation, size, left, right)
            }
          }
          for immediate in immediates {
            table.add("\(name) \(left.name(size)),\(size.text(immediate))") {
              $0.binary(operation, size, left, immediate)
            }
          }
        }
        for memory in MemoryOperand.few {
          let text = size.pointer + memory.text
          for register in registers {
            table.add("\(name) \(register.name(size)),\(text)") {
              $0.binary(operation, size, register, memory)
            }
            table.add("\(name) \(text),\(register.name(size))") {
              $0.binary(operation, size, memory, register)
            }
          }
          for immediate in immediates {
            table.add("\(name) \(text),\(size.text(immediate))") {
              $0.binary(operation, size, memory, immediate)
            }
          }
        }
      }
    }
    try table.check()
  }

  @Test func memoryOperands() throws {
    var table = Table()
    for memory in MemoryOperand.samples {
      for size in OperandSize.allCases {
        for register in [MachineRegister.rax, .rsp, .rdi, .r8, .r15] {
          table.add("mov \(register.name(size)),\(size.pointer)\(memory.text)") {
            $0.load(size, register, memory)
          }
          table.add("mov \(size.pointer)\(memory.text),\(register.name(size))") {
            $0.store(size, memory, register)
          }
        }
        table.add("mov \(size.pointer)\(memory.text),\(size.text(-2))") {
          $0.store(size, memory, -2)
        }
      }
      for size in words {
        table.add("lea \(MachineRegister.r9.name(size)),\(memory.text)") {
          $0.loadAddress(size, .r9, memory)
        }
      }
      table.add("jmp QWORD PTR \(memory.text)") { $0.jump(memory) }
      table.add("call QWORD PTR \(memory.text)") { $0.call(memory) }
    }
    try table.check()
  }

  @Test func moves() throws {
    var table = Table()
    for left in registers {
      for right in registers {
        for size in OperandSize.allCases {
          table.add("mov \(left.name(size)),\(right.name(size))") { $0.move(size, left, right) }
          table.add("test \(left.name(size)),\(right.name(size))") { $0.test(size, left, right) }
          if !(size != .byte && left == .rax && right == .rax) {
            table.add("xchg \(left.name(size)),\(right.name(size))") {
              $0.exchange(size, left, right)
            }
          }
        }
        for size in [OperandSize.byte, .half] {
          table.add("movzx \(left.name(.word)),\(right.name(size))") {
            $0.moveZeroExtended(size, left, right)
          }
          for width in words {
            table.add("movsx \(left.name(width)),\(right.name(size))") {
              $0.moveSignExtended(size, left, right, to: width)
            }
          }
        }
        table.add("movsxd \(left.name(.doubleWord)),\(right.name(.word))") {
          $0.moveSignExtended(.word, left, right)
        }
      }
      table.add("mov \(left.name(.word)),0x0") { $0.move(left, 0) }
      table.add("mov \(left.name(.word)),0xffffffff") { $0.move(left, 0xffff_ffff) }
      table.add("mov \(left.name(.doubleWord)),0xffffffff80000000") {
        $0.move(left, 0xffff_ffff_8000_0000)
      }
      table.add("movabs \(left.name(.doubleWord)),0x123456789a") { $0.move(left, 0x12_3456_789a) }
      for memory in MemoryOperand.few {
        for size in [OperandSize.byte, .half] {
          table.add("movzx \(left.name(.word)),\(size.pointer)\(memory.text)") {
            $0.loadZeroExtended(size, left, memory)
          }
          table.add("movsx \(left.name(.doubleWord)),\(size.pointer)\(memory.text)") {
            $0.loadSignExtended(size, left, memory)
          }
        }
        table.add("movsxd \(left.name(.doubleWord)),DWORD PTR \(memory.text)") {
          $0.loadSignExtended(.word, left, memory)
        }
        for size in wide {
          table.add("movbe \(left.name(size)),\(size.pointer)\(memory.text)") {
            $0.loadSwapped(size, left, memory)
          }
          table.add("movbe \(size.pointer)\(memory.text),\(left.name(size))") {
            $0.storeSwapped(size, memory, left)
          }
        }
      }
      table.add("push \(left.name(.doubleWord))") { $0.push(left) }
      table.add("pop \(left.name(.doubleWord))") { $0.pop(left) }
    }
    table.add("push 0x800000") { $0.push(0x80_0000) }
    try table.check()
  }

  @Test func conditions() throws {
    var table = Table()
    for condition in ConditionCode.allCases {
      for left in registers {
        table.add("set\(condition.suffix) \(left.name(.byte))") { $0.set(if: condition, left) }
        for right in registers {
          for size in wide {
            table.add("cmov\(condition.suffix) \(left.name(size)),\(right.name(size))") {
              $0.move(if: condition, size, left, right)
            }
          }
        }
      }
      #expect(condition.inverted.inverted == condition && condition.inverted != condition)
    }
    try table.check()
  }

  @Test func shifts() throws {
    var table = Table()
    for operation in ShiftOperation.allCases {
      for size in OperandSize.allCases {
        for register in registers {
          for count: UInt8 in [1, 2, 7] {
            let number = count == 1 ? "1" : "0x\(count)"
            table.add("\(operation.name) \(register.name(size)),\(number)") {
              $0.shift(operation, size, register, by: count)
            }
          }
          table.add("\(operation.name) \(register.name(size)),cl") {
            $0.shiftByCL(operation, size, register)
          }
        }
      }
    }
    for size in words {
      for left in registers {
        for right in registers {
          table.add("popcnt \(left.name(size)),\(right.name(size))") {
            $0.countBits(size, left, right)
          }
          table.add("rorx \(left.name(size)),\(right.name(size)),0x7") {
            $0.rotateRight(size, left, right, by: 7)
          }
          for count in [MachineRegister.rax, .rcx, .rsp, .r8, .r15] {
            for operation in [ShiftOperation.shiftLeft, .shiftRight, .arithmeticShiftRight] {
              let operands = [left, right, count].map { $0.name(size) }.joined(separator: ",")
              table.add("\(operation.name)x \(operands)") {
                $0.shift(operation, size, left, right, by: count)
              }
            }
          }
        }
      }
    }
    try table.check()
  }

  @Test func multiplicationAndUnaryOperations() throws {
    var table = Table()
    for register in registers {
      for size in OperandSize.allCases {
        for operation in UnaryOperation.allCases {
          table.add("\(operation.name) \(register.name(size))") {
            $0.unary(operation, size, register)
          }
        }
        for immediate in immediates {
          table.add("test \(register.name(size)),\(size.text(immediate))") {
            $0.test(size, register, immediate)
          }
        }
      }
      for size in wide {
        for right in registers {
          let operands = "\(register.name(size)),\(right.name(size))"
          table.add("imul \(operands)") { $0.multiply(size, register, right) }
          for immediate in immediates {
            table.add("imul \(operands),\(size.text(immediate))") {
              $0.multiply(size, register, right, immediate)
            }
          }
        }
        for memory in MemoryOperand.few {
          table.add("imul \(register.name(size)),\(size.pointer)\(memory.text)") {
            $0.multiply(size, register, memory)
          }
        }
      }
      for size in words {
        table.add("bswap \(register.name(size))") { $0.swapBytes(size, register) }
      }
      table.add("jmp \(register.name(.doubleWord))") { $0.jump(register) }
      table.add("call \(register.name(.doubleWord))") { $0.call(register) }
    }
    table.add("cdq") { $0.signExtendAccumulator(.word) }
    table.add("cqo") { $0.signExtendAccumulator(.doubleWord) }
    try table.check()
  }

  @Test func atomics() throws {
    var table = Table()
    for memory in MemoryOperand.few {
      for size in OperandSize.allCases {
        for register in registers {
          let text = "\(size.pointer)\(memory.text),\(register.name(size))"
          for operation in [BinaryOperation.add, .or, .and, .xor, .subtract] {
            table.add("lock \(operation.name) \(text)") {
              $0.lockedBinary(operation, size, memory, register)
            }
          }
          table.add("lock xadd \(text)") { $0.lockedExchangeAdd(size, memory, register) }
          table.add("lock cmpxchg \(text)") { $0.lockedCompareExchange(size, memory, register) }
          table.add("xchg \(text)") { $0.exchange(size, memory, register) }
        }
      }
    }
    table.add("mfence") { $0.fence() }
    table.add("lfence") { $0.loadFence() }
    table.add("ud2") { $0.undefined() }
    table.add("int3") { $0.breakpoint() }
    table.add("ret") { $0.ret() }
    let nops = [
      "nop", "xchg ax,ax", "nop DWORD PTR [rax]", "nop DWORD PTR [rax+0x0]",
      "nop DWORD PTR [rax+rax*1+0x0]", "nop WORD PTR [rax+rax*1+0x0]",
      "nop DWORD PTR [rax+0x0]", "nop DWORD PTR [rax+rax*1+0x0]", "nop WORD PTR [rax+rax*1+0x0]",
    ]
    for (index, text) in nops.enumerated() {
      table.add(text) { $0.nop(byteCount: index + 1) }
    }
    try table.check()
  }
}

/// Instructions with the text that they have to be.
private struct Table: ~Copyable {
  private var encoder = Encoder(capacity: 1 << 16)
  private var expected: [String] = []

  mutating func add(_ text: String, _ emit: (inout Encoder) -> Void) {
    emit(&encoder)
    expected.append(text)
  }

  consuming func check() throws {
    let expected = expected
    let texts = try Disassembly.texts(of: encoder.finish(at: 0))
    #expect(texts.count == expected.count)
    let wrong = zip(texts, expected).filter { $0 != $1 }
    let shown = wrong.prefix(10).map { "\($0.0), not \($0.1)" }.joined(separator: "; ")
    #expect(wrong.isEmpty, "\(wrong.count) of \(expected.count): \(shown)")
  }
}
