import BPFCompiler
import BPFInstructions
import Switchyard

/// Measures the topic `load`: what compiling costs per instruction, as the difference between
/// loading a program compiled and loading it for the interpreter.
func measureCompiling(_ settings: Settings) throws -> [Row] {
  let runtime = Runtime(compiler: .x86())
  let source = straightProgram(instructionCount: 4096)
  let contenders = [Runtime.Engine.compiled, .interpreter].map { engine in
    Contender(engine: "\(engine)", operations: source.instructions.count) {
      _ = try unsafe runtime.loadUnverified(source, engine: engine)
      return nil
    }
  }
  let medians = Dictionary(
    uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds * 4))
  let difference = (medians["compiled"] ?? 0) - (medians["interpreter"] ?? 0)
  return [Row(topic: "load", name: "compile_straight", engine: "switchyard-jit", ns: difference)]
}

/// What unrolled checksums and parsers are made of: loads, arithmetic, stores to the stack.
private func straightProgram(instructionCount: Int) -> ProgramSource {
  var instructions = [
    Instruction(.move64Register, destination: .r6, source: .r1),
    Instruction(.move64Immediate, destination: .r0),
    Instruction(.storeDoubleWordImmediate, destination: .r10, offset: -8, immediate: 7),
  ]
  while instructions.count < instructionCount - 8 {
    let number = Int32(instructions.count)
    instructions += [
      Instruction(.loadDoubleWord, destination: .r3, source: .r10, offset: -8),
      Instruction(.move64Register, destination: .r4, source: .r3),
      Instruction(.shiftRight64Immediate, destination: .r4, immediate: 7),
      Instruction(.xor64Register, destination: .r4, source: .r3),
      Instruction(.and64Immediate, destination: .r4, immediate: 0xffff),
      Instruction(.add64Immediate, destination: .r4, immediate: number),
      Instruction(.add64Register, destination: .r0, source: .r4),
      Instruction(.storeDoubleWordRegister, destination: .r10, source: .r0, offset: -8),
    ]
  }
  instructions.append(Instruction(.exit))
  return ProgramSource(name: "straight", type: .socketFilter, instructions: instructions)
}
