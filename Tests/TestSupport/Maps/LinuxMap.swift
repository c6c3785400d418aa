import BPFInstructions
public import BPFKernel
public import BPFRuntime

/// A map in Linux, with programs to reach it from the other side.
public final class LinuxMap: MapUnderTest {
  /// The map.
  public let map: KernelMap
  /// The CPU that the last program ran on.
  public private(set) var cpuIndex = 0
  private let arguments: KernelMap
  private let program: MapProgram
  private let programs: [Int: KernelProgram]

  /// Creates the map.
  public init(_ shape: MapShape) throws {
    let map = try KernelMap(KernelMap.Shape(shape), types: try KernelMap.Types(shape))
    self.map = map
    program = MapProgram(shape)
    let arguments = try KernelMap(KernelMap.Shape(program.argumentsShape))
    self.arguments = arguments
    let assembler = Assembler(mapDescriptor: { name in
      name == "subject" ? map.descriptor.rawValue : arguments.descriptor.rawValue
    })
    var programs: [Int: KernelProgram] = [:]
    for helper in shape.helpers {
      let code = try assembler.assemble(program.assembly(helper: helper)).instructions
      programs[helper] = try KernelProgram(code, KernelProgram.Options(type: 6))
    }
    self.programs = programs
  }

  /// Tries one operation.
  public func perform(_ operation: MapOperation) throws -> MapOutcome {
    if let helper = operation.helper { return try run(operation, helper) }
    do throws(KernelErrno) {
      switch operation {
      case .lookup(let key, let flags): return .bytes(try map.lookup(key, flags: flags))
      case .update(let key, let value, let flags): try map.update(key, value, flags: flags)
      case .delete(let key): try map.delete(key)
      case .next(let key): return .bytes(try map.nextKey(after: key))
      case .mayContain(let value): return try map.mayContain(value) ? .done : .errno(2)
      case .take(let key, let flags):
        return .bytes(try map.lookupAndDelete(key, flags: flags))
      case .freeze: try map.freeze()
      default: return .bytes(try map.elements().map(\.key).sortedAndJoined)
      }
      return .done
    } catch {
      return .errno(Int(error.rawValue))
    }
  }

  private func run(_ operation: MapOperation, _ helper: Int) throws -> MapOutcome {
    let zero = bytes(UInt32(0))
    try arguments.update(zero, program.arguments(of: operation))
    guard let loaded = programs[helper] else { return .errno(-1) }
    let result = try loaded.testRun(data: [UInt8](repeating: 0, count: 64))
    let left = try arguments.lookup(zero)
    cpuIndex = program.cpuIndex(arguments: left)
    return program.outcome(
      helper: helper, result: UInt64(result.returnValue), arguments: left)
  }
}

extension KernelMap.Shape {
  /// The same as Linux wants it.
  public init(_ shape: MapShape) {
    self.init(
      type: shape.type, keySize: shape.keySize, valueSize: shape.valueSize,
      maxEntries: shape.maxEntries, flags: shape.flags,
      extra: shape.extra)
  }
}

extension KernelMap.Types {
  /// The types of a map's keys and values; `nil` where Linux need not know them.
  public init?(_ shape: MapShape) throws(KernelError) {
    try self.init(MapDefinition(shape))
  }

  /// The same for a map of ours.
  public init?(_ definition: MapDefinition) throws(KernelError) {
    let hasParts = definition.lockOffset != nil || definition.timerOffset != nil
    guard definition.hasTypes || hasParts else { return nil }
    let described = ValueTypes(
      keySize: definition.keySize, valueSize: definition.valueSize,
      lockOffset: definition.lockOffset, timerOffset: definition.timerOffset)
    self.init(
      btf: try KernelBTF(bytes: described.bytes), key: described.key, value: described.value)
  }
}
