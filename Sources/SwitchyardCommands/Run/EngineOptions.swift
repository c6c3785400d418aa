import ArgumentParser
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

  /// A runtime with the CPUs asked for.
  var runtime: Runtime { Runtime(possibleCPUs: cpus ?? 1) }

  /// Throws for an engine that cannot be used here.
  func checkAvailability() throws(CommandFailure) {
    switch engine {
    case .interpreter: return
    case .jit:
      throw CommandFailure(
        .unavailable, "--engine jit is not available yet; use --engine interpreter")
    case .kernel:
      guard let reason = Kernel.availability.reason else { return }
      throw CommandFailure(
        reason.contains("not permitted") ? .noPermission : .unavailable,
        "--engine kernel: \(reason)")
    }
  }

  /// What the interpreter needs to know.
  func settings(recordsTailCalls: Bool, in session: Session) -> InterpreterEngine.Settings {
    var settings = InterpreterEngine.Settings(
      clock: clock?.clock ?? .real, seed: seed, recordsTailCalls: recordsTailCalls)
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
