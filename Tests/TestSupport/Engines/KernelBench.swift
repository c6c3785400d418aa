import BPFInstructions
package import BPFKernel
package import BPFRuntime

/// Maps and programs in Linux.
package final class KernelBench: Bench {
  package let engine = Engine.kernel
  private var maps: [String: KernelMap] = [:]
  private var programs: [String: KernelProgram] = [:]
  private var types: [String: UInt32] = [:]
  private var events: [String: KernelPerfEvents] = [:]

  /// Begins with nothing.
  package init() {}

  package func makeMap(_ name: String, _ definition: MapDefinition) throws(BenchError) {
    try makeMap(name, definition, nil)
  }

  package func makeMap(
    _ name: String, _ definition: MapDefinition, template: String
  ) throws(BenchError) {
    try makeMap(name, definition, try with(template) { $0 })
  }

  private func makeMap(
    _ name: String, _ definition: MapDefinition, _ template: KernelMap?
  ) throws(BenchError) {
    let shape = KernelMap.Shape(
      type: definition.type.rawValue, keySize: definition.keySize, valueSize: definition.valueSize,
      maxEntries: definition.maxEntries, flags: definition.flags.rawValue,
      extra: definition.extra)
    maps[name] = try Self.translateCreation { () throws(KernelError) in
      try KernelMap(
        shape, name: definition.name, innerMap: template, types: try KernelMap.Types(definition))
    }
  }

  package func load(_ name: String, _ program: BenchProgram) throws(BenchError) {
    let assembled = try program.assembled(maps.mapValues { $0.descriptor.rawValue })
    let functions = SubprogramTypes(assembled.instructions)
    programs[name] = try Self.translateCreation { () throws(KernelError) in
      var options = KernelProgram.Options(
        type: program.type.number, expectedAttachType: program.traits.expectedAttachType,
        license: program.license, name: name,
        flags: (program.traits.hasFragments ? 32 : 0) | (program.traits.isSleepable ? 16 : 0))
      if !functions.slots.isEmpty {
        options.btf = try KernelBTF(bytes: functions.bytes)
        options.functionInfo = functions.records
      }
      return try KernelProgram(assembled.instructions, options)
    }
    types[name] = program.type.number
  }

  package func run(_ name: String, _ input: BenchInput) throws(BenchError) -> BenchResult {
    guard let program = programs[name] else {
      throw .refused(.badDescriptor, reason: "no program \(name)")
    }
    let isTraffic = types[name] == 3 || types[name] == 4
    return try Self.translate { () throws(KernelErrno) in
      switch input {
      case .words(let words):
        let words = words + [UInt64](repeating: 0, count: 12 - words.count)
        let run = try program.testRun(context: words.flatMap { KernelBytes.doubleWord($0) })
        return BenchResult(value: run.returnValue)
      case .context(let bytes):
        let run = try program.testRun(context: bytes, contextCapacity: bytes.count)
        return BenchResult(value: run.returnValue, context: run.context)
      case .packet(let bytes):
        let run = try program.testRun(data: bytes, contextCapacity: isTraffic ? 192 : 0)
        return BenchResult(value: run.returnValue, packet: run.data, context: run.context)
      }
    }
  }

  package func lookup(
    _ map: String, _ key: [UInt8], flags: UInt64
  ) throws(BenchError) -> [UInt8] {
    try with(map) { map throws(KernelErrno) in try map.lookup(key, flags: flags) }
  }

  package func update(
    _ map: String, _ key: [UInt8], _ value: [UInt8], flags: UInt64
  ) throws(BenchError) {
    try with(map) { map throws(KernelErrno) in try map.update(key, value, flags: flags) }
  }

  package func delete(_ map: String, _ key: [UInt8]) throws(BenchError) {
    try with(map) { map throws(KernelErrno) in try map.delete(key) }
  }

  package func nextKey(_ map: String, after key: [UInt8]?) throws(BenchError) -> [UInt8]? {
    do throws(BenchError) {
      return try with(map) { map throws(KernelErrno) in try map.nextKey(after: key) }
    } catch {
      if error.errno == .noEntry { return nil }
      throw error
    }
  }

  package func lookupAndDelete(_ map: String, _ key: [UInt8]) throws(BenchError) -> [UInt8] {
    try with(map) { map throws(KernelErrno) in try map.lookupAndDelete(key) }
  }

  package func freeze(_ map: String) throws(BenchError) {
    try with(map) { map throws(KernelErrno) in try map.freeze() }
  }

  package func slotValue(ofMap map: String) throws(BenchError) -> [UInt8] {
    try with(map) { $0.slotValue }
  }

  package func slotValue(of program: String) throws -> [UInt8] {
    try known(program).slotValue
  }

  package func programID(_ program: String) throws -> UInt32 {
    try known(program).facts.identifier
  }

  package func mapID(_ map: String) throws -> UInt32 {
    try with(map) { map throws(KernelErrno) in try map.identifier }
  }

  package func programExists(_ id: UInt32) -> Bool {
    (try? KernelProgram(identifier: id)) != nil
  }

  package func mapExists(_ id: UInt32) -> Bool {
    (try? KernelMap(identifier: id)) != nil
  }

  package func records(of map: String) throws -> [RingRecord] {
    try with(map) { KernelRing($0) }?.records().filter { $0.length < 1 << 30 } ?? []
  }

  package func openEvents(_ map: String) throws {
    events[map] = try with(map) { KernelPerfEvents($0) }
    if events[map] == nil { throw BenchError.refused(.notPermitted, reason: "no perf events") }
  }

  package func samples(of map: String) throws -> [[UInt8]] { events[map]?.samples() ?? [] }

  package func closeMap(_ map: String) { maps[map] = nil }

  package func openMap(_ map: String, id: UInt32) throws(BenchError) {
    maps[map] = try Self.translate { () throws(KernelErrno) in try KernelMap(identifier: id) }
  }

  package func closeProgram(_ program: String) { programs[program] = nil }

  /// A loaded program, to hang it somewhere.
  package func program(_ name: String) throws -> KernelProgram { try known(name) }

  private func known(_ name: String) throws(BenchError) -> KernelProgram {
    guard let program = programs[name] else {
      throw .refused(.badDescriptor, reason: "no program \(name)")
    }
    return program
  }

  private func with<Result>(
    _ name: String, _ body: (KernelMap) throws(KernelErrno) -> Result
  ) throws(BenchError) -> Result {
    guard let map = maps[name] else { throw .refused(.badDescriptor, reason: "no map \(name)") }
    return try Self.translate { () throws(KernelErrno) in try body(map) }
  }

  private static func translate<Result>(
    _ body: () throws(KernelErrno) -> Result
  ) throws(BenchError) -> Result {
    do throws(KernelErrno) {
      return try body()
    } catch {
      throw .refused(LinuxError(rawValue: error.rawValue), reason: "\(error)")
    }
  }

  private static func translateCreation<Result>(
    _ body: () throws(KernelError) -> Result
  ) throws(BenchError) -> Result {
    do throws(KernelError) {
      return try body()
    } catch {
      throw .refused(LinuxError(rawValue: error.errno.rawValue), reason: "\(error)")
    }
  }
}
