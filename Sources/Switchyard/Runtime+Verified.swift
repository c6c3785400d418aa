import BPFCompiler
public import BPFRuntime
public import BPFVerifier

extension Runtime {
  /// Makes an empty runtime with the compiler for this machine, if there is one.
  ///
  /// - Parameter possibleCPUs: How many CPUs there can be.
  public convenience init(possibleCPUs: Int = 1) {
    self.init(possibleCPUs: possibleCPUs, compiler: .x86())
  }

  /// Verifies a program and loads it.
  ///
  /// ```swift
  /// let code = try Assembler().assemble("r0 = 1\nexit").instructions
  /// let drop = try runtime.load(
  ///   verifying: ProgramSource(name: "drop", type: .xdp, instructions: code))
  /// ```
  ///
  /// - Parameters:
  ///   - source: The program, of one of Linux's types or one of your own.
  ///   - engine: What executes it; `nil` for the runtime's preferred engine.
  ///   - options: How strict the verifier is.
  /// - Throws: ``CollectionError``: what the verifier or the runtime has against it.
  public func load(
    verifying source: ProgramSource, engine: Engine? = nil,
    options: VerifierOptions = VerifierOptions()
  ) throws(CollectionError) -> Program {
    var source = source
    do throws(VerifierError) {
      source.facts = try Verifier(VerifierProgram(source), options: options).verify().facts
    } catch {
      throw CollectionError(rejected: source.name, error)
    }
    do throws(LoadError) {
      return try load(source, engine: engine ?? preferredEngine)
    } catch {
      throw CollectionError(code: .load, subject: source.name, reason: "\(error)")
    }
  }
}
