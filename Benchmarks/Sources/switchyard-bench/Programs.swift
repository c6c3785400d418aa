import BPFCompiler
import BPFKernel
import Foundation
import NativePrograms
import Switchyard

/// The folder with the benchmark's BPF programs.
private let folder = URL(filePath: #filePath)
  .deletingLastPathComponent().appending(path: "../../Programs").standardized

/// An object of the benchmark.
func benchmarkObject(_ name: String) throws -> ObjectFile {
  let bytes = try Data(contentsOf: folder.appending(path: name + ".o"))
  return try ObjectFile(bytes: [UInt8](bytes), name: name)
}

/// The bytes that every engine's block starts from: the same everywhere, random-looking, with an
/// Ethernet frame at the front for the parsing program.
let blockBytes: [UInt8] = {
  var state: UInt64 = 0x5eed
  var bytes = (0..<10240).map { _ -> UInt8 in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
  bytes[12] = 0x08
  bytes[13] = 0x00
  bytes[14] = 0x45
  return bytes
}()

/// The compute programs in every engine that is there.
struct ComputePrograms {
  let names: [String]
  private let collection: Switchyard.Collection
  private let compiled: Switchyard.Collection
  private let hardened: Switchyard.Collection
  private let hardenedCPU: CPU
  private let kernel: KernelCollection?
  private let dpdk: [String: DPDKProgram]
  private let context: PacketContext
  private let cpu: CPU
  private let packet = [UInt8](repeating: 0, count: 64)

  init() throws {
    let object = try benchmarkObject("compute")
    let runtime = Runtime()
    compiled = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: .compiled))
    collection = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: .interpreter))
    cpu = try runtime.makeCPU()
    let careful = Runtime(compiler: .x86(isHardened: true))
    hardened = try Collection(
      loading: object, into: careful, options: Collection.Options(engine: .compiled))
    hardenedCPU = try careful.makeCPU()
    context = try PacketContext(type: .socketFilter)
    _ = try context.load(packet)
    names = collection.programs.map(\.spec.name).filter { $0 != "empty" }
    kernel = Kernel.availability.isAvailable ? try KernelCollection(object) : nil
    if let reason = Kernel.availability.reason { print("linux is left out: \(reason)") }
    var dpdk: [String: DPDKProgram] = [:]
    for program in object.programs {
      dpdk[program.name] = DPDKProgram(program, memoryByteCount: blockBytes.count)
    }
    self.dpdk = dpdk
    let refused = names.filter { dpdk[$0] == nil }
    if DPDK.isAvailable { print("dpdk refuses \(refused.joined(separator: ", "))") }
  }

  private func fill() throws {
    try collection.map(".bss").handle.update([0, 0, 0, 0], blockBytes)
    try compiled.map(".bss").handle.update([0, 0, 0, 0], blockBytes)
    try hardened.map(".bss").handle.update([0, 0, 0, 0], blockBytes)
    try kernel?.map(named: ".bss")?.update([0, 0, 0, 0], blockBytes)
    native_fill(blockBytes, UInt64(blockBytes.count))
  }

  /// Runs every program once in every engine on the same block.
  ///
  /// - Throws: ``Disagreement`` when results differ: a benchmark of wrong results says nothing.
  func checkAgreement() throws {
    for name in names {
      try fill()
      let program = try collection.program(name).program
      let ours = UInt32(truncatingIfNeeded: try cpu.run(program, in: context).returnValue)
      let machine = try cpu.run(compiled.program(name).program, in: context)
      var others = ["native": UInt32(truncatingIfNeeded: native_run(name, 1))]
      others["switchyard-jit"] = UInt32(truncatingIfNeeded: machine.returnValue)
      let careful = try hardenedCPU.run(hardened.program(name).program, in: context)
      others["switchyard-jit-hardened"] = UInt32(truncatingIfNeeded: careful.returnValue)
      if let kernel = kernel?.program(named: name) {
        others["linux"] = try kernel.testRun(data: packet).returnValue
      }
      if let program = dpdk[name] {
        var block = blockBytes
        others["dpdk"] = UInt32(truncatingIfNeeded: program.run(&block, repetitions: 1))
      }
      for (engine, theirs) in others where theirs != ours {
        throw Disagreement(program: name, engine: engine, ours: ours, theirs: theirs)
      }
    }
  }

  /// Instructions that one run of a program executes.
  func instructionCount(_ name: String) throws -> Int {
    try fill()
    return Int(try cpu.run(collection.program(name).program, in: context).instructions)
  }

  /// One contender per engine for a program.
  func contenders(_ name: String, nanosecondsPerSample: Double) throws -> [Contender] {
    try fill()
    let program = try collection.program(name).program
    var contenders = try [CPU.Mode.unchecked, .checked].map { mode in
      let work = { (count: Int) in
        for _ in 0..<count { _ = try cpu.run(program, in: context, mode: mode) }
      }
      return try contender(
        mode == .unchecked ? "switchyard-interpreter" : "switchyard-interpreter-checked",
        nanosecondsPerSample, work)
    }
    let machine = try compiled.program(name).program
    let compiledWork = { (count: Int) in
      for _ in 0..<count { _ = try cpu.run(machine, in: context) }
    }
    contenders.append(try contender("switchyard-jit", nanosecondsPerSample, compiledWork))
    let careful = try hardened.program(name).program
    contenders.append(
      try contender("switchyard-jit-hardened", nanosecondsPerSample) { count in
        for _ in 0..<count { _ = try hardenedCPU.run(careful, in: context) }
      })
    if let kernel = kernel?.program(named: name) {
      let work = { (count: Int) in
        _ = try kernel.testRun(data: packet, repetitions: UInt32(count))
      }
      contenders.append(try contender("linux", nanosecondsPerSample, work))
    }
    if let program = dpdk[name] {
      var block = blockBytes
      contenders.append(
        try contender("dpdk", nanosecondsPerSample) { count in
          _ = program.run(&block, repetitions: count)
        })
    }
    let native = { (count: Int) in _ = native_run(name, UInt64(count)) }
    contenders.append(try contender("native", nanosecondsPerSample, native))
    return contenders
  }

  private func contender(
    _ engine: String, _ target: Double, _ work: @escaping (Int) throws -> Void
  ) throws -> Contender {
    let count = try Sampling.repetitions(filling: target, work)
    return Contender(engine: engine, operations: count) {
      try work(count)
      return nil
    }
  }
}

/// Two engines that do not compute the same.
struct Disagreement: Error, CustomStringConvertible {
  var program: String
  var engine: String
  var ours: UInt32
  var theirs: UInt32

  var description: String {
    "\(program): the interpreter returns \(ours), \(engine) \(theirs)"
  }
}
