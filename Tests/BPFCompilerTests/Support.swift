import BPFCompiler
import BPFInstructions
import BPFRuntime
import Testing

/// Compilers for this processor: as it is, and as if it did not have BMI2.
enum Compilers {
  static let isAvailable = ProgramCompiler.x86() != nil

  static func all() throws -> [ProgramCompiler] {
    let plain = try #require(CodeRegion())
    return [try #require(.x86()), ProgramCompiler(region: plain, processor: .none)]
  }
}

extension ProgramType {
  /// Any memory behind r1, its length in r2, and helpers that need nothing.
  static let memory = ProgramType(
    number: 0x1_0001, name: "memory", context: MemoryContext.layout,
    helpers: Helper.base + [
      Helper(
        number: 5, name: "echo", arguments: [.anything],
        function: { first, _, _, _, _, _ in first })
    ], allowsPacketLoads: true)
}

extension Runtime {
  /// Runs assembly on memory; returns r0 and the memory afterwards.
  func outcome(
    of instructions: [Instruction], on memory: [UInt8], engine: Engine
  ) throws -> (value: UInt64, memory: [UInt8]) {
    let program = try loadUnverified(
      ProgramSource(name: "test", type: .memory, instructions: instructions), engine: engine)
    let context = try MemoryContext(memory)
    let result = try makeCPU().run(program, in: context)
    return (result.returnValue, context.contents)
  }
}
