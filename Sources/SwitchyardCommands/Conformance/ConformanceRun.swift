// UNSAFE. One program, loaded for the plugin and run.
//
// Invariant: what is compiled unverified went through a checked run on the same memory before.

import BPFCompiler
import Switchyard

/// Loads one program for the plugin and runs it.
struct ConformanceRun {
  private let options: ConformanceOptions

  init(_ options: ConformanceOptions) {
    self.options = options
  }

  /// The type of all programs here: any memory behind r1, its length in r2, and the helpers that
  /// need neither packet nor kernel.
  static let type = ProgramType(
    number: 0x1_0001, name: "conformance", context: MemoryContext.layout,
    helpers: Helper.base + [echo])

  /// The suites expect a helper 5 that returns its first argument.
  private static let echo = Helper(
    number: 5, name: "echo", arguments: [.anything], function: { first, _, _, _, _, _ in first })

  func run(_ bytes: [UInt8]) throws(ConformanceError) -> UInt64 {
    let value = try run(bytes, in: Runtime(compiler: nil))
    guard options.isCompiled else { return value }
    guard let compiler = ProgramCompiler.x86() else {
      throw ConformanceError("--jit: there is no compiler for this system")
    }
    // Compiled code tests nothing. What the checked interpreter stops never gets this far.
    return try run(bytes, in: Runtime(compiler: compiler), engine: .compiled)
  }

  private func run(
    _ bytes: [UInt8], in runtime: Runtime, engine: Runtime.Engine = .interpreter
  ) throws(ConformanceError) -> UInt64 {
    if options.isObject {
      let collection = try load(object: bytes, into: runtime, engine)
      guard let program = collection.programs.first else {
        let reasons = collection.refused.values.map { "\($0)" }.sorted().joined(separator: "; ")
        throw ConformanceError(reasons.isEmpty ? "the object has no program" : reasons)
      }
      return try run(program.program, in: runtime)
    }
    return try run(try load(bytes, into: runtime, engine), in: runtime)
  }

  private func load(
    _ bytes: [UInt8], into runtime: Runtime, _ engine: Runtime.Engine
  ) throws(ConformanceError) -> Program {
    do {
      let instructions = try [Instruction](littleEndianBytes: bytes)
      let source = ProgramSource(name: "program", type: Self.type, instructions: instructions)
      return try unsafe runtime.loadUnverified(source, engine: engine)
    } catch {
      throw ConformanceError("\(error)")
    }
  }

  private func load(
    object bytes: [UInt8], into runtime: Runtime, _ engine: Runtime.Engine
  ) throws(ConformanceError) -> Collection {
    // Whatever the section's name says, programs are run in the same way here.
    let kinds = (0...UInt32(64)).map { ($0, Self.type) }
    var loading = Collection.Options(
      defaultKind: ProgramKind(type: 0), types: Dictionary(uniqueKeysWithValues: kinds),
      engine: engine)
    loading.trustsPrograms = true
    let object: ObjectFile
    do throws(ObjectFileError) {
      object = try ObjectFile(bytes: bytes)
    } catch {
      throw ConformanceError("\(error)")
    }
    do throws(CollectionError) {
      return try Collection(loading: object, into: runtime, options: loading)
    } catch {
      throw ConformanceError("\(error)")
    }
  }

  private func run(_ program: Program, in runtime: Runtime) throws(ConformanceError) -> UInt64 {
    do {
      let context = try MemoryContext(options.memory)
      return try runtime.makeCPU().run(program, in: context).returnValue
    } catch {
      throw ConformanceError("\(error)")
    }
  }
}
