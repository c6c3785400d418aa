import ArgumentParser
import BPFCompiler
import BPFKernel
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
  @Option(
    name: .customLong("engine"),
    help: ArgumentHelp(
      "Engine: jit (where there is a compiler, the default), interpreter, or kernel (needs root).",
      valueName: "engine"))
  var chosenEngine: EngineChoice?

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

  @Flag(help: "Harden compiled code: blinded constants, masked indices.")
  var harden = false

  @Flag(help: "Write /tmp/perf-PID.map, by which perf names compiled programs.")
  var perfMap = false

  @Flag(name: .customLong("trace-printk"), help: "Show what programs print on standard error.")
  var showsPrints = false

  func validate() throws {
    if let cpus, !(1...4096).contains(cpus) {
      throw ValidationError("--cpus takes 1 to 4096")
    }
    if harden, engine != .jit {
      throw ValidationError("--harden is possible with --engine jit only")
    }
    if engine == .kernel, cpus != nil || clock != nil || seed != nil || showsPrints {
      throw ValidationError(
        "--cpus, --clock, --seed and --trace-printk are not possible with --engine kernel")
    }
  }

  /// What programs run on: the compiler where there is one, unless something else is asked for.
  var engine: EngineChoice { chosenEngine ?? (Self.hasCompiler ? .jit : .interpreter) }

  /// Creates an object's maps and programs in a runtime with the CPUs asked for.
  ///
  /// The verifier has to accept what is compiled. What it rejects is interpreted where that is
  /// asked for, since every access is tested then.
  func load(
    _ object: ObjectFile, _ options: ObjectOptions, in session: Session
  ) throws(CommandFailure) -> Collection {
    let runtime = Runtime(possibleCPUs: cpus ?? 1, compiler: .x86(isHardened: harden))
    let loading = Collection.Options(
      defaultKind: try options.kind(), engine: engine == .jit ? .compiled : .interpreter,
      rejectedPrograms: .interpreted)
    let collection: Collection
    do throws(CollectionError) {
      collection = try Collection(loading: object, into: runtime, options: loading)
    } catch {
      throw options.failure(error)
    }
    for (name, error) in collection.refused.sorted(by: { $0.key < $1.key }) {
      session.note("\(name) was not loaded: \(error)")
    }
    for program in collection.programs {
      guard let rejection = program.rejection else { continue }
      let message = rejection.message.prefix { $0 != "\n" }
      session.warn(
        "the verifier rejected \(program.spec.name), which runs with every access tested: "
          + message)
    }
    if perfMap { try writePerfMap(collection) }
    return collection
  }

  private func writePerfMap(_ collection: Collection) throws(CommandFailure) {
    let lines = collection.programs.compactMap(\.program.perfMapLine)
    let path = "/tmp/perf-\(System.processID).map"
    do throws(System.FileError) {
      try System.write(lines.map { $0 + "\n" }.joined(), toFile: path)
    } catch {
      throw CommandFailure(.cannotWrite, "cannot write \(path): \(error.message)", file: path)
    }
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
      recordsTailCalls: recordsTailCalls)
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
