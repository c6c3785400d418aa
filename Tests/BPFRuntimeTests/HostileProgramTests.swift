import BPFInstructions
import BPFRuntime
import Foundation
import TestSupport
import Testing

/// Whatever a program does, a checked run ends with a result or a fault, and the host lives on.
///
/// Programs are made of instructions that are well formed and otherwise random: registers hold the
/// context, packet pointers, maps, addresses of values, results of helpers and garbage, and helpers
/// are called with arguments that fit, nearly fit or do not fit at all.
/// `SWITCHYARD_FUZZ_PROGRAMS` sets how many are tried; the seeds are fixed.
@Suite("Hostile programs in checked runs")
struct HostileProgramTests {
  static let count =
    Int(ProcessInfo.processInfo.environment["SWITCHYARD_FUZZ_PROGRAMS"] ?? "") ?? 400

  @Test("random programs end, with a result or a fault", arguments: 0..<8)
  func randomPrograms(seed: Int) throws {
    var outcomes = Outcomes()
    for type in [ProgramType.xdp, .schedCls, .socketFilter, Self.everything] {
      let bench = try TestBench(type: type, seed: UInt64(seed))
      for _ in 0..<Self.count { try bench.runOne(&outcomes) }
    }
    // A generator whose programs all fault at once, or never, tests little.
    #expect(outcomes.finished > Self.count / 20)
    #expect(outcomes.faults.count >= 5, "\(outcomes.faults)")
  }

  /// A type that has no struct in front of its packet and may call every helper.
  static let everything: ProgramType = {
    let types = [ProgramType.xdp, .schedCls, .socketFilter]
    return ProgramType(
      number: 0x10001, name: "everything", context: MemoryContext.layout,
      helpers: types.flatMap { Array($0.helpers.values) }, allowsPacketLoads: true)
  }()

  /// What became of the programs.
  struct Outcomes {
    var finished = 0
    var faults: [String: Int] = [:]
    var refused = 0
  }
}

/// A runtime with maps of every kind, and a source of random programs for it.
private final class TestBench {
  private let runtime: Runtime
  private let type: ProgramType
  private let maps: [MapHandle]
  private let array: MapHandle
  private let global: MapHandle
  private let cpu: CPU
  private let packetContext: PacketContext?
  private var random: SplitMix

  init(type: ProgramType, seed: UInt64) throws {
    let runtime = Runtime(possibleCPUs: 2)
    self.runtime = runtime
    self.type = type
    random = SplitMix(state: seed &* 7919 &+ UInt64(type.number))
    let shapes: [(MapType, UInt32, UInt32)] = [
      (.array, 4, 8), (.array, 4, 100), (.perCPUArray, 4, 16), (.hash, 8, 24),
      (.perCPUHash, 4, 8),
    ]
    maps = try shapes.map { type, key, value in
      try runtime.makeMap(
        MapDefinition(type: type, keySize: key, valueSize: value, maxEntries: 3))
    }
    array = try runtime.makeMap(
      MapDefinition(type: .programArray, keySize: 4, valueSize: 4, maxEntries: 8))
    global = try runtime.makeMap(
      MapDefinition(type: .array, keySize: 4, valueSize: 64, maxEntries: 1))
    cpu = try runtime.makeCPU(index: 1)
    cpu.instructionLimit = 3000
    let hasStruct = type.context.byteCount > 0
    packetContext = hasStruct ? try PacketContext(type: type) : nil
  }

  func runOne(_ outcomes: inout HostileProgramTests.Outcomes) throws {
    guard let program = load() else {
      outcomes.refused += 1
      return
    }
    let slot = UInt32.random(in: 0..<8, using: &random)
    if Bool.random(using: &random) { try array.setProgram(program, at: slot) }
    let size = [14, 40, 64, 1500, 3520, 5000].randomElement(using: &random) ?? 64
    let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
    try packetContext?.load(bytes)
    let context: Context = try packetContext ?? MemoryContext(size == 14 ? [] : bytes)
    do throws(Fault) {
      _ = try cpu.run(program, in: context)
      outcomes.finished += 1
    } catch {
      let name = "\(error.kind)".split(separator: " ").first.map(String.init) ?? ""
      outcomes.faults[name, default: 0] += 1
    }
  }

  private func load() -> Program? {
    var instructions: [Instruction] = []
    var references: [Int: ProgramSource.MapReference] = [:]
    let length = Int.random(in: 3...40, using: &random)
    // Start with what real programs start with, so that the rest finds something to work on.
    append("r6 = r1", to: &instructions)
    switch type.number {
    case ProgramType.xdp.number: append("r7 = *(u32 *)(r1 +0)", to: &instructions)
    case ProgramType.schedCls.number: append("r7 = *(u32 *)(r1 +76)", to: &instructions)
    default: append("r7 = r1", to: &instructions)
    }
    references[instructions.count] = .init(
      global, valueOffset: UInt32.random(in: 0..<64, using: &random))
    instructions += Instruction.loadImmediate64(.r9, 0, source: .r2)
    append("r8 = r10", to: &instructions)
    while instructions.count < length {
      appendRandom(to: &instructions, &references)
    }
    append("r0 = 0", to: &instructions)
    append("exit", to: &instructions)
    retarget(&instructions)
    return try? runtime.load(
      ProgramSource(name: "hostile", type: type, instructions: instructions, maps: references))
  }

  private func append(_ text: String, to instructions: inout [Instruction]) {
    instructions += (try? Assembler().assemble(text).instructions) ?? []
  }

