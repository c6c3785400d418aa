import Switchyard

/// Runs packets here, interpreted and checked or verified and compiled, on one or more virtual CPUs
/// in turn.
final class RuntimeEngine: PacketEngine {
  let collection: Collection
  private let loaded: Collection.LoadedProgram
  private let cpus: [CPU]
  private let context: Context
  /// `nil` where there are no packets.
  private let batch: PacketBatch?
  private let clock = ContinuousClock()
  private var turn = 0
  private var last: CPU
  private(set) var elapsed = Duration.zero
  private(set) var clones: [[UInt8]] = []
  private var verdict: UInt32 = 0

  let name: String
  let summary: String

  /// Prepares to run a program of a collection.
  init(
    _ collection: Collection, program: Collection.LoadedProgram, settings: Settings
  ) throws(CommandFailure) {
    self.collection = collection
    loaded = program
    switch program.program.engine {
    case .interpreter:
      name = "interpreter"
      summary = "interpreter, every access tested"
    case .compiled:
      name = "jit"
      summary = "compiled, verified before"
    }
    do throws(LinuxError) {
      let type = program.program.type
      context =
        type.context.hasPacket ? try PacketContext(type: type) : try Context(layout: type.context)
      batch = type.context.hasPacket ? try PacketBatch(type: type) : nil
    } catch {
      throw CommandFailure(
        .unavailable,
        "no memory for the context of program \(program.spec.name)")
    }
    do throws(LinuxError) {
      var cpus: [CPU] = []
      for index in 0..<collection.runtime.possibleCPUs {
        let cpu = try collection.runtime.makeCPU(index: index)
        cpu.clock = settings.clock
        if let seed = settings.seed { cpu.seed = seed &+ UInt64(index) }
        cpu.recordsTailCalls = settings.recordsTailCalls
        cpu.countsTailCalls = true
        cpu.traceHandler = settings.traceHandler
        cpus.append(cpu)
      }
      self.cpus = cpus
      last = cpus[0]
      for cpu in cpus {
        cpu.cloneHandler = { [unowned self] _, bytes in clones.append(bytes) }
      }
    } catch {
      throw CommandFailure(.unavailable, "cannot make a CPU: \(error)")
    }
  }

  /// What programs see of the world, and what is wanted of them.
  struct Settings {
    var clock = CPU.Clock.real
    var seed: UInt64?
    var recordsTailCalls = false
    var traceHandler: (([UInt8]) -> Void)?
  }

  var type: ProgramType { loaded.program.type }
  var dataOut: [UInt8] { packets?.output ?? context.bytes }
  var tailCalls: [TailCallRecord] { last.tailCalls }

  var redirect: RedirectTarget? {
    let isRedirected = type.verdictName(verdict).hasSuffix("_REDIRECT")
    return isRedirected ? packets?.redirectTarget : nil
  }

  var frame: [UInt8] {
    // The data of a socket filter begins behind the link layer's header, and it cannot change it.
    packets?.packet ?? []
  }

  /// The context, if it is one for packets.
  private var packets: PacketContext? { context as? PacketContext }

  func run(_ packet: RawSpan) throws(CommandFailure) -> UInt32? {
    do throws(LinuxError) {
      if let packets { try packets.load(packet) } else { try fill([UInt8](copying: packet)) }
    } catch .invalid {
      return nil
    } catch {
      throw CommandFailure(.unavailable, "cannot take a packet in: \(error)")
    }
    clones = []
    last = cpus[turn]
    turn = turn + 1 == cpus.count ? 0 : turn + 1
    let start = clock.now
    defer { elapsed += clock.now - start }
    do throws(Fault) {
      let result = try last.run(loaded.program, in: context)
      verdict = UInt32(truncatingIfNeeded: result.returnValue)
      return verdict
    } catch {
      throw failure(error)
    }
  }

  /// Takes bytes for the context's struct, filled up with zeros; EINVAL for more than it has.
  private func fill(_ bytes: [UInt8]) throws(LinuxError) {
    let missing = context.layout.byteCount - bytes.count
    guard missing >= 0 else { throw .invalid }
    context.bytes = bytes + [UInt8](repeating: 0, count: missing)
  }

  private func failure(_ fault: Fault) -> CommandFailure {
    let spec = collection.programs.first { $0.spec.name == fault.program }?.spec
    let line = spec?.ownLine(at: fault.instruction)
    let place = line.map { ", at \($0.place)" } ?? ""
    return CommandFailure(.fault, "\(fault)\(place)", file: line?.path, line: line?.line)
  }

  func mapContents() throws(CommandFailure) -> [MapContents] {
    collection.maps.map { MapContents($0, programs: collection.programs) }
  }

  /// The sum of the counters of all call sites of all programs.
  var tailCallCounts: TailCallCounts {
    collection.programs.flatMap(\.program.tailCallCounts).reduce(TailCallCounts(), +)
  }
}

extension RuntimeEngine: BatchingEngine {
  /// Packets take turns on CPUs one by one.
  var canBatch: Bool { batch != nil && cpus.count == 1 && !last.recordsTailCalls }

  func add(_ packet: RawSpan) throws(CommandFailure) -> Bool {
    do throws(LinuxError) {
      guard let batch else { return false }
      try batch.append(packet)
      return true
    } catch .invalid {
      return false
    } catch {
      throw CommandFailure(.unavailable, "cannot take a packet in: \(error)")
    }
  }

  func runBatch(_ finished: (Int, UInt32) -> Void) -> CommandFailure? {
    guard let batch else { return nil }
    let start = clock.now
    var found: CommandFailure?
    do throws(Fault) {
      try last.run(loaded.program, over: batch)
    } catch {
      found = failure(error)
    }
    elapsed += clock.now - start
    for index in 0..<batch.finishedCount {
      finished(index, UInt32(truncatingIfNeeded: batch.returnValue(at: index)))
    }
    batch.removeAll()
    return found
  }

  var batchCount: Int { batch?.count ?? 0 }
  var isBatchFull: Bool { batch?.isFull ?? false }
}
