import BPFCompiler
import BPFInstructions
import BPFObject
import Switchyard

/// Measures the rows `compile_*` of the topic `load`: what compiling costs per instruction, as the
/// difference between loading a program compiled and loading it for the interpreter.
///
/// DPDK's figure is of its whole load, which also verifies.
func measureCompiling(_ settings: Settings) throws -> [Row] {
  let runtime = Runtime(compiler: .x86())
  var rows: [Row] = []
  let straight = straightProgram(instructionCount: 4096)
  // Programs of one engine have arrays of programs for themselves.
  let compiled = try [straight] + objectSources(in: runtime, .compiled)
  let interpreted = try [straight] + objectSources(in: runtime, .interpreter)
  for (source, other) in zip(compiled, interpreted) {
    var contenders = [(Runtime.Engine.compiled, source), (.interpreter, other)].map {
      engine, source in
      Contender(engine: "\(engine)", operations: source.instructions.count) {
        _ = try unsafe runtime.loadUnverified(source, engine: engine)
        return nil
      }
    }
    if source.name == straight.name, DPDK.isAvailable {
      contenders.append(
        Contender(engine: "dpdk", operations: source.instructions.count) {
          _ = DPDKProgram(source.instructions)
          return nil
        })
    }
    let medians = Dictionary(
      uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
    let difference = (medians["compiled"] ?? 0) - (medians["interpreter"] ?? 0)
    let name = "compile_" + source.name
    rows.append(Row(topic: "load", name: name, engine: "switchyard-jit", ns: difference))
    if let dpdk = medians["dpdk"] {
      rows.append(Row(topic: "load", name: name, engine: "dpdk", ns: dpdk))
    }
  }
  return rows
}

/// The larger programs of the benchmark's and the examples' objects, with maps of their own.
private func objectSources(
  in runtime: Runtime, _ engine: Runtime.Engine
) throws -> [ProgramSource] {
  let smallest = 100
  var sources: [ProgramSource] = []
  for path in ["compute", "../../Examples/parser"] {
    let object = try benchmarkObject(path)
    let collection = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: engine))
    // The collection's own maps belong to programs of its kind.
    let maps = try collection.maps.map { try runtime.makeMap($0.handle.definition) }
    for spec in object.programs where spec.instructions.count >= smallest {
      guard let kind = spec.kind, let type = ProgramType.linux(number: kind.type) else { continue }
      var source = ProgramSource(name: spec.name, type: type, instructions: spec.instructions)
      for (slot, reference) in spec.references {
        source.maps[slot] =
          switch reference {
          case .map(let map): ProgramSource.MapReference(maps[map])
          case .mapValue(let map, let offset):
            ProgramSource.MapReference(maps[map], valueOffset: offset)
          }
      }
      sources.append(source)
    }
  }
  return sources
}

/// What unrolled checksums and parsers are made of: loads, arithmetic, stores to the stack.
func straightProgram(instructionCount: Int) -> ProgramSource {
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
