import BPFInstructions
import BPFRuntime
import Testing

/// Random programs give the same registers and memory in both engines.
@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct RandomProgramTests {
  @Test("Interpreter and compiled code agree on every register", arguments: [1, 2, 3, 4])
  func agreement(seed: UInt64) throws {
    for compiler in try Compilers.all() {
      let runtime = Runtime(compiler: compiler)
      var random = SplitMix(state: seed)
      for round in 0..<250 {
        let program = RandomProgram(length: 10 + Int(random.next() % 120), &random).instructions
        let memory = [UInt8](repeating: 0, count: RandomProgram.outputByteCount)
        let expected = try runtime.outcome(of: program, on: memory, engine: .interpreter)
        let compiled = try runtime.outcome(of: program, on: memory, engine: .compiled)
        guard expected.memory != compiled.memory || expected.value != compiled.value else {
          continue
        }
        let text = Disassembler().disassemble(program).map { "\($0)" }.joined(separator: "\n")
        Issue.record(
          "seed \(seed), round \(round): \(expected) and \(compiled) differ for\n\(text)")
        return
      }
    }
  }
}

private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int(next() % UInt64(elements.count))]
  }
}

/// A program that does anything with r0 to r9 and eight words of its stack, jumps forward only,
/// and at last writes all of it to its memory.
private struct RandomProgram {
  var instructions: [Instruction] = []

  /// Ten registers and eight words.
  static let outputByteCount = 8 * 18
  /// Below it are the words, above it the address of the memory and the saved registers.
  private static let wordsEnd: Int16 = -128

  private static let operations = Operation.allCases.filter { operation in
    switch operation.kind {
    case .arithmetic, .signExtendingMove, .negate, .byteOrder, .branch, .load, .store, .atomic,
      .loadAcquire, .storeRelease, .loadImmediate64, .callSubprogram, .callHelper:
      true
    default: false
    }
  }

  init(length: Int, _ random: inout SplitMix) {
    instructions.append(
      Instruction(.storeDoubleWordRegister, destination: .r10, source: .r1, offset: -8))
    for register in 0..<10 {
      instructions += Instruction.loadImmediate64(
        Register(rawValue: UInt8(register)), Self.value(&random))
    }
    for word: Int16 in 0..<8 {
      let register = Register(rawValue: UInt8(word))
      instructions.append(
        Instruction(
          .storeDoubleWordRegister, destination: .r10, source: register,
          offset: Self.wordsEnd - 64 + word * 8))
    }
    var calls: [Int] = []
    let start = instructions.count
    while instructions.count < start + length {
      append(random.pick(Self.operations), &random, &calls)
    }
    let end = instructions.count
    limitBranches(from: start, to: end, &random)
    writeOutput()
    appendSubprogram(for: calls)
  }

  private static func value(_ random: inout SplitMix) -> UInt64 {
    let special: [UInt64] = [
      0, 1, .max, 1 << 63, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x8000_0000_0000_0001, 0xff80,
      32, 63, 64,
    ]
    let value = random.next()
    return value % 3 == 0 ? special[Int(value / 3 % UInt64(special.count))] : value
  }

  private mutating func append(
    _ operation: Operation, _ random: inout SplitMix, _ calls: inout [Int]
  ) {
    let destination = Register(rawValue: UInt8(random.next() % 10))
    let source = Register(rawValue: UInt8(random.next() % 10))
    let immediate = Int32(truncatingIfNeeded: Self.value(&random))
    switch operation.kind {
    case .loadImmediate64:
      instructions += Instruction.loadImmediate64(destination, Self.value(&random))
    case .load(let size, _), .loadAcquire(let size):
      instructions.append(
        Instruction(
          operation, destination: destination, source: .r10, offset: Self.place(size, &random)))
    case .store(let size, _), .storeRelease(let size), .atomic(_, let size):
      instructions.append(
        Instruction(
          operation, destination: .r10, source: source, offset: Self.place(size, &random),
          immediate: immediate))
    case .callHelper:
      // It returns its argument; registers that calls do not preserve have to be set again.
      instructions.append(Instruction(operation, immediate: 5))
      setArguments(&random)
    case .callSubprogram:
      calls.append(instructions.count)
      instructions.append(Instruction(operation))
      setArguments(&random)
    default:
      instructions.append(
        Instruction(
          operation, destination: destination, source: source, immediate: immediate))
    }
  }

  private mutating func setArguments(_ random: inout SplitMix) {
    for register: UInt8 in 1...5 {
      instructions += Instruction.loadImmediate64(
        Register(rawValue: register), Self.value(&random))
    }
  }

  private static func place(_ size: Operation.Size, _ random: inout SplitMix) -> Int16 {
    let count = UInt64(64 / size.byteCount)
    return wordsEnd - 64 + Int16(random.next() % count) * Int16(size.byteCount)
  }

  /// Every branch goes forward, to an instruction that is not the second half of a wide one.
  private mutating func limitBranches(from start: Int, to end: Int, _ random: inout SplitMix) {
    for index in start..<end {
      guard let operation = try? Operation(instructions[index], at: index),
        case .branch = operation.kind
      else { continue }
      var target = min(end, index + 1 + Int(random.next() % 24))
      if target < end, isSecondHalf(target) { target = end }
      instructions[index].offset = Int16(target - index - 1)
    }
  }

  private func isSecondHalf(_ index: Int) -> Bool {
    instructions[index - 1].opcode == 0x18
  }

  private mutating func writeOutput() {
    for register: UInt8 in 0..<10 {
      instructions.append(
        Instruction(
          .storeDoubleWordRegister, destination: .r10, source: Register(rawValue: register),
          offset: -16 - Int16(register) * 8))
    }
    instructions.append(
      Instruction(.loadDoubleWord, destination: .r1, source: .r10, offset: -8))
    for word: Int16 in 0..<18 {
      let from = word < 10 ? -16 - word * 8 : Self.wordsEnd - 64 + (word - 10) * 8
      instructions.append(
        Instruction(.loadDoubleWord, destination: .r2, source: .r10, offset: from))
      instructions.append(
        Instruction(
          .storeDoubleWordRegister, destination: .r1, source: .r2, offset: word * 8))
    }
    instructions.append(Instruction(.exit))
  }

  /// What all calls lead to: it overwrites the registers that its caller relies on.
  private mutating func appendSubprogram(for calls: [Int]) {
    for call in calls { instructions[call].immediate = Int32(instructions.count - call - 1) }
    for register: UInt8 in 6...9 {
      instructions.append(
        Instruction(
          .move64Register, destination: Register(rawValue: register), source: .r1))
    }
    instructions.append(Instruction(.move64Register, destination: .r0, source: .r2))
    instructions.append(Instruction(.exit))
  }
}
