import ArgumentParser
import BPFVerifier
import Switchyard

/// `switchyard verify`: what the verifier says of an object's programs.
struct VerifyCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Prove that programs are safe, or say why not.")

  @OptionGroup var objectOptions: ObjectOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Verify this program only.")
  var program: String?

  @Option(help: "Print the verifier's log: 1 for instructions, 2 for states too.")
  var logLevel = 0

  @Flag(help: "Hold programs to the rules for people without privileges.")
  var strict = false

  func validate() throws {
    guard (0...2).contains(logLevel) else { throw ValidationError("--log-level is 0, 1 or 2") }
  }

  func execute(in session: Session) throws(CommandFailure) {
    let object = try objectOptions.read()
    var specs = object.programs
    if let program {
      specs = specs.filter { $0.name == program }
      guard !specs.isEmpty else {
        let names = object.programs.map(\.name).joined(separator: ", ")
        throw CommandFailure(
          .usage,
          "\(objectOptions.object): there is no program \(program); the object has \(names)",
          file: objectOptions.object)
      }
    }
    var outcomes: [VerifyOutcome] = []
    for spec in specs { outcomes.append(try verify(spec, of: object)) }
    if session.isJSON {
      session.show(
        .object([
          ("schema", .string("switchyard.verify/1")), ("object", .string(objectOptions.object)),
          ("programs", .array(outcomes.map(\.document))),
        ]))
    } else {
      session.show(outcomes.flatMap { $0.lines(style: session.style) })
    }
    let rejected = outcomes.filter { $0.error != nil }.map(\.spec.name)
    guard rejected.isEmpty else {
      var failure = CommandFailure(
        .rejected, "the verifier rejected \(rejected.joined(separator: ", "))",
        file: objectOptions.object)
      failure.isReported = session.isJSON
      throw failure
    }
  }

  private func verify(
    _ spec: ProgramSpec, of object: ObjectFile
  ) throws(CommandFailure) -> VerifyOutcome {
    let given = try objectOptions.kind()
    guard let kind = spec.kind ?? given else {
      throw CommandFailure(
        .usage,
        "\(objectOptions.object): section \(spec.section) of program \(spec.name) does not say "
          + "which type it is; give one with --type", file: objectOptions.object)
    }
    let options = VerifierOptions(isStrict: strict, logLevel: logLevel)
    guard let outcome = objectOptions.verify(spec, of: object, kind, options) else {
      let reason =
        ProgramType.needsKernelTypes(number: kind.type)
        ? "program \(spec.name) needs kernel BTF: only the running kernel's types say what a "
          + "program of type \(kind.name) gets"
        : "programs of type \(kind.name) cannot be verified yet"
      throw CommandFailure(
        .unavailable, "\(objectOptions.object): \(reason)", file: objectOptions.object)
    }
    return outcome
  }
}

extension ObjectOptions {
  /// What the verifier says of a program; `nil` for kinds that are not described here.
  func verify(
    _ spec: ProgramSpec, of object: ObjectFile, _ kind: ProgramKind,
    _ options: VerifierOptions = VerifierOptions()
  ) -> VerifyOutcome? {
    guard
      let type = ProgramType.described(
        number: kind.type, expectedAttachType: kind.expectedAttachType)
    else { return nil }
    var program = VerifierProgram(spec, of: object, type: type)
    program.expectedAttachType = kind.expectedAttachType
    program.isSleepable = kind.isSleepable || kind.type == 31
    let verifier = Verifier(program, options: options)
    var outcome = VerifyOutcome(spec: spec, type: type.name)
    let clock = ContinuousClock()
    let start = clock.now
    do throws(VerifierError) {
      outcome.statistics = try verifier.verify { outcome.log = $0 }.statistics
    } catch {
      outcome.error = error
    }
    outcome.duration = clock.now - start
    return outcome
  }
}
