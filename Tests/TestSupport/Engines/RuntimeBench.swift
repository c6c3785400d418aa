import BPFCompiler
import BPFInstructions
package import BPFRuntime

/// Maps and programs in a runtime of our own.
package final class RuntimeBench: Bench {
  /// Which of our engines.
  package let engine: Engine
  /// What owns maps and programs.
  package let runtime: Runtime
  /// Where programs run.
  package let cpu: CPU
  /// The handles by name.
  package private(set) var maps: [String: MapHandle] = [:]
  /// Where the last run sent its packet to.
  package private(set) var redirectTarget: RedirectTarget?
  /// Which socket the last run chose.
  package private(set) var selectedSocket: SelectedSocket?
  /// What the last run found out about a flow.
  package private(set) var flowKeys: FlowKeys?
  private var events: [String: PerfEventReader] = [:]
  /// The programs by name.
  package private(set) var programs: [String: Program] = [:]

  /// Makes an empty runtime.
  package init(_ engine: Engine) throws {
    self.engine = engine
    runtime = Runtime(possibleCPUs: 4, compiler: engine == .compiled ? .x86() : nil)
    cpu = try runtime.makeCPU()
  }

  package func makeMap(_ name: String, _ definition: MapDefinition) throws(BenchError) {
    maps[name] = try Self.translate { () throws(LinuxError) in try runtime.makeMap(definition) }
  }

  package func makeMap(
    _ name: String, _ definition: MapDefinition, template: String
  ) throws(BenchError) {
    let template = try with(template) { $0 }
    maps[name] = try Self.translate { () throws(LinuxError) in
      try runtime.makeMap(definition, template: template)
    }
  }

  package func load(_ name: String, _ program: BenchProgram) throws(BenchError) {
    let source = try Self.source(name, program, maps)
    do throws(LoadError) {
      programs[name] = try runtime.loadUnverified(
        source, engine: engine == .compiled ? .compiled : .interpreter)
    } catch {
      let errno: LinuxError =
        switch error {
        case .tooManyMaps, .tooManyInstructions: .tooBig
        case .noMemory: .noMemory
        default: .invalid
        }
      throw .refused(errno, reason: "\(error)")
    }
  }

  /// What the runtime loads a program from.
  package static func source(
    _ name: String, _ program: BenchProgram, _ maps: [String: MapHandle]
  ) throws(BenchError) -> ProgramSource {
    let assembled = try program.assembled()
    var references: [Int: ProgramSource.MapReference] = [:]
    for (slot, map) in assembled.references {
      guard let handle = maps[map] else { throw .refused(.badDescriptor, reason: "no map \(map)") }
      let isValue =
        assembled.instructions[slot].source.rawValue == PseudoSource.mapValueByDescriptor.rawValue
      let offset = UInt32(bitPattern: assembled.instructions[slot + 1].immediate)
      references[slot] = .init(handle, valueOffset: isValue ? offset : nil)
    }
    return ProgramSource(
      name: name, type: program.type, instructions: assembled.instructions, maps: references,
      traits: program.traits, license: program.license)
  }

  package func run(_ name: String, _ input: BenchInput) throws(BenchError) -> BenchResult {
    guard let program = programs[name] else {
      throw .refused(.badDescriptor, reason: "no program \(name)")
    }
    let context = try Self.translate { () throws(LinuxError) in
      try Self.context(of: program.type, input)
    }
    do throws(Fault) {
      let mode: CPU.Mode = engine == .unchecked ? .unchecked : .checked
      let result = try cpu.run(program, in: context, mode: mode)
      let packet = context as? PacketContext
      redirectTarget = packet?.redirectTarget
      selectedSocket = context.selectedSocket
      flowKeys = packet?.flowKeys
      var showsContext = program.type.number == 3 || program.type.number == 4
      if case .context = input { showsContext = true }
      return BenchResult(
        value: UInt32(truncatingIfNeeded: result.returnValue), packet: packet?.output ?? [],
        context: showsContext ? context.bytes : [])
    } catch {
      throw .fault(error.kind)
    }
  }

  private static func context(
    of type: ProgramType, _ input: BenchInput
  ) throws(LinuxError) -> Context {
    switch input {
    case .words(let words):
      let context = try Context(layout: type.context)
      let bytes = words.flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
      }
      context.bytes =
        bytes + [UInt8](repeating: 0, count: type.context.byteCount - bytes.count)
      return context
    case .context(let bytes):
      let context = try Context(layout: type.context)
      context.bytes =
        bytes + [UInt8](repeating: 0, count: type.context.byteCount - bytes.count)
      return context
    case .packet(let bytes):
      let context = try PacketContext(type: type)
      try context.load(bytes)
      return context
    }
  }

  package func lookup(
    _ map: String, _ key: [UInt8], flags: UInt64
  ) throws(BenchError) -> [UInt8] {
    try with(map) { handle throws(LinuxError) in
      try handle.lookup(key, flags: UpdateFlags(rawValue: flags))
    }
  }

  package func update(
    _ map: String, _ key: [UInt8], _ value: [UInt8], flags: UInt64
  ) throws(BenchError) {
    try with(map) { handle throws(LinuxError) in
      try handle.update(key, value, flags: UpdateFlags(rawValue: flags))
    }
  }

  package func delete(_ map: String, _ key: [UInt8]) throws(BenchError) {
    try with(map) { handle throws(LinuxError) in try handle.delete(key) }
  }

  package func nextKey(_ map: String, after key: [UInt8]?) throws(BenchError) -> [UInt8]? {
    try with(map) { handle throws(LinuxError) in try handle.nextKey(after: key) }
  }

  package func lookupAndDelete(_ map: String, _ key: [UInt8]) throws(BenchError) -> [UInt8] {
    try with(map) { handle throws(LinuxError) in try handle.lookupAndDelete(key) }
  }

  package func freeze(_ map: String) throws(BenchError) {
    try with(map) { handle throws(LinuxError) in try handle.freeze() }
  }

  package func slotValue(ofMap map: String) throws(BenchError) -> [UInt8] {
    littleEndian(try with(map) { $0.id })
  }

  package func slotValue(of program: String) throws -> [UInt8] {
    littleEndian(try programID(program))
  }

  package func programID(_ program: String) throws -> UInt32 {
    guard let id = programs[program]?.id else {
      throw BenchError.refused(.badDescriptor, reason: "no program \(program)")
    }
    return id
  }

  package func mapID(_ map: String) throws -> UInt32 {
    try with(map) { handle throws(LinuxError) in handle.id }
  }

  package func programExists(_ id: UInt32) -> Bool { runtime.program(id: id) != nil }

  package func mapExists(_ id: UInt32) -> Bool { runtime.map(id: id) != nil }

  package func records(of map: String) throws -> [RingRecord] {
    let reader = try with(map) { handle throws(LinuxError) in try RingBufferReader(handle) }
    var records: [RingRecord] = []
    reader.consume { record in
      record.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        // Nobody is shown the header, but it has to be there.
        records.append(
          RingRecord(
            length: (start - 8).load(as: UInt32.self), page: (start - 4).load(as: UInt32.self),
            bytes: Array(bytes)))
      }
    }
    return records
  }

  package func openEvents(_ map: String) throws {
    events[map] = try with(map) { handle throws(LinuxError) in try PerfEventReader(handle) }
  }

  package func samples(of map: String) throws -> [[UInt8]] {
    var samples: [[UInt8]] = []
    events[map]?.consume { event in
      if case .sample(_, let bytes) = event { samples.append(bytes) }
    }
    return samples
  }

  package func closeMap(_ map: String) { maps[map] = nil }

  package func openMap(_ map: String, id: UInt32) throws(BenchError) {
    guard let handle = runtime.map(id: id) else { throw .refused(.noEntry, reason: "map \(id)") }
    maps[map] = handle
  }

  package func closeProgram(_ program: String) { programs[program] = nil }

  private func with<Result>(
    _ map: String, _ body: (MapHandle) throws(LinuxError) -> Result
  ) throws(BenchError) -> Result {
    guard let handle = maps[map] else { throw .refused(.badDescriptor, reason: "no map \(map)") }
    return try Self.translate { () throws(LinuxError) in try body(handle) }
  }

  private static func translate<Result>(
    _ body: () throws(LinuxError) -> Result
  ) throws(BenchError) -> Result {
    do throws(LinuxError) {
      return try body()
    } catch {
      throw .refused(error, reason: "\(error)")
    }
  }
}

extension BenchProgram {
  /// The slots, and which of them refer to maps.
  func assembled(
    _ descriptors: [String: Int32]? = nil
  ) throws(BenchError) -> AssembledProgram {
    let number: @Sendable (String) -> Int32? = { HelperNames.number(of: $0) }
    let assembler =
      descriptors.map { known in
        Assembler(helperNumber: number, mapDescriptor: { known[$0] })
      } ?? Assembler(helperNumber: number)
    do throws(AssemblyError) {
      return try assembler.assemble(text)
    } catch {
      throw .refused(.invalid, reason: "\(error)")
    }
  }
}
