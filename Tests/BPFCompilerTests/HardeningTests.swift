import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

/// What the compiler does for programs of strangers when it is asked to.
@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct HardeningTests {
  /// Programs with numbers that nothing else brings into code.
  static let programs = [
    "r0 = 0x5ca1ab1e; exit",
    "r0 = 0x5ca1ab1edeadbea7 ll; exit",
    "r0 = 0x5ca1ab1e1eadbea7 ll; exit",
    "r0 = 0xffffffff5ca1ab1e ll; exit",
    "r0 = *(u64 *)(r1 +8); r0 += 0x1badb002; w0 ^= 0x0defaced; r0 *= 0x7ab1e1ed; exit",
    "r0 = *(u64 *)(r1 +0); r0 += 0x5ca1ab1e; r0 &= 0x7ab1e1ed; r0 |= 0x0defaced; exit",
    "r3 = *(u64 *)(r1 +0); r0 = r3; r0 += 0x5ca1ab1e; r0 -= r3; r0 ^= r3; exit",
    "r0 = *(u64 *)(r1 +0); r0 /= 0x5ca1ab1e; w0 %= 0x0defaced; exit",
    "r0 = *(u64 *)(r1 +0); if r0 > 0x5ca1ab1e goto over; r0 = 1; over: exit",
    "r0 = *(u64 *)(r1 +0); if w0 & 0x5ca1ab1e goto over; r0 = 0x7ab1e1ed; over: exit",
    "*(u64 *)(r1 +8) = 0x5ca1ab1e; *(u32 *)(r1 +16) = -0x0defaced; r0 = 7; exit",
    "r1 += 0x5ca1ab1e; r3 = 16; r1 += r3; r1 += -0x5ca1ab1e; r0 = *(u32 *)(r1 +0); exit",
    "r3 = 0; again: r0 = 0x5ca1ab1e; r3 += 0x0defaced; if r3 < 0x7ab1e1ed goto again; exit",
  ]

  /// The numbers in an assembly text that have four bytes, as they would stand in code.
  private static func numbers(in text: String) -> [[UInt8]] {
    text.split { !$0.isHexDigit && $0 != "x" }.filter { $0.hasPrefix("0x") && $0.count >= 9 }
      .flatMap { token -> [[UInt8]] in
        guard let value = UInt64(token.dropFirst(2), radix: 16) else { return [] }
        let numbers = value > UInt64(UInt32.max) ? [value, value >> 32] : [value, 0 &- value]
        return numbers.map { number in
          (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
      }
  }

  private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    guard bytes.count >= part.count else { return false }
    return (0...bytes.count - part.count).contains { start in
      bytes[start..<start + part.count].elementsEqual(part)
    }
  }

  @Test(
    "Numbers of a program are not in its hardened code, which does the same",
    arguments: programs)
  func blinding(_ lines: String) throws {
    let text = lines.split(separator: ";").map { String($0) }.joined(separator: "\n")
    let instructions = try Assembler().assemble(text).instructions
    let source = ProgramSource(name: "test", type: .memory, instructions: instructions)
    let memory = (0..<32).map { UInt8(truncatingIfNeeded: $0 * 37 + 201) }
    let plain = try unsafe Runtime(compiler: .x86()).loadUnverified(source)
    let runtime = Runtime(compiler: .x86(isHardened: true))
    let hardened = try unsafe runtime.loadUnverified(source)
    let numbers = Self.numbers(in: lines)
    #expect(!numbers.isEmpty)
    #expect(
      numbers.contains { Self.contains(plain.machineCode, $0) } || lines.contains("r1 +="),
      "the test has to look for something that is there otherwise")
    for number in numbers {
      #expect(!Self.contains(hardened.machineCode, number), "\(number) is in the code")
    }
    let expected = try runtime.outcome(of: instructions, on: memory, engine: .interpreter)
    let outcome = try runtime.outcome(of: instructions, on: memory, engine: .compiled)
    #expect(outcome.value == expected.value && outcome.memory == expected.memory)
  }

  @Test("Two compilations of a program have different numbers")
  func randomness() throws {
    let instructions = try Assembler().assemble("r0 = 0x5ca1ab1e\nexit").instructions
    let runtime = Runtime(compiler: .x86(isHardened: true))
    let source = ProgramSource(name: "test", type: .memory, instructions: instructions)
    let codes = try (0..<4).map { _ in try unsafe runtime.loadUnverified(source).machineCode }
    #expect(Set(codes).count > 1)
  }

  @Test("An index is masked behind its comparison", arguments: [MapType.array, .perCPUArray])
  func lookups(_ type: MapType) throws {
    let text = """
      r3 = *(u32 *)(r1 +0)
      *(u32 *)(r10 -4) = r3
      r2 = r10
      r2 += -4
      r1 = map[values]
      call map_lookup_elem
      if r0 == 0 goto end
      r0 = *(u64 *)(r0 +0)
      end: exit
      """
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(text)
    for isHardened in [false, true] {
      let runtime = Runtime(compiler: .x86(isHardened: isHardened))
      let map = try runtime.makeMap(
        MapDefinition(name: "values", type: type, keySize: 4, valueSize: 8, maxEntries: 5))
      for key: UInt8 in 0..<5 { try map.update([key, 0, 0, 0], [key + 1, 0, 0, 0, 0, 0, 0, 0]) }
      var source = ProgramSource(
        name: "test", type: .memory, instructions: assembled.instructions)
      for slot in assembled.references.keys {
        source.maps[slot] = ProgramSource.MapReference(map, valueOffset: nil)
      }
      let program = try unsafe runtime.loadUnverified(source)
      let values = try (0..<8).map { (key: UInt8) in
        try runtime.makeCPU().run(program, in: MemoryContext([key, 0, 0, 0])).returnValue
      }
      #expect(values == [1, 2, 3, 4, 5, 0, 0, 0])
      guard Disassembly.isAvailable else { continue }
      let code = try Disassembly.texts(of: program.machineCode)
      #expect(code.contains { $0.hasPrefix("sbb") } == isHardened, "\(code)")
    }
  }

  @Test("Slots of tail calls are found by masked indices")
  func tailCalls() throws {
    for isConstant in [false, true] {
      let runtime = Runtime(compiler: .x86(isHardened: true))
      let array = try runtime.makeMap(
        MapDefinition(
          name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: 4))
      let target = try Assembler().assemble("r0 = 5\nexit").instructions
      let last = try unsafe runtime.loadUnverified(
        ProgramSource(name: "last", type: .memory, instructions: target))
      try array.update(
        [2, 0, 0, 0], (0..<4).map { UInt8(truncatingIfNeeded: last.id >> ($0 * 8)) })
      let text = """
        \(isConstant ? "r3 = 2" : "r3 = *(u32 *)(r1 +0)")
        r2 = map[slots]
        call 12
        r0 = 9
        exit
        """
      let assembled = try Assembler().assemble(text)
      var source = ProgramSource(
        name: "first", type: .memory, instructions: assembled.instructions)
      for slot in assembled.references.keys {
        source.maps[slot] = ProgramSource.MapReference(array, valueOffset: nil)
      }
      let program = try unsafe runtime.loadUnverified(source)
      let values = try (0..<6).map { (index: UInt8) in
        try runtime.makeCPU().run(program, in: MemoryContext([index, 0, 0, 0])).returnValue
      }
      #expect(values == (isConstant ? [5, 5, 5, 5, 5, 5] : [9, 9, 5, 9, 9, 9]))
      guard Disassembly.isAvailable else { continue }
      let code = try Disassembly.texts(of: program.machineCode)
      #expect(code.contains { $0.hasPrefix("sbb") })
    }
  }
}
