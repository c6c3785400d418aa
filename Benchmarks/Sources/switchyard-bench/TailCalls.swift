import BPFCompiler
import BPFKernel
import Switchyard

/// One shape of chain for the topic `tail_call`.
struct ChainShape {
  var name: String
  /// Programs in the chain; 1 for a program that calls itself until its budget is spent.
  var programs: Int
  /// Whether the verifier knows the index.
  var isConstant: Bool
  /// Keeps r6 to r9 and 128 bytes of stack alive across every hop.
  var isHeavy = false
  /// Calls a subprogram in every program.
  var callsSubprogram = false

  static let hops = 33

  static let all = [
    ChainShape(name: "variable_self", programs: 1, isConstant: false),
    ChainShape(name: "variable_34", programs: 34, isConstant: false),
    ChainShape(name: "constant_self", programs: 1, isConstant: true),
    ChainShape(name: "constant_34", programs: 34, isConstant: true),
    ChainShape(name: "constant_34_heavy", programs: 34, isConstant: true, isHeavy: true),
    ChainShape(name: "subprogram", programs: 34, isConstant: true, callsSubprogram: true),
  ]

  /// The program in a slot. Word 8 of the context, `mark`, is 0.
  func text(_ number: Int) -> String {
    guard programs == 1 || number < Self.hops else { return "r0 = 1\nexit" }
    let next = programs == 1 ? 0 : number + 1
    var lines: [String] = ["r6 = r1"]
    if callsSubprogram { lines += ["call double", "r1 = r6"] }
    if isHeavy {
      lines += ["r7 = *(u32 *)(r1 +8)", "r8 = r7", "r8 += 1", "r9 = r8", "r9 += 1"]
      for word in 1...16 { lines.append("*(u64 *)(r10 -\(word * 8)) = r7") }
    }
    if isConstant {
      lines.append("r3 = \(next)")
    } else {
      lines += ["r3 = *(u32 *)(r1 +8)", "r3 += \(next)"]
    }
    lines += ["r2 = map[slots]", "call 12"]
    if isHeavy {
      // What is alive across the call: read on the way that is never taken.
      lines += ["r0 = r7", "r0 += r8", "r0 += r9"]
      for word in 1...16 { lines += ["r1 = *(u64 *)(r10 -\(word * 8))", "r0 += r1"] }
    } else {
      lines.append("r0 = 2")
    }
    lines.append("exit")
    if callsSubprogram { lines += ["double: r0 = r1", "r0 = 0", "exit"] }
    return lines.joined(separator: "\n")
  }
}

extension ChainShape {
  /// The chain in a runtime of our own.
  func chain(_ engine: Runtime.Engine, isFilled: Bool) throws -> (Int) throws -> Void {
    let runtime = Runtime(compiler: .x86())
    let slots = try runtime.makeMap(
      MapDefinition(
        name: "slots", type: .programArray, keySize: 4, valueSize: 4,
        maxEntries: UInt32(programs)))
    let loaded = try (0..<programs).map { number in
      let assembled = try Assembler().assemble(text(number))
      let maps = assembled.references.mapValues { _ in ProgramSource.MapReference(slots) }
      return try runtime.load(
        verifying: ProgramSource(
          name: "stage", type: .socketFilter, instructions: assembled.instructions, maps: maps),
        engine: engine)
    }
    for (number, program) in loaded.enumerated() where isFilled {
      try slots.update(bytes(UInt32(number)), bytes(program.id))
    }
    let context = try PacketContext(type: .socketFilter)
    try context.load([UInt8](repeating: 0, count: 64))
    let cpu = try runtime.makeCPU()
    let first = loaded[0]
    return { count in
      for _ in 0..<count { _ = try cpu.run(first, in: context, mode: .unchecked) }
      _ = slots
    }
  }

  /// The chain in Linux; nanoseconds per run.
  func kernelChain(isFilled: Bool) throws -> (UInt32) throws -> Double {
    let shape = KernelMap.Shape(
      type: 3, keySize: 4, valueSize: 4, maxEntries: UInt32(programs), flags: 0)
    let slots = try KernelMap(shape, name: "slots")
    let descriptor = slots.descriptor.rawValue
    let loaded = try (0..<programs).map { number in
      let assembled = try Assembler(mapDescriptor: { _ in descriptor }).assemble(text(number))
      return try KernelProgram(
        assembled.instructions, KernelProgram.Options(type: 1, license: "GPL", name: "stage"))
    }
    for (number, program) in loaded.enumerated() where isFilled {
      try slots.update(bytes(UInt32(number)), program.slotValue)
    }
    let packet = [UInt8](repeating: 0, count: 64)
    return { count in
      let run = try loaded[0].testRun(data: packet, repetitions: count)
      _ = slots
      return Double(run.durationNanoseconds)
    }
  }

  private func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

/// Measures the topic `tail_call`: nanoseconds per hop. What a run costs whose first tail call
/// finds an empty slot is subtracted.
func measureTailCalls(_ settings: Settings) throws -> [Row] {
  var rows: [Row] = []
  for shape in ChainShape.all {
    var contenders: [Contender] = []
    for (engine, name) in [
      (Runtime.Engine.compiled, "switchyard-jit"), (.interpreter, "switchyard-interpreter"),
    ] {
      for isFilled in [true, false] {
        let work = try shape.chain(engine, isFilled: isFilled)
        let count = try Sampling.repetitions(filling: settings.nanosecondsPerSample, work)
        contenders.append(
          Contender(engine: name + (isFilled ? "" : " empty"), operations: count) {
            try work(count)
            return nil
          })
      }
    }
    if Kernel.availability.isAvailable {
      for isFilled in [true, false] {
        // Linux tells whole nanoseconds per run.
        let run = try shape.kernelChain(isFilled: isFilled)
        contenders.append(
          Contender(engine: "linux" + (isFilled ? "" : " empty"), operations: 1) {
            try run(1 << 14)
          })
      }
    }
    let medians = Dictionary(
      uniqueKeysWithValues: try Sampling.medians(of: contenders, rounds: settings.rounds))
    for (engine, ns) in medians.sorted(by: { $0.key < $1.key }) {
      guard let empty = medians[engine + " empty"] else { continue }
      rows.append(
        Row(
          topic: "tail_call", name: shape.name, engine: engine,
          ns: (ns - empty) / Double(ChainShape.hops)))
    }
  }
  return rows
}
