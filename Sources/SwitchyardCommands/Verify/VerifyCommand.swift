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
    var refused = object.refused
    if let program {
      specs = specs.filter { $0.name == program }
      refused = refused.filter { $0.name == program }
      guard !specs.isEmpty || !refused.isEmpty else {
        let names = (object.programs.map(\.name) + object.refused.map(\.name))
          .joined(separator: ", ")
        throw CommandFailure(
          .usage,
          "\(objectOptions.object): there is no program \(program); the object has \(names)",
          file: objectOptions.object)
      }
    }
    var outcomes: [VerifyOutcome] = []
    for spec in specs { outcomes.append(try verify(spec, of: object)) }
    outcomes += refused.map(VerifyOutcome.init)
    if session.isJSON {
      session.show(
        .object([
          ("schema", .string("switchyard.verify/1")), ("object", .string(objectOptions.object)),
          ("programs", .array(outcomes.map(\.document))),
        ]))
    } else {
      session.show(outcomes.flatMap { $0.lines(style: session.style) })
    }
    let rejected = outcomes.filter { $0.error != nil }.map(\.name)
    try fail(.rejected, "the verifier rejected", rejected, in: session)
    let open = outcomes.filter { $0.obstacle != nil }.map(\.name)
    try fail(.unavailable, "these programs cannot be verified here:", open, in: session)
  }

  private func verify(
    _ spec: ProgramSpec, of object: ObjectFile
  ) throws(CommandFailure) -> VerifyOutcome {
    let given = try objectOptions.kind()
    guard let kind = spec.kind ?? given else {
      let reason = "section \(spec.section) of program \(spec.name) does not say which type it is"
      // The others need not wait for it.
      guard program == nil, object.programs.contains(where: { $0.kind != nil }) else {
        throw CommandFailure(
          .usage, "\(objectOptions.object): \(reason); give one with --type",
          file: objectOptions.object)
      }
      var outcome = VerifyOutcome(spec: spec, type: "unspec")
      outcome.obstacle = "\(reason); give one with --type"
      return outcome
    }
    let options = VerifierOptions(isStrict: strict, logLevel: logLevel)
    if let outcome = objectOptions.verify(spec, of: object, kind, options) { return outcome }
    var outcome = VerifyOutcome(spec: spec, type: kind.name)
    outcome.obstacle =
      ProgramType.needsKernelTypes(number: kind.type)
      ? "needs kernel BTF: only the running kernel's types say what it gets"
      : "this type of program is not described here"
    return outcome
  }

  private func fail(
    _ status: ExitStatus, _ what: String, _ names: [String], in session: Session
  ) throws(CommandFailure) {
    guard !names.isEmpty else { return }
    var failure = CommandFailure(
      status, "\(what) \(names.joined(separator: ", "))", file: objectOptions.object)
    failure.isReported = session.isJSON
    throw failure
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
    program.isSleepable = kind.isSleepable
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
