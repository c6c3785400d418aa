import BPFCompiler
import BPFInstructions
public import BPFRuntime

/// A map of the runtime, with programs to reach it from the other side.
public final class RuntimeMap: MapUnderTest {
  /// The runtime that the map belongs to.
  public let runtime: Runtime
  /// The map.
  public let handle: MapHandle
  /// The CPU that programs run on.
  public var cpuIndex = 0
  private let arguments: MapHandle
  private let program: MapProgram
  private let programs: [Int: Program]
  private var cpus: [Int: CPU] = [:]

  /// Creates the map.
  public init(
    _ shape: MapShape, possibleCPUs: Int = 1, engine: Runtime.Engine = .interpreter
  ) throws {
    #if arch(x86_64)
    runtime = Runtime(possibleCPUs: possibleCPUs, compiler: .x86())
    #else
    runtime = Runtime(possibleCPUs: possibleCPUs)
    #endif
    handle = try runtime.makeMap(MapDefinition(shape))
    program = MapProgram(shape)
    arguments = try runtime.makeMap(MapDefinition(program.argumentsShape))
    let maps = ["subject": handle, "arguments": arguments]
    var programs: [Int: Program] = [:]
    for helper in shape.helpers {
      let text = program.assembly(helper: helper)
      programs[helper] = try runtime.loadUnverified(
        ProgramSource(assembly: text, maps: maps), engine: engine)
    }
    self.programs = programs
  }

  /// Tries one operation.
  public func perform(_ operation: MapOperation) throws -> MapOutcome {
    if let helper = operation.helper { return try run(operation, helper) }
    do throws(LinuxError) {
      switch operation {
      case .lookup(let key, let flags):
        return .bytes(try handle.lookup(key, flags: UpdateFlags(rawValue: flags)))
      case .update(let key, let value, let flags):
        try handle.update(key, value, flags: UpdateFlags(rawValue: flags))
      case .delete(let key): try handle.delete(key)
      case .next(let key): return try handle.nextKey(after: key).map { .bytes($0) } ?? .errno(2)
      case .mayContain(let value): return try handle.mayContain(value) ? .done : .errno(2)
      case .take(let key, let flags):
        return .bytes(try handle.lookupAndDelete(key, flags: UpdateFlags(rawValue: flags)))
      case .freeze: try handle.freeze()
      default: return .bytes(try handle.keys().sortedAndJoined)
      }
      return .done
    } catch {
      return .errno(Int(error.rawValue))
    }
  }

  private func run(_ operation: MapOperation, _ helper: Int) throws -> MapOutcome {
    let zero = bytes(UInt32(0))
    try arguments.update(zero, program.arguments(of: operation))
    let cpu = try cpus[cpuIndex] ?? runtime.makeCPU(index: cpuIndex)
    cpus[cpuIndex] = cpu
    guard let loaded = programs[helper] else { return .errno(-1) }
    let result = try cpu.run(loaded, in: MemoryContext([0]))
    return program.outcome(
      helper: helper, result: result.returnValue, arguments: try arguments.lookup(zero))
  }
}

extension MapDefinition {
  /// The definition of a map of this shape.
  public init(_ shape: MapShape) {
    self.init(
      type: MapType(rawValue: shape.type), keySize: shape.keySize, valueSize: shape.valueSize,
      maxEntries: shape.maxEntries, flags: MapFlags(rawValue: shape.flags),
      extra: shape.extra, lockOffset: shape.lockOffset, timerOffset: shape.timerOffset)
    hasTypes = shape.isTyped
  }
}

extension ProgramType {
  /// A program that gets a block of memory and may call what every program may.
  public static let test = ProgramType(
    number: 0x10000, name: "test", context: MemoryContext.layout, helpers: Helper.base)
}

extension ProgramSource {
  /// A program with maps by name; of the type ``BPFRuntime/ProgramType/test`` unless another one is
  /// given.
  public init(
    name: String = "test", assembly: String, type: ProgramType = .test,
    maps: [String: MapHandle] = [:]
  ) throws {
    let assembler = Assembler { HelperNames.number(of: $0) }
    let assembled = try assembler.assemble(assembly)
    self.init(
      name: name, type: type, instructions: assembled.instructions,
      maps: assembled.references.compactMapValues { maps[$0].map { MapReference($0) } })
  }
}