  private func appendRandom(
    to instructions: inout [Instruction], _ references: inout [Int: ProgramSource.MapReference]
  ) {
    switch Int.random(in: 0..<12, using: &random) {
    case 0:
      let map = maps.randomElement(using: &random) ?? array
      references[instructions.count] = .init(Bool.random(using: &random) ? map : array)
      let register = Register(rawValue: UInt8.random(in: 1...5, using: &random))
      instructions += Instruction.loadImmediate64(register, 0, source: .r1)
    case 1, 2:
      appendHelperCall(to: &instructions, &references)
    case 3:
      append("r1 = r6", to: &instructions)
      references[instructions.count] = .init(array)
      instructions += Instruction.loadImmediate64(.r2, 0, source: .r1)
      append("r3 = \(Int.random(in: -1...9, using: &random))", to: &instructions)
      append("call 12", to: &instructions)
    case 4:
      // Where it leads is decided with the jumps.
      instructions += Instruction.loadImmediate64(.r3, 0, source: .r4)
      append("callx r3", to: &instructions)
    case 5:
      append("*(u64 *)(\(pointer()) +0) = \(pointer())", to: &instructions)
    default:
      instructions += [randomInstruction()]
    }
  }

  /// A register that holds an address more often than not.
  private func pointer() -> String {
    ["r6", "r7", "r8", "r9", "r10"].randomElement(using: &random) ?? "r6"
  }

  /// A call of a helper, most arguments being what its signature asks for; its result is kept
  /// where the next instructions look for addresses.
  private func appendHelperCall(
    to instructions: inout [Instruction], _ references: inout [Int: ProgramSource.MapReference]
  ) {
    let all = type.helpers.values.sorted { $0.number < $1.number }
    guard let helper = all.randomElement(using: &random) else { return }
    for (index, argument) in helper.arguments.enumerated() {
      let name = "r\(index + 1)"
      let number = [0, 1, 4, 8, 13, 64, 300, -1, .min].randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<8, using: &random) == 0 ? .anything : argument {
      case .context: append("\(name) = r6", to: &instructions)
      case .map:
        references[instructions.count] = .init(maps.randomElement(using: &random) ?? array)
        let register = Register(rawValue: UInt8(index + 1))
        instructions += Instruction.loadImmediate64(register, 0, source: .r1)
      case .socket, .mapKey, .mapValue, .newMapValue, .mapValueOrNull, .readableMemory,
        .writableMemory, .fixedMemory, .readableFixedMemory:
        append("\(name) = \(pointer())", to: &instructions)
        append("\(name) += \(Int.random(in: -520...8, using: &random) & ~3)", to: &instructions)
      case .reservation: append("\(name) = \(pointer())", to: &instructions)
      case .size: append("\(name) = \(abs(number &+ 1) % 400)", to: &instructions)
      case .function:
        let register = Register(rawValue: UInt8(index + 1))
        instructions += Instruction.loadImmediate64(register, 0, source: .r4)
      case .anything:
        append(
          "\(name) = \(Bool.random(using: &random) ? pointer() : "\(number)")", to: &instructions)
      }
    }
    append("call \(helper.number)", to: &instructions)
    append("\(["r7", "r8", "r9"].randomElement(using: &random) ?? "r9") = r0", to: &instructions)
  }

  private func randomInstruction() -> Instruction {
    let usable = Operation.allCases.filter { operation in
      switch operation.kind {
      case .callKernelFunction, .loadImmediate64, .exit: false
      default: true
      }
    }
    let operation = usable.randomElement(using: &random) ?? .add64Immediate
    let encoding = operation.encoding
    func field(_ field: Encoding.Field, _ value: Int32) -> Int32 {
      switch field {
      case .operand: value
      case .fixed(let fixed): fixed
      }
    }
    let number: Int32 =
      [0, 1, 2, 4, 8, 64, -1, -8, -64, .max, .min].randomElement(using: &random) ?? 0
    let offset: Int32 =
      [0, 1, 2, 4, 8, 13, 60, -1, -8, -16, -512, -520].randomElement(using: &random) ?? 0
    return Instruction(
      opcode: encoding.opcode,
      destination: Register(
        rawValue: UInt8(field(encoding.destination, Int32.random(in: 0...10, using: &random)))),
      source: Register(
        rawValue: UInt8(field(encoding.source, Int32.random(in: 0...10, using: &random)))),
      offset: Int16(truncatingIfNeeded: field(encoding.offset, offset)),
      immediate: field(encoding.immediate, number))
  }

  /// Points every jump and call at an instruction of the program, backwards ones included.
  private func retarget(_ instructions: inout [Instruction]) {
    var isSecondHalf = false
    var starts: [Int] = []
    for (index, instruction) in instructions.enumerated() {
      if isSecondHalf {
        isSecondHalf = false
        continue
      }
      starts.append(index)
      isSecondHalf = instruction.opcode == Opcode.loadImmediate64
    }
    for index in starts {
      guard let operation = try? Operation(instructions[index], at: index),
        instructions.jumpTarget(of: operation, at: index) != nil,
        let target = starts.randomElement(using: &random)
      else { continue }
      let distance = target - index - 1
      switch operation {
      case .callSubprogram, .jumpLong, .loadImmediate64:
        instructions[index].immediate = Int32(distance)
      default: instructions[index].offset = Int16(distance)
      }
    }
  }
}
