import Switchyard

/// Runs packets here, interpreted and checked or verified and compiled, on one or more virtual CPUs
/// in turn.
final class RuntimeEngine: PacketEngine {
  let collection: Collection
  private let loaded: Collection.LoadedProgram
  private let cpus: [CPU]
  private let context: PacketContext
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
      context = try PacketContext(type: program.program.type)
    } catch {
      throw CommandFailure(
        .unavailable,
        "program \(program.spec.name) is of type \(program.program.type.name), which takes no"
          + " packets")
    }
    do throws(LinuxError) {
      var cpus: [CPU] = []
      for index in 0..<collection.runtime.possibleCPUs {
        let cpu = try collection.runtime.makeCPU(index: index)
        cpu.clock = settings.clock
        if let seed = settings.seed { cpu.seed = seed &+ UInt64(index) }
        cpu.recordsTailCalls = settings.recordsTailCalls
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
  var dataOut: [UInt8] { context.output }
  var tailCalls: [TailCallRecord] { last.tailCalls }

  var redirect: RedirectTarget? {
    let isRedirected = type.verdictName(verdict).hasSuffix("_REDIRECT")
    return isRedirected ? context.redirectTarget : nil
  }

  var frame: [UInt8] {
    // The data of a socket filter begins behind the link layer's header, and it cannot change it.
    context.packet
  }

  func run(_ packet: RawSpan) throws(CommandFailure) -> UInt32? {
    do throws(LinuxError) {
      try context.load(packet)
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
