import ArgumentParser
import BPFCompiler
import BPFKernel
import BPFVerifier
import Switchyard

/// The engines of the command line.
enum EngineChoice: String, ExpressibleByArgument, CaseIterable {
  case jit
  case interpreter
  case kernel
}

/// `real`, or `fixed:NS`.
struct ClockChoice: ExpressibleByArgument {
  var clock: CPU.Clock

  init?(argument: String) {
    if argument == "real" {
      clock = .real
    } else if argument.hasPrefix("fixed:"), let time = UInt64(argument.dropFirst(6)) {
      clock = .fixed(time)
    } else {
      return nil
    }
  }
}

/// What programs run on, and what they see of the world.
struct EngineOptions: ParsableArguments {
  @Option(help: "Engine: interpreter, kernel (needs root) or jit.")
  var engine = EngineChoice.interpreter

  @Option(
    name: .customLong("set-slot"),
    help: ArgumentHelp(
      "Put a program into a slot before the run.", valueName: "array[index]=program"))
  var slots: [SlotAssignment] = []

  @Option(help: "Virtual CPUs; packets take turns on them.")
  var cpus: Int?

  @Option(help: "Time as programs see it: real, or fixed:NANOSECONDS.")
  var clock: ClockChoice?

  @Option(help: "Seed of the random numbers that programs get.")
  var seed: UInt64?

  @Flag(name: .customLong("trace-printk"), help: "Show what programs print on standard error.")
  var showsPrints = false

  func validate() throws {
    if let cpus, !(1...4096).contains(cpus) {
      throw ValidationError("--cpus takes 1 to 4096")
    }
    if engine == .kernel, cpus != nil || clock != nil || seed != nil || showsPrints {
      throw ValidationError(
        "--cpus, --clock, --seed and --trace-printk are not possible with --engine kernel")
    }
  }

  /// Creates an object's maps and programs in a runtime with the CPUs asked for.
  ///
  /// Compiled code tests nothing, so the verifier has to accept every program before.
  func load(
    _ object: ObjectFile, _ options: ObjectOptions
  ) throws(CommandFailure) -> Collection {
    guard engine == .jit else {
      return try options.load(object, into: Runtime(possibleCPUs: cpus ?? 1))
    }
    for spec in object.programs {
      // A program without a type, or of one that cannot run here, is not loaded either.
      let given = try options.kind()
      guard let kind = spec.kind ?? given, ProgramType.linux(number: kind.type) != nil else {
        continue
      }
      if let error = options.verify(spec, of: object, kind)?.error {
        throw CommandFailure(
          .rejected, "\(options.object): the verifier rejected \(spec.name): \(error.message)",
          file: error.line?.path ?? options.object, line: error.line?.line)
      }
    }
    let runtime = Runtime(possibleCPUs: cpus ?? 1, compiler: .x86())
    return try options.load(object, into: runtime, engine: .compiled)
  }

  private static let hasCompiler = ProgramCompiler.x86() != nil

  /// Throws for an engine that cannot be used here.
  func checkAvailability() throws(CommandFailure) {
    switch engine {
    case .interpreter: return
    case .jit:
      guard !Self.hasCompiler else { return }
      throw CommandFailure(
        .unavailable,
        "--engine jit: there is no compiler for this system; use --engine interpreter")
    case .kernel:
      guard let reason = Kernel.availability.reason else { return }
      throw CommandFailure(
        reason.contains("not permitted") ? .noPermission : .unavailable,
        "--engine kernel: \(reason)")
    }
  }

  /// What a run needs to know.
  func settings(recordsTailCalls: Bool, in session: Session) -> RuntimeEngine.Settings {
    var settings = RuntimeEngine.Settings(
      clock: clock?.clock ?? .real, seed: seed,
      // Compiled programs count the tail calls that were taken only while they are recorded.
      recordsTailCalls: recordsTailCalls || engine == .jit)
    if showsPrints {
      settings.traceHandler = { text in
        let text = String(decoding: text, as: UTF8.self)
        let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
        session.terminal.writeError("printk: \(line.printable)\n")
      }
    }
    return settings
  }
}
